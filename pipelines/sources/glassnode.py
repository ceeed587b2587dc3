"""Glassnode (paid): bitcoin's realized loss and profit by UTC day, over all spent outputs, not entity-adjusted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pandas as pd
import requests

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Key, Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, check_days, document, frame, member, numbers, only, stamps

NAME = "glassnode"
BASE_URL = "https://api.glassnode.com"
REQUESTS_PER_SECOND: float = 1.0
HEADERS: Mapping[str, str] = {}
TERMS = "Paid: Professional plan with the API add-on; no redistribution."
KEYS = (Key("GLASSNODE_API_KEY", header="X-Api-Key"),)

# Each metric has its own path.
METRICS: Mapping[str, str] = {
    "/v1/metrics/indicators/realized_loss": "realized_loss_usd",
    "/v1/metrics/indicators/realized_profit": "realized_profit_usd",
}


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request a metric, for the whole window."""
    params = {
        "a": series.vendor_symbol,
        "i": "24h",
        "s": str(_unix(window.since)),
        "u": str(_unix(window.until + timedelta(days=1))),
        "f": "JSON",
        "timestamp_format": "unix",
    }
    return [Request(NAME, series, path, params, window) for path in METRICS]


def _unix(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def classify(response: requests.Response) -> Outcome:
    """An empty list is an answer: no days in this window."""
    outcome = classify_http(response)
    return Outcome.EMPTY if outcome is Outcome.OK and json_or_none(response.content) == [] else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """One metric by the day its interval begins; losses are positive here, so that anything negative is refused."""
    rows = document(body, request)
    check(isinstance(rows, list), request, "the answer is not a list")
    only(rows, {dict}, "rows", request)
    days = stamps([member(row, "t", int, request) for row in rows], "s", "t", request)
    check_days(days, request.window.since.isoformat(), request)
    written = [row.get("v") for row in rows]
    only(written, {int, float}, "v", request)
    values = numbers(written, "v", request)
    check(bool((values >= 0).all()), request, "'v' holds a negative amount")
    columns = {"date": days, "metric": METRICS[request.path], "value": values}
    return {"onchain": frame("onchain", request, columns)}
