"""models.dev: AI models with their release dates, kept by volunteers; coverage of the labs is uneven."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import requests

from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, member, written_days

NAME = "modelsdev"
BASE_URL = "https://models.dev"
REQUESTS_PER_SECOND: float = 1.0
HEADERS: Mapping[str, str] = {}
TERMS = "MIT licence: reuse with its notice; dates are contributed by volunteers and corrected later."
WHOLE = frozenset({"model_releases"})


def build_requests(series: Series, window: Window) -> list[Request]:
    """The one list of all models."""
    return [Request(NAME, series, "/models.json", {}, window)]


def classify(response: requests.Response) -> Outcome:
    """What the status and the body's form say; the vendor describes no errors of its own."""
    return classify_http(response)


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """Every model in the list, whatever the window: what a list holds on a day is itself the news."""
    models = document(body, request)
    check(isinstance(models, dict), request, "the answer is not an object of models")
    releases = {key: _release(key, entry, request) for key, entry in models.items()}
    written = {key: day for key, (day, _) in releases.items() if day is not None}
    dates = pd.Series(written_days(list(written.values()), "%Y-%m-%d", "release_date", request), index=list(written))
    columns = {
        "model_id": list(models),
        "lab": [key.split("/")[0] for key in models],
        "name": [member(entry, "name", str, request) for entry in models.values()],
        "release_date": dates.reindex(list(models)).to_numpy(),
        "release_precision": [precision for _, precision in releases.values()],
    }
    return {"model_releases": frame("model_releases", request, columns)}


def _release(key: str, entry: Any, request: Request) -> tuple[str | None, str]:
    """The day of the release, of a month its first, as text, and how exactly it is known."""
    check(member(entry, "id", str, request) == key, request, f"the entry of '{key[:40]}' has another id")
    lab, _, model = key.partition("/")
    check(bool(lab and model), request, f"'{key[:40]}' is not a lab and a model")
    if "release_date" not in entry:
        return None, "unknown"
    text: str = member(entry, "release_date", str, request)
    return (f"{text}-01", "month") if len(text) == len("2026-02") else (text, "day")
