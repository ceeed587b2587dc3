"""BGeometrics: losses made positive, and full pages followed by their days, whether the server pages or not."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import bgeometrics
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window, needed_keys
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES
from tests.test_coingecko import assert_damage_is_caught

NOW = datetime(2026, 2, 6, 0, 30, tzinfo=UTC)
SERIES = Series("BTC", "BTC", "onchain")
REQUEST, PROFIT = bgeometrics.build_requests(SERIES, Window(date(2026, 2, 3), date(2026, 2, 5), NOW))


def unix(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def row(day: str, value: Any, field: str = "realizedLossUsd") -> dict[str, Any]:
    return {"d": day, "unixTs": unix(day), field: value}


DOCUMENT = [
    row("2026-02-03", "-2297.75"),
    row("2026-02-04", "-0.5"),
    row("2026-02-05", "0"),
]


def parse(document: Any, request: Request = REQUEST) -> pd.DataFrame:
    return bgeometrics.parse(json.dumps(document).encode(), request)["onchain"]


def changed(**fields: Any) -> list[dict[str, Any]]:
    """The composed answer with fields of its second day replaced, or removed where given as `...`."""
    second = {name: value for name, value in (DOCUMENT[1] | fields).items() if value is not ...}
    return [DOCUMENT[0], second, DOCUMENT[2]]


def with_values(*values: Any, field: str = "realizedLossUsd") -> list[dict[str, Any]]:
    return [row(f"2026-02-0{day}", value, field) for day, value in enumerate(values, start=3)]


def test_one_request_a_metric() -> None:
    assert [r.path for r in (REQUEST, PROFIT)] == ["/v1/realized-loss-usd", "/v1/realized-profit-usd"]
    params = {"startday": "2026-02-03", "endday": "2026-02-05", "page": "0", "size": "1000"}
    assert REQUEST.params == PROFIT.params == params


def test_no_more_than_the_free_history_is_asked() -> None:
    asked = bgeometrics.build_requests(SERIES, Window(date(2015, 1, 1), date(2026, 2, 5), NOW))
    # 1460 days before 2026-02-06; 2024 has a 29 February.
    assert {r.params["startday"] for r in asked} == {"2022-02-07"}


def test_a_window_that_ends_before_the_free_history_asks_nothing() -> None:
    assert bgeometrics.build_requests(SERIES, Window(date(2015, 1, 1), date(2022, 2, 6), NOW)) == []


def test_no_key_is_needed() -> None:
    assert needed_keys(bgeometrics, SERIES) == ()
    assert [key.variable for key in bgeometrics.KEYS] == ["BGEOMETRICS_TOKEN"]


def test_losses_come_out_positive() -> None:
    expected = [
        ("BTC", "2026-02-03", "realized_loss_usd", 2297.75),
        ("BTC", "2026-02-04", "realized_loss_usd", 0.5),
        ("BTC", "2026-02-05", "realized_loss_usd", 0.0),
    ]
    types = dict(TABLES["onchain"])
    pd.testing.assert_frame_equal(parse(DOCUMENT), pd.DataFrame(expected, columns=list(types)).astype(types))


def test_profits_stay_as_they_are() -> None:
    rows = parse(with_values(347.5, 0, 721, field="realizedProfitUsd"), PROFIT)
    assert rows["metric"].unique().tolist() == ["realized_profit_usd"]
    assert rows["value"].tolist() == [347.5, 0.0, 721.0]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(with_values("-2297.75", "-0.5", "0"), id="negative-text"),
        pytest.param(with_values(-2297.75, -0.5, 0), id="negative-numbers"),
        pytest.param(with_values("2297.75", "0.5", "0"), id="positive-text"),
        pytest.param(with_values("-2297.75", "-0.5", "0", field="value"), id="renamed-field"),
        pytest.param([{**r, "unixTs": str(r["unixTs"])} for r in DOCUMENT], id="text-times"),
        pytest.param([{**r, "theDay": r["d"]} for r in DOCUMENT], id="older-field"),
    ],
)
def test_every_way_of_writing_it_gives_the_same_rows(document: Any) -> None:
    pd.testing.assert_frame_equal(parse(document), parse(DOCUMENT))


def test_no_days_are_an_empty_table_of_the_right_types() -> None:
    rows = parse([])
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES["onchain"])


FIRST = date(2022, 6, 1)


def days(count: int) -> list[str]:
    return [(FIRST + timedelta(days=n)).isoformat() for n in range(count)]


def served(available: int, pages: bool) -> tuple[list[int], pd.DataFrame]:
    """Rows of each answer and all of them together, from a server that pages, or one that gives everything."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        found = [day for day in days(available) if request.params["startday"] <= day <= request.params["endday"]]
        if pages:
            at = int(request.params["page"]) * int(request.params["size"])
            found = found[at : at + int(request.params["size"])]
        return 200, {}, json.dumps([row(day, "-1.5") for day in found])

    responses.add_callback(responses.GET, "https://mirror.test/v1/realized-loss-usd", answer)
    session, frames = VendorSession(bgeometrics, "https://mirror.test"), []
    window = Window(FIRST, FIRST + timedelta(days=1199), datetime(2026, 2, 6, tzinfo=UTC))
    following: Request | None = bgeometrics.build_requests(SERIES, window)[0]
    while following:
        body = session.get(following).body
        frames.append(bgeometrics.parse(body, following)["onchain"])
        following = bgeometrics.next_request(body, following)
    return [len(frame) for frame in frames], pd.concat(frames)


@responses.activate
@pytest.mark.parametrize(
    ("available", "pages", "sizes"),
    [
        pytest.param(1193, True, [1000, 193], id="two-pages"),
        pytest.param(1000, True, [1000, 0], id="one-full-page"),
        pytest.param(999, True, [999], id="one-partial-page"),
        pytest.param(0, True, [0], id="nothing"),
        pytest.param(1193, False, [1193], id="everything-at-once"),
        pytest.param(1000, False, [1000, 0], id="everything-and-by-chance-a-full-page"),
        pytest.param(999, False, [999], id="everything-and-less-than-a-page"),
    ],
)
def test_the_pages_add_up_to_the_whole(available: int, pages: bool, sizes: list[int]) -> None:
    found, rows = served(available, pages)
    assert found == sizes
    assert rows["date"].dt.strftime("%Y-%m-%d").tolist() == days(available)


def test_a_full_page_that_ends_the_window_is_the_last() -> None:
    window = Window(FIRST, FIRST + timedelta(days=999), NOW)
    request = bgeometrics.build_requests(SERIES, window)[0]
    body = json.dumps([row(day, "-1.5") for day in days(1000)]).encode()
    assert len(bgeometrics.parse(body, request)["onchain"]) == 1000
    assert bgeometrics.next_request(body, request) is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"error": {}}, "not a list", id="error"),
        pytest.param([[1]], "'rows' holds list", id="list-in-list"),
        pytest.param(changed(d=...), "'d' is missing", id="no-day"),
        pytest.param(changed(d="yesterday"), "not a date", id="unreadable-day"),
        pytest.param(changed(d="20260204"), "not a date", id="day-without-dashes"),
        pytest.param(changed(unixTs=...), "'unixTs' holds NoneType", id="no-time"),
        pytest.param(changed(unixTs="soon"), "'unixTs' holds str", id="unreadable-time"),
        pytest.param(changed(unixTs="9" * 5000), "'unixTs' holds str", id="endless-time"),
        pytest.param(changed(unixTs=unix("2026-02-05")), "different days", id="time-of-another-day"),
        pytest.param(changed(unixTs=unix("2026-02-04") + 3600), "different days", id="time-within-the-day"),
        pytest.param([*DOCUMENT, DOCUMENT[2]], "days repeat", id="a-day-twice"),
        pytest.param(DOCUMENT[::-1], "out of order", id="newest-first"),
        pytest.param([row("2026-02-02", "-1")], "begin before 2026-02-03", id="before-the-window"),
        pytest.param(changed(realizedLossUsd=...), "values holds NoneType|'values' holds NoneType", id="no-value"),
        pytest.param([{"d": "2026-02-03", "unixTs": unix("2026-02-03")}], r"the values \[\]", id="no-value-at-all"),
        pytest.param(changed(other="1"), "realizedLossUsd', 'other|'other', 'realizedLossUsd", id="two-values"),
        pytest.param(changed(realizedLossUsd=None), "'values' holds", id="null-value"),
        pytest.param(changed(realizedLossUsd=-0.5), "'values' holds str", id="number-among-text"),
        pytest.param(with_values(True, True), "'values' holds bool", id="boolean-values"),
        pytest.param(with_values("-1.5", "n/a"), "not a number", id="text-that-is-no-number"),
        pytest.param(with_values("-1.5", "2"), "signs of 'realized_loss_usd'", id="mixed-signs"),
    ],
)
def test_a_strange_answer_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_negative_profits_are_refused() -> None:
    with pytest.raises(SourceError, match="signs of 'realized_profit_usd'"):
        parse(with_values("-1.5", "-2", field="realizedProfitUsd"), PROFIT)


def test_damage_gives_valid_rows_or_a_refusal() -> None:
    assert_damage_is_caught(bgeometrics, DOCUMENT, REQUEST)


NO_SLUG = '{"timestamp":"2026-02-06T00:30:00.000+00:00","status":404,"error":"Not Found","path":"/v1/none"}'


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        pytest.param(200, json.dumps(DOCUMENT), Outcome.OK, id="days"),
        pytest.param(200, "[]", Outcome.EMPTY, id="no-days"),
        pytest.param(429, '{"error":{"code":"RATE_LIMIT_HOUR_EXCEEDED"}}', Outcome.RATE_LIMITED, id="hour"),
        pytest.param(429, '{"code":"RATE_LIMIT_HOUR_EXCEEDED"}', Outcome.RATE_LIMITED, id="hour-older-shape"),
        pytest.param(429, '{"error":{"code":"RATE_LIMIT_DAY_EXCEEDED"}}', Outcome.RATE_LIMITED, id="day"),
        pytest.param(404, NO_SLUG, Outcome.NOT_FOUND, id="unknown-slug"),
        pytest.param(500, "no", Outcome.TRANSIENT, id="down"),
        pytest.param(200, '[{"d":', Outcome.TRANSIENT, id="cut-off"),
    ],
)
def test_answers_are_classified(status: int, body: str, outcome: Outcome) -> None:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = "application/json"
    assert bgeometrics.classify(response) is outcome
