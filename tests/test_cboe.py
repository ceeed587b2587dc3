"""Cboe: a whole history in one CSV, with four prices or one."""

import io
from datetime import UTC, date, datetime

import pandas as pd
import pytest
import requests

from pipelines.sources import cboe
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window, asks_whole
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 13, 0, 30, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 10), date(2026, 2, 12), NOW)
[REQUEST] = cboe.build_requests(Series("VIX", "VIX", "daily_bars"), WINDOW)
[VVIX] = cboe.build_requests(Series("VVIX", "VVIX", "daily_bars"), WINDOW)
DOCUMENT = (
    "DATE,OPEN,HIGH,LOW,CLOSE\n"
    "02/09/2026,17.000000,18.500000,16.250000,17.750000\n"
    "02/10/2026,17.5,19,17.25,18.5\n"
    "02/12/2026,20.000000,22.000000,19.500000,21.125000\n"
)
CLOSES = "DATE,VVIX\n02/09/2026,101.5\n02/10/2026,102.250000\n02/11/2026,99\n"
NAN = float("nan")


def parse(text: str, request: Request = REQUEST) -> pd.DataFrame:
    [(name, rows)] = cboe.parse(text.encode(), request).items()
    assert name == "daily_bars"
    return rows


def expected(*rows: tuple[object, ...]) -> pd.DataFrame:
    types = dict(TABLES["daily_bars"])
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def test_one_file_holds_the_whole_history() -> None:
    assert (REQUEST.path, REQUEST.params) == ("/api/global/us_indices/daily_prices/VIX_History.csv", {})
    assert asks_whole(cboe, "daily_bars")


def test_a_symbol_cannot_leave_the_folder() -> None:
    [request] = cboe.build_requests(Series("X", "../X", "daily_bars"), WINDOW)
    assert request.path == "/api/global/us_indices/daily_prices/..%2FX_History.csv"


def test_bars_from_the_first_day_on_give_the_rows_written_by_hand() -> None:
    pd.testing.assert_frame_equal(
        parse(DOCUMENT),
        expected(
            ("VIX", "2026-02-10", 17.5, 19.0, 17.25, 18.5, NAN, NAN),
            ("VIX", "2026-02-12", 20.0, 22.0, 19.5, 21.125, NAN, NAN),
        ),
    )


def test_closes_alone_give_the_rows_written_by_hand() -> None:
    pd.testing.assert_frame_equal(
        parse(CLOSES, VVIX),
        expected(
            ("VVIX", "2026-02-10", NAN, NAN, NAN, 102.25, NAN, NAN),
            ("VVIX", "2026-02-11", NAN, NAN, NAN, 99.0, NAN, NAN),
        ),
    )


@pytest.mark.parametrize("text", ["\ufeff" + DOCUMENT, DOCUMENT.replace("\n", "\r\n")], ids=["mark", "windows-lines"])
def test_the_same_file_in_another_form_gives_the_same_rows(text: str) -> None:
    pd.testing.assert_frame_equal(parse(text), parse(DOCUMENT))


@pytest.mark.parametrize("lines", [1, 2])
def test_no_day_in_the_window_gives_an_empty_table_of_the_right_types(lines: int) -> None:
    rows = parse("".join(DOCUMENT.splitlines(keepends=True)[:lines]))
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["daily_bars"])


def test_days_after_the_window_stay() -> None:
    assert parse(DOCUMENT + "02/13/2026,1,1,1,1\n")["date"].max() == pd.Timestamp("2026-02-13")


HEADER = "DATE,OPEN,HIGH,LOW,CLOSE\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "ends inside a line", id="nothing"),
        pytest.param(DOCUMENT[:-1], "ends inside a line", id="cut-off"),
        pytest.param(CLOSES, "the header is 'DATE,VVIX'", id="another-index"),
        pytest.param(DOCUMENT.replace("HIGH,LOW", "LOW,HIGH"), "the header is", id="another-order"),
        pytest.param(DOCUMENT.replace("CLOSE", "Close"), "the header is", id="another-name"),
        pytest.param(HEADER + "02/09/2026,1,1,1\n", "not 5 fields", id="field-missing"),
        pytest.param(HEADER + "02/09/2026,1,1,1,\n", "not a number", id="empty-price"),
        pytest.param(HEADER + "02/09/2026,1,1,1,1e2\n", "not a number", id="exponent"),
        pytest.param(HEADER + "2026-02-09,1,1,1,1\n", "not a date", id="another-date-form"),
        pytest.param(HEADER + "2/9/2026,1,1,1,1\n", "not a date", id="short-date"),
        pytest.param(HEADER + "13/02/2026,1,1,1,1\n", "not a date", id="day-first"),
        pytest.param(HEADER + "02/10/2026,1,1,1,1\n02/09/2026,1,1,1,1\n", "does not rise", id="newest-first"),
        pytest.param(HEADER + "02/10/2026,1,1,1,1\n" * 2, "does not rise", id="day-twice"),
    ],
)
def test_a_strange_file_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(text)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


@pytest.mark.parametrize(("text", "request_"), [(DOCUMENT, REQUEST), (CLOSES, VVIX)], ids=["bars", "closes"])
def test_a_file_cut_inside_a_line_is_refused(text: str, request_: Request) -> None:
    for at in range(len(text)):
        if text[:at].endswith("\n"):
            rows, whole = parse(text[:at], request_), parse(text, request_)
            pd.testing.assert_frame_equal(rows, whole.iloc[: len(rows)])
        else:
            with pytest.raises(SourceError, match="schema_drift"):
                parse(text[:at], request_)


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "text/csv", DOCUMENT, Outcome.OK, id="bars"),
        pytest.param(200, "text/csv", DOCUMENT[:-3], Outcome.TRANSIENT, id="cut-off"),
        pytest.param(404, "text/html", "<html></html>", Outcome.NOT_FOUND, id="unknown-index"),
        pytest.param(200, "text/html", "<html></html>\n", Outcome.CHALLENGE, id="page-for-an-answer"),
        pytest.param(429, "text/plain", "", Outcome.RATE_LIMITED, id="too-fast"),
        pytest.param(502, "text/html", "<html></html>", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.headers["Content-Type"] = status, kind
    response.raw = io.BytesIO(body.encode())
    assert cboe.classify(response) is outcome
