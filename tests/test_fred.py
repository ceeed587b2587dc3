"""FRED: closes from a CSV of two columns, strictly read."""

import io
from datetime import UTC, date, datetime
from itertools import pairwise

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import fred
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window, days_behind
from pipelines.sources.http import AGENT, VendorSession
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 13, 0, 30, tzinfo=UTC)
VIX = Series("VIX", "VIXCLS", "daily_bars")
[REQUEST] = fred.build_requests(VIX, Window(date(2026, 2, 9), date(2026, 2, 12), NOW))
DOCUMENT = "observation_date,VIXCLS\n2026-02-09,21.25\n2026-02-10,\n2026-02-11,.\n2026-02-12,19\n"


def parse(text: str, request: Request = REQUEST) -> pd.DataFrame:
    [(name, rows)] = fred.parse(text.encode(), request).items()
    assert name == "daily_bars"
    return rows


def test_one_request_names_the_series_and_both_days() -> None:
    assert REQUEST.path == "/graph/fredgraph.csv"
    assert REQUEST.params == {"id": "VIXCLS", "cosd": "2026-02-09", "coed": "2026-02-12"}


def test_the_newest_day_is_due_a_day_later() -> None:
    assert days_behind(fred) == 1


def test_the_composed_answer_gives_the_rows_written_by_hand() -> None:
    nan = float("nan")
    expected = [
        ("VIX", "2026-02-09", nan, nan, nan, 21.25, nan, nan),
        ("VIX", "2026-02-12", nan, nan, nan, 19.0, nan, nan),
    ]
    types = dict(TABLES["daily_bars"])
    pd.testing.assert_frame_equal(parse(DOCUMENT), pd.DataFrame(expected, columns=list(types)).astype(types))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(DOCUMENT.replace("observation_date", "DATE"), id="header-until-2025"),
        pytest.param("\ufeff" + DOCUMENT, id="byte-order-mark"),
        pytest.param(DOCUMENT.replace("\n", "\r\n"), id="windows-lines"),
    ],
)
def test_the_same_answer_in_another_form_gives_the_same_rows(text: str) -> None:
    pd.testing.assert_frame_equal(parse(text), parse(DOCUMENT))


@pytest.mark.parametrize("text", ["DATE,VIXCLS\n", "DATE,VIXCLS\n2026-02-09,.\n2026-02-10,\n"])
def test_days_without_values_give_an_empty_table_of_the_right_types(text: str) -> None:
    rows = parse(text)
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["daily_bars"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "ends inside a line", id="nothing"),
        pytest.param("\n", "the header is ''", id="blank"),
        pytest.param(DOCUMENT[:-1], "ends inside a line", id="cut-off"),
        pytest.param(DOCUMENT + "\n", "not 2 fields", id="blank-line"),
        pytest.param("DATE,SP500\n2026-02-09,1\n", "not a date and 'VIXCLS'", id="another-series"),
        pytest.param("Date,VIXCLS\n2026-02-09,1\n", "not a date and 'VIXCLS'", id="another-date-name"),
        pytest.param("DATE,VIXCLS,SP500\n2026-02-09,1,2\n", "not a date and 'VIXCLS'", id="wide"),
        pytest.param("VIXCLS,VIXCLS\n2026-02-09,1\n", "repeats a name", id="repeated-name"),
        pytest.param("DATE,VIXCLS\n2026-02-09\n", "not 2 fields", id="field-missing"),
        pytest.param("DATE,VIXCLS\n2026-02-09,1,234.5\n", "not 2 fields", id="thousands-separator"),
        pytest.param("DATE,VIXCLS\n02/09/2026,1\n", "not a date", id="another-date-form"),
        pytest.param("DATE,VIXCLS\n2026-2-9,1\n", "not a date", id="short-date"),
        pytest.param("DATE,VIXCLS\n2026-02-30,1\n", "not a date", id="no-such-day"),
        pytest.param("DATE,VIXCLS\n2026-02-10,1\n2026-02-09,1\n", "does not rise", id="newest-first"),
        pytest.param("DATE,VIXCLS\n2026-02-10,1\n2026-02-10,2\n", "does not rise", id="day-twice"),
        pytest.param("DATE,VIXCLS\n2026-02-06,1\n", "outside the days", id="before-the-window"),
        pytest.param("DATE,VIXCLS\n2026-02-13,1\n", "outside the days", id="after-the-window"),
        pytest.param("DATE,VIXCLS\n2026-02-09,nan\n", "not a number", id="nan"),
        pytest.param("DATE,VIXCLS\n2026-02-09, 1\n", "not a number", id="space"),
        pytest.param("DATE,VIXCLS\n2026-02-09,1\r2026-02-10,2\n", "not 2 fields", id="old-mac-lines"),
        pytest.param("<html></html>\n", "the header is", id="page"),
    ],
)
def test_a_strange_answer_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(text)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(SourceError, match="not UTF-8"):
        fred.parse(b"DATE,VIXCLS\n2026-02-09,\xff\n", REQUEST)


def test_an_answer_cut_anywhere_gives_whole_rows_or_is_refused() -> None:
    whole = parse(DOCUMENT)
    ends = {at for at, (last, _) in enumerate(pairwise(DOCUMENT), start=1) if last == "\n"}
    for at in range(len(DOCUMENT)):
        if at in ends:
            rows = parse(DOCUMENT[:at])
            pd.testing.assert_frame_equal(rows, whole.iloc[: len(rows)])
        else:
            with pytest.raises(SourceError, match="schema_drift"):
                parse(DOCUMENT[:at])


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "application/csv", DOCUMENT, Outcome.OK, id="rows"),
        pytest.param(200, "text/csv", "\ufeff" + DOCUMENT, Outcome.OK, id="byte-order-mark"),
        pytest.param(200, "application/csv", DOCUMENT[:-2], Outcome.TRANSIENT, id="cut-off"),
        pytest.param(200, "application/csv", "", Outcome.TRANSIENT, id="nothing"),
        pytest.param(404, "text/html", "<html>Not Found</html>", Outcome.NOT_FOUND, id="unknown-series"),
        pytest.param(200, "text/html", "<html>Error</html>\n", Outcome.CHALLENGE, id="page-for-an-answer"),
        pytest.param(403, "text/html", "<html>Access Denied</html>", Outcome.CHALLENGE, id="firewall"),
        pytest.param(429, "text/plain", "slow down", Outcome.RATE_LIMITED, id="too-fast"),
        pytest.param(503, "text/html", "<html></html>", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.headers["Content-Type"] = status, kind
    response.raw = io.BytesIO(body.encode())
    assert fred.classify(response) is outcome


@responses.activate
def test_csv_is_asked_for_by_a_plain_tool() -> None:
    responses.get("https://mirror.test/graph/fredgraph.csv", body=DOCUMENT, content_type="application/csv")
    VendorSession(fred, "https://mirror.test").get(REQUEST)
    sent = responses.calls[0].request.headers
    assert sent["Accept"].startswith("text/csv")
    assert sent["User-Agent"] == AGENT
