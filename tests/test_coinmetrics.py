"""Coin Metrics: pages followed by their token, decimal strings, and no row where there is no value."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import coinmetrics
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES
from tests.test_coingecko import assert_damage_is_caught

NOW = datetime(2026, 2, 6, 0, 30, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 3), date(2026, 2, 5), NOW)
[REQUEST] = coinmetrics.build_requests(Series("BTC", "btc", "onchain"), WINDOW)


def row(day: str, **changes: Any) -> dict[str, Any]:
    """A composed row, with fields replaced, or removed where given as `...`."""
    fields = {
        "asset": "btc",
        "time": f"{day}T00:00:00.000000000Z",
        "PriceUSD": "70500.25",
        "CapMrktCurUSD": "1400000000000.5",
        "CapMVRVCur": "1.25",
    } | changes
    return {name: value for name, value in fields.items() if value is not ...}


DOCUMENT = {
    "data": [
        row("2026-02-03"),
        row("2026-02-04", PriceUSD="71000", CapMVRVCur=None),
        row("2026-02-05", PriceUSD="69000.5", CapMrktCurUSD=...),
    ]
}


def parse(document: Any, request: Request = REQUEST) -> pd.DataFrame:
    return coinmetrics.parse(json.dumps(document).encode(), request)["onchain"]


def test_one_request_from_the_first_day_oldest_first() -> None:
    assert REQUEST.path == "/v4/timeseries/asset-metrics"
    assert REQUEST.params == {
        "assets": "btc",
        "metrics": "PriceUSD,CapMrktCurUSD,CapMVRVCur",
        "frequency": "1d",
        "start_time": "2026-02-03",
        "end_time": "2026-02-05",
        "page_size": "10000",
        "paging_from": "start",
    }


def test_null_and_missing_values_are_no_rows_of_the_table_written_by_hand() -> None:
    expected = [
        ("2026-02-03", "price_usd", 70500.25),
        ("2026-02-04", "price_usd", 71000.0),
        ("2026-02-05", "price_usd", 69000.5),
        ("2026-02-03", "market_cap_usd", 1400000000000.5),
        ("2026-02-04", "market_cap_usd", 1400000000000.5),
        ("2026-02-03", "mvrv_ratio", 1.25),
        ("2026-02-05", "mvrv_ratio", 1.25),
    ]
    types = dict(TABLES["onchain"])
    frame = pd.DataFrame([("BTC", *values) for values in expected], columns=list(types)).astype(types)
    pd.testing.assert_frame_equal(parse(DOCUMENT), frame)


def test_no_rows_are_an_empty_table_of_the_right_types() -> None:
    rows = parse({"data": []})
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["onchain"])


def test_fields_that_were_not_asked_for_are_ignored() -> None:
    rows = parse({"data": [row("2026-02-03", **{"PriceUSD-status": "reviewed"})]})
    assert len(rows) == 3


DAYS = [(date(2026, 2, 3) + timedelta(days=n)).isoformat() for n in range(3)]


@responses.activate
@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        pytest.param(2, [2, 1], id="partial-last-page"),
        pytest.param(1, [1, 1, 1], id="full-pages"),
        pytest.param(3, [3], id="one-full-page"),
        pytest.param(10, [3], id="one-partial-page"),
    ],
)
def test_the_pages_add_up_to_the_whole(size: int, sizes: list[int]) -> None:
    def page(request: Any) -> tuple[int, dict[str, str], str]:
        after = request.params.get("next_page_token", "")
        left = [day for day in DAYS if day > after]
        found: dict[str, Any] = {"data": [row(day) for day in left[:size]]}
        if left[size:]:
            found |= {"next_page_token": left[size - 1], "next_page_url": "https://elsewhere.test/"}
        return 200, {}, json.dumps(found)

    responses.add_callback(responses.GET, f"https://mirror.test{REQUEST.path}", page)
    session, frames = VendorSession(coinmetrics, "https://mirror.test"), []
    following: Request | None = REQUEST
    while following:
        body = session.get(following).body
        frames.append(coinmetrics.parse(body, following)["onchain"])
        following = coinmetrics.next_request(body, following)
    assert [len(frame) / 3 for frame in frames] == sizes
    whole = pd.concat(frames).sort_values(["metric", "date"], ignore_index=True)
    expected = parse({"data": [row(day) for day in DAYS]}).sort_values(["metric", "date"], ignore_index=True)
    pd.testing.assert_frame_equal(whole, expected)


def test_the_next_page_asks_the_same_with_the_token() -> None:
    following = coinmetrics.next_request(json.dumps(DOCUMENT | {"next_page_token": "0.Mg=="}).encode(), REQUEST)
    assert following is not None
    assert following.params == {**REQUEST.params, "next_page_token": "0.Mg=="}
    assert (following.path, following.window) == (REQUEST.path, WINDOW)


def test_a_null_token_is_no_token() -> None:
    assert coinmetrics.next_request(b'{"data":[],"next_page_token":null}', REQUEST) is None


@pytest.mark.parametrize("token", ["0.Mg==", "", 7])
def test_a_token_that_leads_nowhere_is_refused(token: Any) -> None:
    body = json.dumps({"data": [], "next_page_token": "0.Mg=="}).encode()
    second = coinmetrics.next_request(body, REQUEST)
    assert second is not None
    with pytest.raises(SourceError, match=r"this page again|is int"):
        coinmetrics.next_request(json.dumps({"data": [], "next_page_token": token}).encode(), second)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param([], "'data' is missing", id="list"),
        pytest.param({"error": {"type": "forbidden"}}, "'data' is missing", id="error"),
        pytest.param({"data": {}}, "'data' is dict", id="object-of-rows"),
        pytest.param({"data": [[]]}, "'data' holds list", id="list-in-list"),
        pytest.param({"data": [row(DAYS[0], asset="eth")]}, "another asset", id="other-asset"),
        pytest.param({"data": [row(DAYS[0], asset=...)]}, "'asset' is missing", id="no-asset"),
        pytest.param({"data": [row(DAYS[0], time=...)]}, "'time' is missing", id="no-time"),
        pytest.param({"data": [row(DAYS[0], time=1770076800)]}, "'time' is int", id="number-time"),
        pytest.param({"data": [row(DAYS[0], time="2026-02-03")]}, "not 00:00 UTC", id="day-alone"),
        pytest.param(
            {"data": [row(DAYS[0], time="2026-02-03T00:00:00.000000001Z")]}, "not 00:00 UTC", id="a-nanosecond-late"
        ),
        pytest.param({"data": [row(DAYS[0], time="2026-02-03T05:00:00.000000000Z")]}, "not 00:00 UTC", id="ny-close"),
        pytest.param({"data": [row("2026-02-30")]}, "not a date", id="no-such-day"),
        pytest.param({"data": [row("2026-W06-2")]}, "not 00:00|not a date", id="week-day"),
        pytest.param({"data": [row("2026-02-02")]}, "begin before 2026-02-03", id="before-the-window"),
        pytest.param({"data": [row(DAYS[1]), row(DAYS[0])]}, "out of order", id="backwards"),
        pytest.param({"data": [row(DAYS[0]), row(DAYS[0])]}, "days repeat", id="a-day-twice"),
        pytest.param({"data": [row(DAYS[0], PriceUSD=70500.25)]}, "'PriceUSD' holds float", id="number-value"),
        pytest.param({"data": [row(DAYS[0], PriceUSD="NaN")]}, "not a number", id="not-a-number"),
        pytest.param({"data": [row(DAYS[0], PriceUSD="")]}, "not a number", id="empty-text"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_damage_gives_valid_rows_or_a_refusal() -> None:
    assert_damage_is_caught(coinmetrics, DOCUMENT, REQUEST)


def error(kind: str, message: str = "No.") -> str:
    return json.dumps({"error": {"type": kind, "message": message}})


FORBIDDEN = error("forbidden", "Requested metric 'CapRealUSD' with frequency '1d' for asset 'btc' is not available.")
NO_ASSET = error("bad_parameter", "Bad parameter 'assets'. Value 'zzz' is not supported.")
NO_METRIC = error("bad_parameter", "Bad parameter 'metrics'. Value 'zzz' is not supported.")
TIMED_OUT = "<!DOCTYPE html><html><title>524: A timeout occurred</title></html>"


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "json", json.dumps(DOCUMENT), Outcome.OK, id="rows"),
        pytest.param(200, "json", '{"data":[]}', Outcome.EMPTY, id="no-rows"),
        pytest.param(400, "json", NO_ASSET, Outcome.NOT_FOUND, id="unknown-asset"),
        pytest.param(400, "json", NO_METRIC, Outcome.SCHEMA_DRIFT, id="unknown-metric"),
        pytest.param(400, "json", '{"error":"bad"}', Outcome.SCHEMA_DRIFT, id="another-error"),
        pytest.param(401, "json", error("unauthorized"), Outcome.AUTH, id="unauthorized"),
        pytest.param(401, "json", error("wrong_credentials"), Outcome.AUTH, id="wrong-key"),
        pytest.param(403, "json", FORBIDDEN, Outcome.AUTH, id="paid-metric"),
        pytest.param(414, "plain", "URI too long", Outcome.SCHEMA_DRIFT, id="long-uri"),
        pytest.param(429, "json", error("too_many_requests"), Outcome.RATE_LIMITED, id="throttled"),
        pytest.param(524, "html", TIMED_OUT, Outcome.TRANSIENT, id="cloudflare-timeout"),
        pytest.param(200, "html", "<html></html>", Outcome.CHALLENGE, id="web-page"),
        pytest.param(200, "json", '{"data":[', Outcome.TRANSIENT, id="cut-off"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = f"text/{kind}" if kind in ("html", "plain") else f"application/{kind}"
    assert coinmetrics.classify(response) is outcome
