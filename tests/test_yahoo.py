"""Yahoo: one request per window, and a strict reading of the chart document."""

import copy
import io
import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import yahoo
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

SERIES = Series("ACME", "ACME", "daily_bars")
WINDOW = Window(date(2026, 3, 5), date(2026, 3, 10), datetime(2026, 3, 11, 1, tzinfo=UTC))
REQUEST = yahoo.build_requests(SERIES, WINDOW)[0]


def at(day: str, clock: str = "09:30", zone: str = "America/New_York") -> int:
    """Unix seconds of a local wall-clock time."""
    return int(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone)).timestamp())


# Clocks in New York change on 2026-03-08, a Sunday.
TIMES = [at("2026-03-05"), at("2026-03-06"), at("2026-03-09"), at("2026-03-10")]


def chart() -> dict[str, Any]:
    """A composed answer of four sessions with a dividend, a capital gain and a split."""
    meta = {
        "currency": "USD",
        "symbol": "ACME",
        "regularMarketTime": at("2026-03-10", "16:00"),
        "exchangeTimezoneName": "America/New_York",
        "dataGranularity": "1d",
    }
    quote = {
        "open": [10.0, 11.5, None, 6],
        "high": [12.0, 12.5, None, 7.0],
        "low": [9.5, 11.0, None, 5.5],
        "close": [11.0, 12.0, None, 6.5],
        "volume": [1000, 2000, None, 4000],
    }
    events = {
        "dividends": {str(TIMES[1]): {"amount": 0.25, "date": TIMES[1]}},
        "capitalGains": {str(TIMES[1]): {"amount": 0.5, "date": TIMES[1]}},
        "splits": {str(TIMES[3]): {"date": TIMES[3], "numerator": 2.0, "denominator": 1.0, "splitRatio": "2:1"}},
    }
    adjusted = [{"adjclose": [10.5, 11.9, None, 6.5]}]
    indicators = {"quote": [quote], "adjclose": adjusted}
    result = {"meta": meta, "timestamp": list(TIMES), "events": events, "indicators": indicators}
    return {"chart": {"result": [result], "error": None}}


def parse(document: Any, request: Request = REQUEST) -> dict[str, pd.DataFrame]:
    return yahoo.parse(json.dumps(document).encode(), request)


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The composed answer with one place of its result replaced, or removed where `to` is `...`."""
    document = chart()
    place = document["chart"]["result"][0]
    for key in path[:-1]:
        place = place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = copy.deepcopy(to)
    return document


def days(rows: pd.DataFrame) -> list[str]:
    return list(rows["date"].dt.strftime("%Y-%m-%d"))


def answer(status: int, body: str, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = content_type
    return response


def test_one_request_from_the_first_to_the_last_second() -> None:
    [request] = yahoo.build_requests(Series("VIX", "^VIX", "daily_bars"), WINDOW)
    assert request.path == "/v8/finance/chart/%5EVIX"
    assert request.params == {
        "period1": str(at("2026-03-05", "00:00", "UTC")),
        "period2": str(at("2026-03-10", "23:59:59", "UTC")),
        "interval": "1d",
        "events": "div,splits,capitalGains",
        "includePrePost": "false",
    }


def test_the_composed_answer_gives_the_rows_written_by_hand() -> None:
    nan = float("nan")
    tables = parse(chart())
    bars = [
        ("ACME", "2026-03-05", 10.0, 12.0, 9.5, 11.0, 10.5, 1000.0),
        ("ACME", "2026-03-06", 11.5, 12.5, 11.0, 12.0, 11.9, 2000.0),
        ("ACME", "2026-03-09", nan, nan, nan, nan, nan, nan),
        ("ACME", "2026-03-10", 6.0, 7.0, 5.5, 6.5, 6.5, 4000.0),
    ]
    expected: dict[str, list[Any]] = {
        "daily_bars": bars,
        "dividends": [("ACME", "2026-03-06", 0.75)],
        "splits": [("ACME", "2026-03-10", 2.0, 1.0)],
    }
    assert list(tables) == list(expected)
    for name, rows in expected.items():
        frame = pd.DataFrame(rows, columns=list(TABLES[name])).astype(dict(TABLES[name]))
        pd.testing.assert_frame_equal(tables[name], frame)


@pytest.mark.parametrize(
    ("stamps", "zone", "expected"),
    [
        pytest.param(
            [at("2026-03-06"), at("2026-03-09")],
            "America/New_York",
            ["2026-03-06", "2026-03-09"],
            id="open-across-clock-change",
        ),
        pytest.param(
            [at("2026-03-05", "00:00"), at("2026-03-07", "23:00"), at("2026-03-08", "22:00")],
            "America/New_York",
            ["2026-03-05", "2026-03-08", "2026-03-09"],
            id="hour-before-midnight",
        ),
        pytest.param([at("2026-03-06", "22:30")], "America/New_York", ["2026-03-06"], id="evening-trade"),
        pytest.param([at("2026-03-09", "09:00", "Asia/Tokyo")], "Asia/Tokyo", ["2026-03-09"], id="east-of-greenwich"),
    ],
)
def test_the_date_is_the_local_session_day(stamps: list[int], zone: str, expected: list[str]) -> None:
    document = changed("meta", "exchangeTimezoneName", to=zone)
    result = document["chart"]["result"][0]
    result["timestamp"], result["events"] = stamps, {}
    for columns in (result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]):
        columns.update({name: [1.0] * len(stamps) for name in columns})
    assert days(parse(document)["daily_bars"]) == expected


def test_a_live_row_late_in_the_evening_keeps_its_day() -> None:
    live = at("2026-03-10", "22:00")
    document = changed("timestamp", to=[*TIMES[:3], live])
    document["chart"]["result"][0]["meta"]["regularMarketTime"] = live
    assert days(parse(document)["daily_bars"])[-1] == "2026-03-10"


def test_of_a_live_row_beside_the_days_bar_the_later_stays() -> None:
    rows = parse(changed("timestamp", to=[*TIMES[:2], TIMES[3], at("2026-03-10", "15:12")]))["daily_bars"]
    assert days(rows) == ["2026-03-05", "2026-03-06", "2026-03-10"]
    assert rows["close"].iloc[-1] == 6.5


def test_other_duplicates_stay_for_the_checks() -> None:
    rows = parse(changed("timestamp", to=[TIMES[0], TIMES[0] + 60, TIMES[2], TIMES[3]]))["daily_bars"]
    assert days(rows)[:2] == ["2026-03-05", "2026-03-05"]


def test_rows_before_the_window_are_left_out_and_later_ones_are_judged_downstream() -> None:
    whole = parse(chart())
    window = Window(date(2026, 3, 6), date(2026, 3, 9), WINDOW.now)
    tables = parse(chart(), yahoo.build_requests(SERIES, window)[0])
    for name, rows in whole.items():
        assert days(tables[name]) == [day for day in days(rows) if day >= "2026-03-06"]
    assert days(tables["daily_bars"]) != days(whole["daily_bars"])


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(changed("indicators", "adjclose", to=...), id="absent"),
        pytest.param(changed("indicators", "adjclose", to=[{"adjclose": None}]), id="null"),
        pytest.param(changed("indicators", "adjclose", to=[{}]), id="empty"),
        pytest.param(changed("indicators", "adjclose", 0, "adjclose", to=[float("nan")] * 4), id="nan"),
        pytest.param(changed("indicators", "adjclose", 0, "adjclose", to=[float("inf")] * 4), id="infinite"),
    ],
)
def test_the_adjusted_close_may_be_absent(document: Any) -> None:
    rows = parse(document)["daily_bars"]
    assert rows["close_adjusted_vendor"].isna().all()
    assert rows["close"].notna().sum() == 3


def test_a_dividend_in_another_currency_is_no_dollar_amount() -> None:
    paid = {str(TIMES[1]): {"amount": 7.0, "date": TIMES[1], "currency": "TWD"}}
    tables = parse(changed("events", to={"dividends": paid}))
    assert tables["dividends"]["amount_usd"].isna().tolist() == [True]


NOTHING_HERE = {
    "result": None,
    "error": {"code": "Bad Request", "description": "Data doesn't exist for startDate"},
}


def without_times(indicators: Any) -> dict[str, Any]:
    return {"chart": {"result": [{"meta": chart()["chart"]["result"][0]["meta"], "indicators": indicators}]}}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(without_times({"quote": [{}], "adjclose": [{}]}), id="empty-quote"),
        pytest.param(without_times({}), id="no-indicators"),
        pytest.param({"chart": NOTHING_HERE}, id="said-in-words"),
    ],
)
def test_no_data_gives_empty_tables_of_the_right_types(document: Any) -> None:
    for name, rows in parse(document).items():
        assert rows.empty
        assert rows.dtypes.astype(str).to_dict() == {k: str(v) for k, v in TABLES[name].items()}


RESULT = chart()["chart"]["result"][0]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param(changed("meta", "symbol", to="ACNE"), "got ACNE", id="another-symbol"),
        pytest.param(changed("meta", "dataGranularity", to="1wk"), "not daily", id="coarser"),
        pytest.param(changed("meta", "dataGranularity", to=...), "is missing", id="no-granularity"),
        pytest.param(changed("meta", "currency", to=None), "'currency' is NoneType", id="no-currency"),
        pytest.param(changed("meta", "exchangeTimezoneName", to="Mars/X"), "time zone", id="unknown-zone"),
        pytest.param(changed("timestamp", to=...), "for 0 times", id="prices-without-times"),
        pytest.param(changed("timestamp", 1, to=None), "'timestamp' holds NoneType", id="null-time"),
        pytest.param(changed("timestamp", 1, to=10**18), "out of range", id="absurd-time"),
        pytest.param(changed("indicators", "quote", 0, "low", to=...), "'low' is missing", id="no-column"),
        pytest.param(changed("indicators", "quote", 0, "low", to=[1.0]), "1 values of 'low'", id="unequal"),
        pytest.param(changed("indicators", "adjclose", 0, "adjclose", to=[1]), "for 4 times", id="unequal-adj"),
        pytest.param(changed("indicators", "quote", 0, "close", 0, to="11"), "holds str", id="text"),
        pytest.param(changed("indicators", "quote", 0, "close", 0, to=True), "holds bool", id="boolean"),
        pytest.param(changed("indicators", "quote", 0, "close", 0, to=10**400), "out of range", id="too-big"),
        pytest.param(
            changed("events", "dividends", "1", to={"date": True, "amount": 1}), "'date' is bool", id="date-bool"
        ),
        pytest.param(changed("events", "splits", to=[1]), "'splits' holds list", id="event-list"),
        pytest.param(changed("events", "dividends", "1", to={"date": 1}), "'amount'", id="no-amount"),
        pytest.param({"chart": {"result": [], "error": None}}, "0 results", id="no-result"),
        pytest.param({"chart": {"result": [RESULT, RESULT]}}, "2 results", id="two-results"),
        pytest.param({"chart": {"result": [RESULT], "error": {"code": "x"}}}, "is an error", id="error-too"),
        pytest.param({"finance": {}}, "'chart' is missing", id="other-document"),
        pytest.param([], "'chart' is missing", id="list"),
    ],
)
def test_a_strange_document_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_document_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        yahoo.parse(json.dumps(chart()).encode()[:-1], REQUEST)


def _unknown_ticker() -> dict[str, Any]:
    meta = {"currency": None, "symbol": "ACME", "dataGranularity": "1d"}
    return {"chart": {"result": [{"meta": meta, "indicators": {"quote": [{}]}}], "error": None}}


NOT_FOUND = {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}}


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        pytest.param(200, chart(), Outcome.OK, id="bars"),
        pytest.param(200, changed("timestamp", to=[]), Outcome.EMPTY, id="no-times"),
        pytest.param(200, _unknown_ticker(), Outcome.NOT_FOUND, id="no-currency"),
        pytest.param(200, NOT_FOUND, Outcome.NOT_FOUND, id="200-error"),
        pytest.param(404, NOT_FOUND, Outcome.NOT_FOUND, id="404"),
        pytest.param(400, {"chart": NOTHING_HERE}, Outcome.EMPTY, id="400-no-data-here"),
        pytest.param(
            422,
            {"chart": {"result": None, "error": {"code": "Unprocessable Entity"}}},
            Outcome.SCHEMA_DRIFT,
            id="422",
        ),
        pytest.param(401, {"finance": {"error": {"code": "Unauthorized"}}}, Outcome.AUTH, id="401"),
        pytest.param(500, NOT_FOUND, Outcome.TRANSIENT, id="500"),
    ],
)
def test_answers_are_classified(status: int, document: Any, outcome: Outcome) -> None:
    assert yahoo.classify(answer(status, json.dumps(document))) is outcome


def test_will_be_right_back_is_a_page() -> None:
    assert yahoo.classify(answer(200, "Will be right back...", "text/plain")) is Outcome.CHALLENGE
    assert yahoo.classify(answer(429, "Too Many Requests", "text/html")) is Outcome.RATE_LIMITED


@responses.activate
def test_it_presents_itself_as_a_browser() -> None:
    responses.get("https://mirror.test/v8/finance/chart/ACME", json=chart())
    session = VendorSession(yahoo, "https://mirror.test", contact="me@example.org")
    assert session.get(REQUEST).outcome is Outcome.OK
    assert responses.calls[0].request.headers["User-Agent"].startswith("Mozilla/5.0")
