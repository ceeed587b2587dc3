"""Nasdaq: amounts as text, failures inside HTTP 200, and answers that must be whole."""

import copy
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import nasdaq
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

WINDOW = Window(date(2026, 2, 5), date(2026, 2, 10), datetime(2026, 2, 11, 1, tzinfo=UTC))
[REQUEST] = nasdaq.build_requests(Series("ACME", "stocks/ACME", "daily_bars"), WINDOW)


def day(when: str, opened: str, high: str, low: str, close: str, volume: str) -> dict[str, str]:
    return {"date": when, "close": close, "volume": volume, "open": opened, "high": high, "low": low}


def whole(rows: list[Any], total: int | None = None) -> dict[str, Any]:
    """A composed answer around rows."""
    names = {"date": "Date", "close": "Close/Last", "volume": "Volume", "open": "Open", "high": "High", "low": "Low"}
    table = {"asOf": None, "headers": names, "rows": rows}
    data = {"symbol": "ACME", "totalRecords": len(rows) if total is None else total, "tradesTable": table}
    status = {"rCode": 200, "bCodeMessage": None, "developerMessage": None}
    return {"data": data, "message": None, "status": status}


ROWS = [
    day("02/10/2026", "$1,010.00", "$1,234.50", "$999.99", "$1,200", "1,234,567"),
    day("02/09/2026", "$100.5", "$102", "$99.25", "$101.00", "950"),
    day("02/06/2026", "99.00", "101", "98.50", "100.25", "--"),
]
DOCUMENT = whole(ROWS)


def refused(code: int, number: int, text: str) -> dict[str, Any]:
    """A composed failure, as it comes with HTTP 200."""
    told = [{"code": number, "errorMessage": text}]
    return {"data": None, "message": None, "status": {"rCode": code, "bCodeMessage": told, "developerMessage": None}}


UNKNOWN = refused(400, 1001, "Symbol not exists.")


def parse(document: Any, request: Request = REQUEST) -> pd.DataFrame:
    [(name, frame)] = nasdaq.parse(json.dumps(document).encode(), request).items()
    assert name == "daily_bars"
    return frame


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The composed answer with one place replaced, or removed where `to` is `...`."""
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


def answer(status: int, body: str, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = content_type
    return response


def test_the_composed_answer_gives_the_rows_written_by_hand() -> None:
    nan = float("nan")
    expected = [
        ("ACME", "2026-02-10", 1010.0, 1234.5, 999.99, 1200.0, nan, 1234567.0),
        ("ACME", "2026-02-09", 100.5, 102.0, 99.25, 101.0, nan, 950.0),
        ("ACME", "2026-02-06", 99.0, 101.0, 98.5, 100.25, nan, nan),
    ]
    types = dict(TABLES["daily_bars"])
    pd.testing.assert_frame_equal(parse(DOCUMENT), pd.DataFrame(expected, columns=list(types)).astype(types))


@pytest.mark.parametrize(
    ("vendor_symbol", "path", "kind"),
    [
        ("stocks/MSFT", "/api/quote/MSFT/historical", "stocks"),
        ("etf/QQQ", "/api/quote/QQQ/historical", "etf"),
        ("index/COMP", "/api/quote/COMP/historical", "index"),
        ("MSFT", "/api/quote/MSFT/historical", "stocks"),
    ],
)
def test_the_vendor_symbol_names_the_asset_class(vendor_symbol: str, path: str, kind: str) -> None:
    [request] = nasdaq.build_requests(Series("X", vendor_symbol, "daily_bars"), WINDOW)
    assert request.path == path
    assert request.params == {
        "assetclass": kind,
        "fromdate": "2026-02-05",
        "todate": "2026-02-10",
        "limit": "9999",
    }


@responses.activate
def test_the_request_looks_like_a_browser() -> None:
    responses.get("https://mirror.test/api/quote/ACME/historical", json=DOCUMENT)
    VendorSession(nasdaq, "https://mirror.test").get(REQUEST)
    sent = responses.calls[0].request.headers
    assert sent["User-Agent"].startswith("Mozilla/5.0")
    assert sent["Accept"] == "application/json"


@pytest.mark.parametrize("text", ["--", "N/A", "NA"])
@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_what_is_written_as_missing_is_nan(column: str, text: str) -> None:
    rows = parse(changed("data", "tradesTable", "rows", 0, column, to=text))
    assert list(rows[column].isna())[:2] == [True, False]


NOTHING = [
    pytest.param({**DOCUMENT, "data": None}, id="null-data"),
    pytest.param(whole([]), id="no-rows"),
    pytest.param(changed("data", to={"symbol": "ACME", "totalRecords": 0, "tradesTable": None}), id="no-table"),
    pytest.param(changed("data", to={"symbol": "ACME", "totalRecords": 0, "tradesTable": {"rows": None}}), id="null"),
]


@pytest.mark.parametrize("document", NOTHING)
def test_no_data_is_an_empty_answer_and_table(document: Any) -> None:
    assert nasdaq.classify(answer(200, json.dumps(document))) is Outcome.EMPTY
    rows = parse(document)
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["daily_bars"])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param([], "'status' is missing", id="list"),
        pytest.param(UNKNOWN, "own code is 400", id="unknown-symbol"),
        pytest.param(changed("status", to=...), "'status' is missing", id="no-status"),
        pytest.param(changed("status", "rCode", to=True), "'rCode' is bool", id="boolean-code"),
        pytest.param(changed("data", to=...), "'data' is missing", id="no-data"),
        pytest.param(changed("data", "symbol", to="OTHER"), "asked for ACME, got OTHER", id="other-symbol"),
        pytest.param(whole(ROWS, total=4), "not the 4 rows", id="cut-off"),
        pytest.param(whole(ROWS, total=2), "not the 2 rows", id="more-than-there-are"),
        pytest.param(changed("data", "totalRecords", to="3"), "'totalRecords' is str", id="text-total"),
        pytest.param(changed("data", "tradesTable", to=None), "not the 3 rows", id="no-table"),
        pytest.param(changed("data", "tradesTable", "rows", to={}), "not the 3 rows", id="rows-object"),
        pytest.param(whole([*ROWS[:2], "x"]), "'rows' holds str", id="text-row"),
        pytest.param(whole([ROWS[0], ROWS[0]]), "each once", id="duplicate"),
        pytest.param(whole(ROWS[::-1]), "go back in time", id="oldest-first"),
        pytest.param(whole([{**ROWS[0], "date": "02/04/2026"}]), "before the days", id="before-the-window"),
        pytest.param(whole([{**ROWS[0], "date": "2026-02-10"}]), "not a date", id="iso-date"),
        pytest.param(whole([{**ROWS[0], "date": "2/10/2026"}]), "not a date", id="unpadded-date"),
        pytest.param(whole([{**ROWS[0], "date": "10/02/26"}]), "not a date", id="short-year"),
        pytest.param(whole([{**ROWS[0], "date": "13/02/2026"}]), "not a date", id="day-first"),
        pytest.param(whole([{**ROWS[0], "date": "N/A"}]), "not a date", id="no-date"),
        pytest.param(whole([{**ROWS[0], "close": 1200.0}]), "'close' is float", id="number"),
        pytest.param(whole([{**ROWS[0], "close": None}]), "'close' is NoneType", id="null"),
        pytest.param(whole([{**ROWS[0], "close": ""}]), "not an amount", id="blank"),
        pytest.param(whole([{**ROWS[0], "close": "$1,20"}]), "not an amount", id="misplaced-comma"),
        pytest.param(whole([{**ROWS[0], "close": "€12.00"}]), "not an amount", id="euros"),
        pytest.param(whole([{**ROWS[0], "close": "-12.00"}]), "not an amount", id="negative"),
        pytest.param(whole([{**ROWS[0], "volume": "1.2M"}]), "not an amount", id="abbreviated"),
        pytest.param(whole([{**ROWS[0], "close": "9" * 400}]), "out of range", id="too-big"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_body_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        nasdaq.parse(json.dumps(DOCUMENT).encode()[:-1], REQUEST)


@pytest.mark.parametrize(
    ("status", "body", "content_type", "outcome"),
    [
        pytest.param(200, json.dumps(DOCUMENT), "application/json", Outcome.OK, id="bars"),
        pytest.param(200, json.dumps(UNKNOWN), "application/json", Outcome.NOT_FOUND, id="unknown-symbol"),
        pytest.param(
            200, json.dumps(refused(400, 1002, "?")), "application/json", Outcome.SCHEMA_DRIFT, id="bad-request"
        ),
        pytest.param(200, json.dumps(refused(500, 1, "?")), "application/json", Outcome.SCHEMA_DRIFT, id="other-code"),
        pytest.param(200, '{"status":{}}', "application/json", Outcome.SCHEMA_DRIFT, id="no-code"),
        pytest.param(200, "[]", "application/json", Outcome.OK, id="the-parser-judges"),
        pytest.param(404, "", "text/plain", Outcome.NOT_FOUND, id="encoded-slash"),
        pytest.param(200, "", "application/json", Outcome.TRANSIENT, id="no-body"),
        pytest.param(200, "<html>", "text/html", Outcome.CHALLENGE, id="web-page"),
        pytest.param(403, "<html>", "text/html", Outcome.CHALLENGE, id="denied-page"),
        pytest.param(429, "", "text/plain", Outcome.RATE_LIMITED, id="rate-limit"),
        pytest.param(502, "", "text/plain", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, body: str, content_type: str, outcome: Outcome) -> None:
    assert nasdaq.classify(answer(status, body, content_type)) is outcome
