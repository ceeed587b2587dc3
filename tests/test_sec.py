"""SEC: facts of some tags, keyed by period and filing, strictly read."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests

from pipelines.sources import sec
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window, needed_keys
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 6, 0, 30, tzinfo=UTC)
COMPANY = Series("MSFT", "0000789019", "facts")
[REQUEST] = sec.build_requests(COMPANY, Window(date(2025, 6, 1), date(2026, 2, 5), NOW))
CAPEX, PROFIT, SHARES = (
    "PaymentsToAcquirePropertyPlantAndEquipment",
    "GrossProfit",
    "EntityCommonStockSharesOutstanding",
)


def fact(start: str | None, end: str, value: Any, accession: str, **fields: Any) -> dict[str, Any]:
    """A composed fact; of a moment without a start."""
    period = {"end": end} if start is None else {"start": start, "end": end}
    about = {"fy": 2025, "fp": "Q1", "form": "10-Q", "filed": "2025-10-29", **fields}
    return {**period, "val": value, "accn": accession, **about}


def concept(unit: str, *facts: Any) -> dict[str, Any]:
    return {"label": "Composed", "description": None, "units": {unit: list(facts)}}


FIRST, LATER = "0000789019-25-000001", "0000789019-26-000002"
# Half a year carries no frame, as it never does.
HALF = fact("2025-01-01", "2025-06-30", 30, FIRST)
RESTATED = fact("2025-01-01", "2025-06-30", 31.5, LATER, form="10-K/A", filed="2026-01-30", fp="FY")
GROSS = fact("2025-04-01", "2025-06-30", -7, FIRST, fy=None, fp=None)
COVER = fact(None, "2025-10-20", 7433, FIRST)


def answer(facts: Any, cik: Any = 789019) -> dict[str, Any]:
    return {"cik": cik, "entityName": "COMPOSED CORP", "facts": facts}


def us_gaap(name: str, *facts: Any, unit: str = "USD") -> dict[str, Any]:
    return answer({"us-gaap": {name: concept(unit, *facts)}})


DOCUMENT = answer(
    {
        "dei": {
            SHARES: concept("shares", COVER),
            "EntityPublicFloat": concept("USD", fact(None, "2025-10-20", 1, FIRST)),
        },
        "us-gaap": {
            CAPEX: concept("USD", HALF, RESTATED),
            PROFIT: concept("USD", GROSS),
            "CommonStockSharesOutstanding": concept("shares", fact(None, "2025-06-30", 100, FIRST)),
        },
    }
)


def parse(document: Any, request: Request = REQUEST) -> pd.DataFrame:
    [(name, rows)] = sec.parse(json.dumps(document).encode(), request).items()
    assert name == "facts"
    return rows


def changed(**fields: Any) -> dict[str, Any]:
    """An answer of one fact with fields replaced, or removed where given as `...`."""
    merged = {**HALF, **fields}
    return us_gaap(CAPEX, {key: value for key, value in merged.items() if value is not ...})


def test_one_request_for_a_company_without_a_secret() -> None:
    assert (REQUEST.path, REQUEST.params) == ("/api/xbrl/companyfacts/CIK0000789019.json", {})


def test_no_company_is_asked_without_a_contact() -> None:
    assert needed_keys(sec, COMPANY) == ("SCARETRADE_CONTACT",)
    assert (sec.KEYS[0].header, sec.KEYS[0].param) == (None, None)


def test_the_composed_answer_gives_the_rows_written_by_hand() -> None:
    capex, profit = f"us-gaap:{CAPEX}", f"us-gaap:{PROFIT}"
    expected = [
        (capex, "USD", "2025-01-01", "2025-06-30", FIRST, 30.0, "10-Q", "2025-10-29"),
        (capex, "USD", "2025-01-01", "2025-06-30", LATER, 31.5, "10-K/A", "2026-01-30"),
        (profit, "USD", "2025-04-01", "2025-06-30", FIRST, -7.0, "10-Q", "2025-10-29"),
        (f"dei:{SHARES}", "shares", "2025-10-20", "2025-10-20", FIRST, 7433.0, "10-Q", "2025-10-29"),
    ]
    types = dict(TABLES["facts"])
    frame = pd.DataFrame([("MSFT", *row) for row in expected], columns=list(types)).astype(types)
    pd.testing.assert_frame_equal(parse(DOCUMENT), frame)


def test_facts_filed_outside_the_window_stay() -> None:
    early, late = (fact("2024-01-01", "2024-12-31", 1, name, filed=name) for name in ("2024-12-31", "2026-03-01"))
    assert parse(us_gaap(CAPEX, early, late))["accession"].tolist() == ["2024-12-31", "2026-03-01"]


def test_a_fact_written_twice_is_one_row() -> None:
    assert len(parse(us_gaap(CAPEX, HALF, {**HALF, "frame": "CY2025", "fy": 2026}))) == 1


def test_another_unit_is_not_read() -> None:
    assert parse(us_gaap(CAPEX, HALF, unit="EUR")).empty


@pytest.mark.parametrize("facts", [{}, {"us-gaap": {}}, {"dei": {}, "srt": []}])
def test_a_company_without_the_tags_gives_an_empty_table_of_the_right_types(facts: Any) -> None:
    rows = parse(answer(facts))
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["facts"])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param([], "'cik' is missing", id="list"),
        pytest.param(answer({}, cik=320193), "of the company 320193", id="another-company"),
        pytest.param(answer({}, cik="0000789019"), "'cik' is str", id="text-cik"),
        pytest.param(answer([]), "'facts' is list", id="facts-a-list"),
        pytest.param(answer({"us-gaap": []}), "'us-gaap' is list", id="taxonomy-a-list"),
        pytest.param(answer({"us-gaap": {CAPEX: {}}}), "'units' is missing", id="no-units"),
        pytest.param(answer({"us-gaap": {CAPEX: {"units": {"USD": {}}}}}), "'USD' is dict", id="unit-an-object"),
        pytest.param(us_gaap(CAPEX, [1]), "holds list", id="fact-a-list"),
        pytest.param(changed(start=...), "at a moment", id="no-start"),
        pytest.param(changed(start=None), "'start' holds NoneType", id="null-start"),
        pytest.param(changed(start="2025-07-01"), "ends before it starts", id="reversed"),
        pytest.param(changed(end=...), "no 'end'", id="no-end"),
        pytest.param(changed(end="2025-6-30"), "not a date", id="short-date"),
        pytest.param(changed(end="2025-06-31"), "not a date", id="no-such-day"),
        pytest.param(changed(filed="20251029"), "not a date", id="unreadable-filing-day"),
        pytest.param(changed(val=...), "no 'val'", id="no-value"),
        pytest.param(changed(val=None), "'val' holds NoneType", id="null-value"),
        pytest.param(changed(val="30"), "'val' holds str", id="text-value"),
        pytest.param(changed(val=True), "'val' holds bool", id="boolean-value"),
        pytest.param(changed(val=10**400), "out of range", id="too-big"),
        pytest.param(changed(accn=1), "'accn' holds int", id="numeric-accession"),
        pytest.param(changed(form=None), "'form' holds NoneType", id="no-form"),
        pytest.param(us_gaap(CAPEX, HALF, {**HALF, "val": 31}), "two figures", id="contradiction"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_share_count_over_a_period_is_refused() -> None:
    with pytest.raises(SourceError, match="at a moment"):
        parse(answer({"dei": {SHARES: concept("shares", fact("2025-01-01", "2025-06-30", 1, FIRST))}}))


def test_a_cut_off_answer_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        sec.parse(json.dumps(DOCUMENT).encode()[:-1], REQUEST)


RATE = "<title>SEC.gov | Request Rate Threshold Exceeded</title>"
UNDECLARED = f"<html>{RATE}<h1>Your Request Originates from an Undeclared Automated Tool</h1></html>"
NO_KEY = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'


@pytest.mark.parametrize(
    ("status", "kind", "body", "outcome"),
    [
        pytest.param(200, "application/json", json.dumps(DOCUMENT), Outcome.OK, id="facts"),
        pytest.param(200, "application/json", json.dumps(DOCUMENT)[:-9], Outcome.TRANSIENT, id="cut-off"),
        pytest.param(403, "text/html", UNDECLARED, Outcome.AUTH, id="no-contact"),
        pytest.param(403, "text/html", f"<html>{RATE}</html>", Outcome.RATE_LIMITED, id="rate-403"),
        pytest.param(429, "text/html", f"<html>{RATE}</html>", Outcome.RATE_LIMITED, id="rate-429"),
        pytest.param(403, "text/html", "<html>Access denied</html>", Outcome.CHALLENGE, id="another-page"),
        pytest.param(404, "application/xml", NO_KEY, Outcome.NOT_FOUND, id="no-such-company"),
        pytest.param(404, "text/html", "<html></html>", Outcome.NOT_FOUND, id="not-found-page"),
        pytest.param(200, "text/html", "<html>Maintenance</html>", Outcome.CHALLENGE, id="page-for-an-answer"),
        pytest.param(503, "text/html", "<html></html>", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, kind: str, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.headers["Content-Type"] = status, kind
    response.raw = io.BytesIO(body.encode())
    assert sec.classify(response) is outcome
