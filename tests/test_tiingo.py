"""Tiingo: prices as traded, put on the newest row's split basis, and held to the vendor's own identity."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from pipelines.sources import tiingo
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 14, 1, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 6), date(2026, 2, 13), NOW)
[REQUEST] = tiingo.build_requests(Series("ACME", "acme", "daily_bars"), WINDOW)


def day(
    when: str, prices: tuple[float, float, float, float], volume: int, adjusted: float, **events: Any
) -> dict[str, Any]:
    """A composed day of open, high, low and close as traded."""
    opened, high, low, close = prices
    bar = {"date": f"{when}T00:00:00.000Z", "close": close, "high": high, "low": low, "open": opened, "volume": volume}
    ratio = adjusted / close
    adjusted_bar = {"adjHigh": high * ratio, "adjLow": low * ratio, "adjOpen": opened * ratio, "adjVolume": volume}
    return {**bar, "adjClose": adjusted, **adjusted_bar, "divCash": 0.0, "splitFactor": 1.0, **events}


# Adjusted closes by hand, from the newest back. 13th: 99. 12th: (99 + 0) / 98 keeps 98. 11th to 12th, a dividend of 2:
# (98 + 2) / 100 = 1, so 98 again. 10th to 11th, 20 for 1: 100 * 20 / 2000 = 1, so 98. 9th to 10th, a dividend of 20 in
# old shares: (2000 + 20) / 2020 = 1, so 98. 6th to 9th: 2020 / 2000 = 1.01, so 98 / 1.01.
DOCUMENT = [
    day("2026-02-06", (1980.0, 2040.0, 1960.0, 2000.0), 100, 98 / 1.01),
    day("2026-02-09", (2000.0, 2040.0, 1990.0, 2020.0), 110, 98.0),
    day("2026-02-10", (2000.0, 2020.0, 1980.0, 2000.0), 120, 98.0, divCash=20.0),
    day("2026-02-11", (101.0, 102.0, 99.0, 100.0), 2000, 98.0, splitFactor=20.0),
    day("2026-02-12", (98.5, 99.0, 97.0, 98.0), 2200, 98.0, divCash=2.0),
    day("2026-02-13", (98.0, 100.0, 98.0, 99), 2400, 99.0),
]


def parse(document: Any, request: Request = REQUEST) -> dict[str, pd.DataFrame]:
    return tiingo.parse(json.dumps(document).encode(), request)


def changed(at: int, **fields: Any) -> list[dict[str, Any]]:
    """The composed answer with fields of one day replaced, or removed where given as `...`."""
    merged = {**DOCUMENT[at], **fields}
    one = {key: value for key, value in merged.items() if value is not ...}
    return [*DOCUMENT[:at], one, *DOCUMENT[at + 1 :]]


def table(name: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    types = dict(TABLES[name])
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def answer(status: int, body: str, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = content_type
    return response


def test_one_request_whatever_the_window() -> None:
    assert REQUEST.path == "/tiingo/daily/acme/prices"
    assert REQUEST.params == {
        "startDate": "2026-02-06",
        "endDate": "2026-02-13",
        "format": "json",
        "resampleFreq": "daily",
    }


def test_the_key_travels_in_a_header() -> None:
    [key] = tiingo.KEYS
    assert (key.variable, key.header, key.form.format("secret"), key.param) == (
        "TIINGO_API_KEY",
        "Authorization",
        "Token secret",
        None,
    )


def test_the_composed_answer_gives_the_bars_written_by_hand() -> None:
    expected = [
        ("ACME", "2026-02-06", 99.0, 102.0, 98.0, 100.0, 98 / 1.01, 2000.0),
        ("ACME", "2026-02-09", 100.0, 102.0, 99.5, 101.0, 98.0, 2200.0),
        ("ACME", "2026-02-10", 100.0, 101.0, 99.0, 100.0, 98.0, 2400.0),
        ("ACME", "2026-02-11", 101.0, 102.0, 99.0, 100.0, 98.0, 2000.0),
        ("ACME", "2026-02-12", 98.5, 99.0, 97.0, 98.0, 98.0, 2200.0),
        ("ACME", "2026-02-13", 98.0, 100.0, 98.0, 99.0, 99.0, 2400.0),
    ]
    tables = parse(DOCUMENT)
    assert list(tables) == ["daily_bars", "dividends", "splits"]
    pd.testing.assert_frame_equal(tables["daily_bars"], table("daily_bars", expected))


def test_the_composed_answer_gives_the_events_written_by_hand() -> None:
    tables = parse(DOCUMENT)
    paid = [("ACME", "2026-02-10", 1.0), ("ACME", "2026-02-12", 2.0)]
    pd.testing.assert_frame_equal(tables["dividends"], table("dividends", paid))
    pd.testing.assert_frame_equal(tables["splits"], table("splits", [("ACME", "2026-02-11", 20.0, 1.0)]))


def assert_total_return_agrees(tables: dict[str, pd.DataFrame]) -> None:
    """On one split basis a day's total return is (close + dividend) / close before, which adjClose must show too."""
    bars = tables["daily_bars"].set_index("date")
    dividends = tables["dividends"].set_index("date")["amount_usd"].reindex(bars.index, fill_value=0.0)
    ours = ((bars["close"] + dividends) / bars["close"].shift()).iloc[1:]
    theirs = (bars["close_adjusted_vendor"] / bars["close_adjusted_vendor"].shift()).iloc[1:]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_bars_and_dividends_have_the_vendors_total_return() -> None:
    assert_total_return_agrees(parse(DOCUMENT))


def test_a_dividend_on_the_day_of_a_split_is_counted_in_old_shares() -> None:
    # One share at 2000 becomes 20 at 100 and 40 in cash: (100 * 20 + 40) / 2000 = 1.02; in new shares, 2 each.
    document = [
        day("2026-02-10", (2000.0, 2000.0, 2000.0, 2000.0), 1, 100 / 1.02),
        day("2026-02-11", (100.0, 100.0, 100.0, 100.0), 20, 100.0, splitFactor=20.0, divCash=40.0),
    ]
    tables = parse(document)
    pd.testing.assert_frame_equal(tables["dividends"], table("dividends", [("ACME", "2026-02-11", 2.0)]))
    assert list(tables["daily_bars"]["close"]) == [100.0, 100.0]
    assert_total_return_agrees(tables)


def test_several_splits_multiply_and_one_may_go_backwards() -> None:
    # 2 for 1, then 1 for 10: a share of the first day is a fifth of one today.
    document = [
        day("2026-02-10", (8.0, 8.0, 8.0, 8.0), 1000, 40.0),
        day("2026-02-11", (4.0, 4.0, 4.0, 4.0), 2000, 40.0, splitFactor=2.0),
        day("2026-02-12", (40.0, 40.0, 40.0, 40.0), 200, 40.0, splitFactor=0.1),
    ]
    tables = parse(document)
    np.testing.assert_allclose(tables["daily_bars"]["close"], [40.0, 40.0, 40.0])
    np.testing.assert_allclose(tables["daily_bars"]["volume"], [200.0, 200.0, 200.0])
    assert list(tables["splits"]["numerator"]) == [2.0, 0.1]


def test_a_window_from_the_split_on_is_on_the_same_basis() -> None:
    later = parse(DOCUMENT[3:])["daily_bars"]
    pd.testing.assert_frame_equal(later, parse(DOCUMENT)["daily_bars"].iloc[3:].reset_index(drop=True))


def test_a_window_before_the_split_is_on_its_own_basis() -> None:
    assert list(parse(DOCUMENT[:3])["daily_bars"]["close"]) == [2000.0, 2020.0, 2000.0]


def test_no_days_give_empty_tables_of_the_right_types() -> None:
    for name, rows in parse([]).items():
        assert rows.empty
        assert rows.dtypes.astype(str).to_dict() == dict(TABLES[name])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"detail": "Invalid token."}, "not a list", id="detail"),
        pytest.param([*DOCUMENT, 1], "'days' holds int", id="number-in-list"),
        pytest.param(DOCUMENT[::-1], "go forward in time", id="newest-first"),
        pytest.param([DOCUMENT[0], DOCUMENT[0]], "each once", id="duplicate"),
        pytest.param([*DOCUMENT[:3], *DOCUMENT[4:]], "different splits", id="without-the-day-of-the-split"),
        pytest.param(changed(3, splitFactor=1.0), "different splits", id="split-undone"),
        pytest.param(changed(3, splitFactor=10.0), "different splits", id="another-split"),
        pytest.param(changed(4, divCash=4.0), "different splits or dividends", id="another-dividend"),
        pytest.param(changed(0, date="2026-02-05T00:00:00.000Z"), "outside the days", id="before-the-window"),
        pytest.param(changed(5, date="2026-02-14T00:00:00.000Z"), "outside the days", id="after-the-window"),
        pytest.param(changed(1, date="2026-02-09"), "not a date", id="bare-date"),
        pytest.param(changed(1, date="2026-02-09T05:00:00.000Z"), "not a date", id="not-midnight"),
        pytest.param(changed(1, date="2026-02-30T00:00:00.000Z"), "not a date", id="no-such-day"),
        pytest.param(changed(1, date=20260209), "'date' is int", id="numeric-date"),
        pytest.param(changed(1, date=...), "'date' is missing", id="no-date"),
        pytest.param(changed(1, close=...), "'close' is missing", id="no-close"),
        pytest.param(changed(1, close="2020"), "'close' holds str", id="text-price"),
        pytest.param(changed(1, open=None), "'open' holds NoneType", id="null-price"),
        pytest.param(changed(1, volume=True), "'volume' holds bool", id="boolean-volume"),
        pytest.param(changed(1, volume=-1), "'volume' is below zero", id="negative-volume"),
        pytest.param(changed(1, close=0.0), "'close' is not above zero", id="worthless"),
        pytest.param(changed(1, splitFactor=0), "'splitFactor' is not above zero", id="split-into-nothing"),
        pytest.param(changed(1, divCash=-1.0), "'divCash' is below zero", id="negative-dividend"),
        pytest.param(changed(1, adjClose=10**400), "out of range", id="too-big"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_body_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        tiingo.parse(json.dumps(DOCUMENT).encode()[:-1], REQUEST)


HOURLY_LIMIT = (
    "Error: You have run over your hourly request allocation. "
    "Please upgrade at https://api.tiingo.com/pricing to have your limits increased."
)
SYMBOL_LIMIT = "Error: You have run over your 500 symbol look up for this month."


@pytest.mark.parametrize(
    ("status", "body", "content_type", "outcome"),
    [
        pytest.param(200, json.dumps(DOCUMENT), "application/json", Outcome.OK, id="days"),
        pytest.param(200, "[]", "application/json", Outcome.EMPTY, id="empty"),
        pytest.param(429, json.dumps({"detail": HOURLY_LIMIT}), "application/json", Outcome.RATE_LIMITED, id="429"),
        pytest.param(200, json.dumps({"detail": HOURLY_LIMIT}), "text/csv", Outcome.RATE_LIMITED, id="limit-in-csv"),
        pytest.param(200, json.dumps({"detail": SYMBOL_LIMIT}), "application/json", Outcome.RATE_LIMITED, id="symbols"),
        pytest.param(200, HOURLY_LIMIT, "text/csv", Outcome.RATE_LIMITED, id="limit-in-words"),
        pytest.param(200, '{"detail":"other"}', "application/json", Outcome.OK, id="the-parser-judges"),
        pytest.param(401, '{"detail":"Invalid token."}', "application/json", Outcome.AUTH, id="no-key"),
        pytest.param(403, '{"detail":"Invalid token."}', "application/json", Outcome.AUTH, id="wrong-key"),
        pytest.param(
            404, '{"detail":"Error: Ticker \'ZZZZ\' not found"}', "application/json", Outcome.NOT_FOUND, id="unknown"
        ),
        pytest.param(200, "<html>", "text/html", Outcome.CHALLENGE, id="web-page"),
        pytest.param(200, "[{", "application/json", Outcome.TRANSIENT, id="cut-off"),
        pytest.param(500, "", "text/plain", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, body: str, content_type: str, outcome: Outcome) -> None:
    assert tiingo.classify(answer(status, body, content_type)) is outcome
