"""BRK: one bulk request, joined by position on the vendor's own date labels."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import brk
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)
SERIES = Series("BTC", "btc", "onchain")
WINDOW = Window(date(2026, 2, 9), date(2026, 2, 10), NOW)
[REQUEST] = brk.build_requests(SERIES, WINDOW)
FIRST = (date(2026, 2, 8) - date(2009, 1, 1)).days
VALUES: dict[str, list[Any]] = {
    "price": [70.5, 71.5, 72.0],
    "market_cap": [1400, 1410.5, 1420],
    "supply": [20.0, 20.25, 20.5],
    "realized_cap": [900.0, 901.0, 902.0],
    "realized_price": [45.0, 44.5, 44.0],
    "realized_loss_cumulative": [5.0, 6.5, 6.5],
    "realized_profit_cumulative": [None, None, 9.0],
}
DAYS = ["2026-02-08", "2026-02-09", "2026-02-10"]


def bulk(
    days: list[Any] | None = None, values: Mapping[str, list[Any]] | None = None, start: int = FIRST
) -> list[dict[str, Any]]:
    """A composed answer, with some of its arrays replaced."""
    kinds = {"date": "Date", "supply": "Bitcoin"}
    arrays = {"date": DAYS if days is None else days, **VALUES, **(values or {})}
    common = {"version": 1, "index": "day1", "stamp": "2026-02-11T00:30:00Z"}
    return [
        {**common, "type": kinds.get(name, "Dollars"), "start": start, "end": start + len(data), "data": data}
        for name, data in arrays.items()
    ]


def changed(part: int, **fields: Any) -> list[dict[str, Any]]:
    """The composed answer with fields of one series replaced, or removed where given as `...`."""
    answer = bulk()
    merged = {**answer[part], **fields}
    answer[part] = {key: value for key, value in merged.items() if value is not ...}
    return answer


def parse(answer: Any, request: Request = REQUEST) -> pd.DataFrame:
    return brk.parse(json.dumps(answer).encode(), request)["onchain"]


def short(count: int) -> dict[str, list[Any]]:
    return {name: values[:count] for name, values in VALUES.items()}


def test_one_request_from_the_day_before() -> None:
    assert REQUEST.path == "/api/series/bulk"
    assert REQUEST.params == {
        "index": "day1",
        "series": "date,price,market_cap,supply,realized_cap,realized_price,"
        "realized_loss_cumulative,realized_profit_cumulative",
        "start": "2026-02-08",
        "end": "2026-02-11",
        "format": "json",
    }


def test_nothing_is_asked_before_the_first_block() -> None:
    window = Window(date(2000, 1, 1), date(2026, 2, 10), NOW)
    assert brk.build_requests(SERIES, window)[0].params["start"] == "2009-01-03"


def test_the_composed_answer_gives_the_rows_written_by_hand() -> None:
    expected = [
        ("2026-02-08", "price_usd", 70.5),
        ("2026-02-09", "price_usd", 71.5),
        ("2026-02-10", "price_usd", 72.0),
        ("2026-02-08", "market_cap_usd", 1400.0),
        ("2026-02-09", "market_cap_usd", 1410.5),
        ("2026-02-10", "market_cap_usd", 1420.0),
        ("2026-02-08", "supply_btc", 20.0),
        ("2026-02-09", "supply_btc", 20.25),
        ("2026-02-10", "supply_btc", 20.5),
        ("2026-02-08", "realized_cap_usd", 900.0),
        ("2026-02-09", "realized_cap_usd", 901.0),
        ("2026-02-10", "realized_cap_usd", 902.0),
        ("2026-02-08", "realized_price_usd", 45.0),
        ("2026-02-09", "realized_price_usd", 44.5),
        ("2026-02-10", "realized_price_usd", 44.0),
        ("2026-02-08", "realized_loss_cumulative_usd", 5.0),
        ("2026-02-09", "realized_loss_cumulative_usd", 6.5),
        ("2026-02-10", "realized_loss_cumulative_usd", 6.5),
        ("2026-02-10", "realized_profit_cumulative_usd", 9.0),
    ]
    types = dict(TABLES["onchain"])
    frame = pd.DataFrame([("BTC", *row) for row in expected], columns=list(types)).astype(types)
    pd.testing.assert_frame_equal(parse(bulk()), frame)


def test_a_tip_before_the_last_day_gives_fewer_rows() -> None:
    rows = parse(bulk(DAYS[:2], short(2)))
    assert rows["date"].max() == pd.Timestamp("2026-02-09")


def test_a_day_after_the_window_is_left_out() -> None:
    longer = {name: [*values, 1.0] for name, values in VALUES.items()}
    rows = parse(bulk([*DAYS, "2026-02-11"], longer))
    assert rows["date"].max() == pd.Timestamp("2026-02-10")


def test_a_series_may_begin_after_the_first_day_asked_for() -> None:
    window = Window(date(2009, 1, 1), date(2009, 1, 12), NOW)
    [request] = brk.build_requests(SERIES, window)
    rows = parse(bulk(["2009-01-09", "2009-01-10", "2009-01-11"], start=0), request)
    assert rows["date"].min() == pd.Timestamp("2009-01-09")


def test_no_days_give_an_empty_table_of_the_right_types() -> None:
    rows = parse(bulk([], short(0)))
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["onchain"])


LATE = [(date.fromisoformat(day) + timedelta(days=7)).isoformat() for day in DAYS]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param({"error": {}}, "one object per series", id="error-object"),
        pytest.param(bulk()[:-1], "one object per series", id="a-series-less"),
        pytest.param(bulk(LATE), "begin at 2026-02-15", id="labels-a-week-late"),
        pytest.param(bulk(["2026-02-07", *DAYS[:2]]), "begin at 2026-02-07", id="labels-a-day-early"),
        pytest.param(bulk([DAYS[0], DAYS[2], DAYS[1]]), "consecutive", id="labels-out-of-order"),
        pytest.param(bulk([DAYS[0], DAYS[0], DAYS[1]]), "consecutive", id="repeated-label"),
        pytest.param(bulk([*DAYS[:2], "10 Feb"]), "consecutive", id="unreadable-label"),
        pytest.param(bulk(["yesterday", *DAYS[1:]]), "begin at yesterday", id="unreadable-first-label"),
        pytest.param(bulk(["zzz", *DAYS[1:]], start=0), "no date", id="unreadable-beginning"),
        pytest.param(bulk([1, 2, 3]), "'date' holds int", id="numeric-labels"),
        pytest.param(bulk([*DAYS, "2026-02-11", "2026-02-12"], {k: [1.0] * 5 for k in VALUES}), "go on to", id="late"),
        pytest.param(bulk(values={"price": [70.5, 71.5]}), "other days", id="unequal-lengths"),
        pytest.param(changed(1, data=[70.5, 71.5]), "2 values of 'price' for 3 days", id="short-array"),
        pytest.param(changed(1, start=FIRST + 1, end=FIRST + 4), "other days", id="shifted-series"),
        pytest.param(changed(1, index="week1"), "Dollars by week1", id="other-index"),
        pytest.param(changed(3, type="Sats"), "'supply' is Sats", id="other-unit"),
        pytest.param(changed(6, type="Cents"), "'realized_loss_cumulative' is Cents", id="cents"),
        pytest.param(changed(2, data=...), "'data' is missing", id="no-data"),
        pytest.param(changed(2, start="6247"), "'start' is str", id="text-start"),
        pytest.param(bulk(values={"price": ["70.5", 71.5, 72.0]}), "'price' holds str", id="text-value"),
        pytest.param(bulk(values={"price": [False, 71.5, 72.0]}), "'price' holds bool", id="boolean-value"),
    ],
)
def test_a_strange_answer_is_refused(answer: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(answer)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_answer_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        brk.parse(json.dumps(bulk()).encode()[:-1], REQUEST)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Outcome.OK), (404, Outcome.SCHEMA_DRIFT), (400, Outcome.SCHEMA_DRIFT), (503, Outcome.TRANSIENT)],
)
def test_answers_are_classified(status: int, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(json.dumps(bulk()).encode())
    assert brk.classify(response) is outcome


@responses.activate
def test_a_renamed_series_is_told_in_the_servers_words() -> None:
    said = {"error": {"code": "series_not_found", "message": "'supply' not found, did you mean 'supply_btc'?"}}
    responses.get("https://mirror.test/api/series/bulk", status=404, json=said)
    with pytest.raises(SourceError, match="did you mean 'supply_btc'") as caught:
        VendorSession(brk, "https://mirror.test").get(REQUEST)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT
    assert "pipelines/sources/brk.py" in caught.value.next_step
