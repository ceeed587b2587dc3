"""Glassnode: one request a metric, and days by the beginning of their interval."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests

from pipelines.sources import glassnode
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window, needed_keys
from pipelines.sources.parsing import TABLES
from tests.test_coingecko import assert_damage_is_caught

DAY = 86_400
START = 1_770_076_800  # 2026-02-03
NOW = datetime(2026, 2, 6, 0, 30, tzinfo=UTC)
SERIES = Series("BTC", "BTC", "onchain")
REQUEST, PROFIT = glassnode.build_requests(SERIES, Window(date(2026, 2, 3), date(2026, 2, 5), NOW))
DOCUMENT: list[dict[str, Any]] = [
    {"t": START, "v": 184600321.5},
    {"t": START + DAY, "v": 0},
    {"t": START + 2 * DAY, "v": 2.5e9},
]


def parse(document: Any, request: Request = REQUEST) -> pd.DataFrame:
    return glassnode.parse(json.dumps(document).encode(), request)["onchain"]


def changed(**fields: Any) -> list[dict[str, Any]]:
    """The composed answer with fields of its second day replaced, or removed where given as `...`."""
    second = {name: value for name, value in (DOCUMENT[1] | fields).items() if value is not ...}
    return [DOCUMENT[0], second, DOCUMENT[2]]


def test_one_request_a_metric_for_the_whole_window() -> None:
    assert [r.path for r in (REQUEST, PROFIT)] == [
        "/v1/metrics/indicators/realized_loss",
        "/v1/metrics/indicators/realized_profit",
    ]
    params = {"a": "BTC", "i": "24h", "s": "1770076800", "u": "1770336000", "f": "JSON", "timestamp_format": "unix"}
    assert REQUEST.params == PROFIT.params == params


def test_the_key_is_needed_and_travels_in_a_header() -> None:
    assert needed_keys(glassnode, SERIES) == ("GLASSNODE_API_KEY",)
    assert [key.header for key in glassnode.KEYS] == ["X-Api-Key"]


@pytest.mark.parametrize(("request_", "metric"), [(REQUEST, "realized_loss_usd"), (PROFIT, "realized_profit_usd")])
def test_the_composed_answer_gives_the_rows_written_by_hand(request_: Request, metric: str) -> None:
    expected = [
        ("BTC", "2026-02-03", metric, 184600321.5),
        ("BTC", "2026-02-04", metric, 0.0),
        ("BTC", "2026-02-05", metric, 2_500_000_000.0),
    ]
    types = dict(TABLES["onchain"])
    pd.testing.assert_frame_equal(parse(DOCUMENT, request_), pd.DataFrame(expected, columns=list(types)).astype(types))


def test_no_days_are_an_empty_table_of_the_right_types() -> None:
    rows = parse([])
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["onchain"])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"error": "no"}, "not a list", id="error"),
        pytest.param([[START, 1.0]], "'rows' holds list", id="list-in-list"),
        pytest.param(changed(t=...), "'t' is missing", id="no-time"),
        pytest.param(changed(t="1770163200"), "'t' is str", id="text-time"),
        pytest.param(changed(t=True), "'t' is bool", id="boolean-time"),
        pytest.param(changed(t=START + 3600), "not 00:00 UTC", id="within-a-day"),
        pytest.param(changed(t=START), "days repeat", id="a-day-twice"),
        pytest.param(changed(t=START + 3 * DAY), "out of order", id="out-of-order"),
        pytest.param([{"t": START - DAY, "v": 1.0}], "begin before 2026-02-03", id="before-the-window"),
        pytest.param([{"t": 10**18, "v": 1.0}], "out of range", id="late"),
        pytest.param(changed(v=...), "'v' holds NoneType", id="no-value"),
        pytest.param(changed(v=None), "'v' holds NoneType", id="null-value"),
        pytest.param(changed(v="1.5"), "'v' holds str", id="text-value"),
        pytest.param(changed(v=False), "'v' holds bool", id="boolean-value"),
        pytest.param(changed(v=-1.5), "negative", id="negative"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_damage_gives_valid_rows_or_a_refusal() -> None:
    assert_damage_is_caught(glassnode, DOCUMENT, REQUEST)


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "application/json", json.dumps(DOCUMENT), Outcome.OK, id="days"),
        pytest.param(200, "application/json", "[]", Outcome.EMPTY, id="no-days"),
        pytest.param(401, "application/json", '{"error":"Unauthorized"}', Outcome.AUTH, id="bad-key"),
        pytest.param(401, "text/plain", "Unauthorized", Outcome.AUTH, id="bad-key-in-plain-text"),
        pytest.param(403, "application/json", '{"error":"plan"}', Outcome.AUTH, id="plan"),
        pytest.param(403, "text/plain", "requires another plan", Outcome.AUTH, id="plan-in-plain-text"),
        pytest.param(404, "text/plain", "404 page not found", Outcome.NOT_FOUND, id="unknown-metric"),
        pytest.param(429, "text/plain", "Too Many Requests", Outcome.RATE_LIMITED, id="throttled"),
        pytest.param(400, "application/json", '{"error":"bad asset"}', Outcome.SCHEMA_DRIFT, id="bad-request"),
        pytest.param(502, "text/html", "<html></html>", Outcome.TRANSIENT, id="down"),
        pytest.param(200, "application/json", '[{"t":', Outcome.TRANSIENT, id="cut-off"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = kind
    assert glassnode.classify(response) is outcome
