"""models.dev: a list of models whose release is known to the day, to the month or not at all."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests

from pipelines.sources import modelsdev
from pipelines.sources.base import Outcome, Series, SourceError, Window, asks_whole
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)
MODELS = Series("AI_MODELS", "AI_MODELS", "model_releases")
[REQUEST] = modelsdev.build_requests(MODELS, Window(date(2026, 2, 9), date(2026, 2, 10), NOW))


def entry(key: str, name: str, released: str | None) -> dict[str, Any]:
    """A composed model."""
    known = {} if released is None else {"release_date": released}
    return {"id": key, "name": name, **known, "last_updated": "2026-02-01", "limit": {"context": 1000}}


DOCUMENT = {
    "oak/acorn-1": entry("oak/acorn-1", "Acorn 1", "2025-11-30"),
    "oak/acorn-2": entry("oak/acorn-2", "Acorn 2", "2026-01"),
    "elm/seed/mini": entry("elm/seed/mini", "Seed mini", None),
}


def parse(document: Any) -> pd.DataFrame:
    [(name, rows)] = modelsdev.parse(json.dumps(document).encode(), REQUEST).items()
    assert name == "model_releases"
    return rows


def changed(**fields: Any) -> dict[str, Any]:
    """The composed list with fields of the first model replaced, or removed where given as `...`."""
    merged = {**DOCUMENT["oak/acorn-1"], **fields}
    return {**DOCUMENT, "oak/acorn-1": {key: value for key, value in merged.items() if value is not ...}}


def test_one_request_for_the_whole_list() -> None:
    assert (REQUEST.path, REQUEST.params) == ("/models.json", {})
    assert asks_whole(modelsdev, "model_releases")


def test_the_composed_list_gives_the_rows_written_by_hand() -> None:
    expected = [
        ("AI_MODELS", "oak/acorn-1", "oak", "Acorn 1", "2025-11-30", "day"),
        ("AI_MODELS", "oak/acorn-2", "oak", "Acorn 2", "2026-01-01", "month"),
        ("AI_MODELS", "elm/seed/mini", "elm", "Seed mini", None, "unknown"),
    ]
    types = dict(TABLES["model_releases"])
    pd.testing.assert_frame_equal(parse(DOCUMENT), pd.DataFrame(expected, columns=list(types)).astype(types))


def test_a_model_that_was_removed_has_no_row() -> None:
    fewer = {key: model for key, model in DOCUMENT.items() if key != "oak/acorn-2"}
    assert parse(fewer)["model_id"].tolist() == ["oak/acorn-1", "elm/seed/mini"]


@pytest.mark.parametrize(
    "document", [{}, {"elm/seed/mini": DOCUMENT["elm/seed/mini"]}], ids=["no-models", "none-with-a-date"]
)
def test_without_dates_the_types_are_the_same(document: Any) -> None:
    rows = parse(document)
    assert rows["release_date"].isna().all()
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["model_releases"])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param([], "not an object", id="list"),
        pytest.param({"oak/acorn-1": None}, "'id' is missing", id="null-model"),
        pytest.param(changed(id="oak/acorn-2"), "has another id", id="another-id"),
        pytest.param(changed(id=...), "'id' is missing", id="no-id"),
        pytest.param(changed(name=...), "'name' is missing", id="no-name"),
        pytest.param(changed(name=1), "'name' is int", id="numeric-name"),
        pytest.param(changed(release_date=None), "'release_date' is NoneType", id="null-date"),
        pytest.param(changed(release_date=20251130), "'release_date' is int", id="numeric-date"),
        pytest.param(changed(release_date=""), "not a date", id="empty-date"),
        pytest.param(changed(release_date="2025"), "not a date", id="year"),
        pytest.param(changed(release_date="2025-13"), "not a date", id="no-such-month"),
        pytest.param(changed(release_date="2025-1-1"), "not a date", id="short-date"),
        pytest.param(changed(release_date="2025-02-29"), "not a date", id="no-such-day"),
        pytest.param({"acorn": entry("acorn", "Acorn", None)}, "not a lab and a model", id="no-lab"),
        pytest.param({"/acorn": entry("/acorn", "Acorn", None)}, "not a lab and a model", id="empty-lab"),
        pytest.param({"oak/": entry("oak/", "Acorn", None)}, "not a lab and a model", id="empty-model"),
    ],
)
def test_a_strange_list_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_list_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        modelsdev.parse(json.dumps(DOCUMENT).encode()[:-1], REQUEST)


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "application/json", json.dumps(DOCUMENT), Outcome.OK, id="models"),
        pytest.param(200, "application/json", json.dumps(DOCUMENT)[:-5], Outcome.TRANSIENT, id="cut-off"),
        pytest.param(404, "text/plain", "Not Found", Outcome.NOT_FOUND, id="moved"),
        pytest.param(200, "text/html", "<html></html>", Outcome.CHALLENGE, id="page-for-an-answer"),
        pytest.param(429, "text/plain", "", Outcome.RATE_LIMITED, id="too-fast"),
        pytest.param(500, "text/plain", "", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.headers["Content-Type"] = status, kind
    response.raw = io.BytesIO(body.encode())
    assert modelsdev.classify(response) is outcome
