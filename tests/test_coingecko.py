"""CoinGecko: a stamp at 00:00 is the end of the day before, and everything at other times is no daily value."""

import copy
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import coingecko
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

NOW = datetime(2026, 2, 6, 0, 30, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 3), date(2026, 2, 5), NOW)
SNAPSHOT = Series("CRYPTO_TOTAL", "global", "market_snapshots")
TOTAL = Series("CRYPTO_TOTAL", "global", "market_caps")
COIN = Series("BTC", "bitcoin", "market_caps")
[SNAPSHOT_REQUEST] = coingecko.build_requests(SNAPSHOT, WINDOW)
[TOTAL_REQUEST] = coingecko.build_requests(TOTAL, WINDOW)
[COIN_REQUEST] = coingecko.build_requests(COIN, WINDOW)


def millis(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


# 00:00 of the 3rd is the end of the 2nd, before the window; the last point is of the moment asked.
TIMES = [millis(t) for t in ("2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06", "2026-02-06T00:30:00")]


def points(values: list[Any], times: Sequence[float] = TIMES) -> list[list[Any]]:
    return [list(point) for point in zip(times, values, strict=True)]


def coin(**changes: Any) -> dict[str, Any]:
    """A composed coin history, with some of its series replaced, or removed where given as `...`."""
    chart: dict[str, Any] = {
        "prices": points([70.5, 71.25, 72, 69.5, 69.25]),
        "market_caps": points([1400.0, 1410.5, 0.0, 1390, 1385.0]),
        "total_volumes": points([40.0, 41.5, 0, 44.0, 2.0]),
    }
    return {name: value for name, value in (chart | changes).items() if value is not ...}


def snapshot(**changes: Any) -> dict[str, Any]:
    """A composed picture of the whole market, with parts replaced, or removed where given as `...`."""
    data = {
        "active_cryptocurrencies": 12_345,
        "total_market_cap": {"btc": 30.5, "usd": 2_500.5},
        "total_volume": {"usd": 95.5},
        "market_cap_percentage": {"btc": 56.5, "eth": 10.25},
        "updated_at": millis("2026-02-06T00:25:10") // 1000,
    } | changes
    return {"data": {name: value for name, value in data.items() if value is not ...}}


TOTAL_CHART = {
    "market_cap_chart": {
        "market_cap": points([2400.5, 2410, 2420.25, 2430.5, 2431.0]),
        "volume": points([90.5, 91.5, 92, 93.5, 3.25]),
    }
}
DOCUMENTS = {"market_snapshots": snapshot(), "market_caps": coin()}
REQUESTS = {"market_snapshots": SNAPSHOT_REQUEST, "market_caps": COIN_REQUEST}


def parse(document: Any, request: Request = COIN_REQUEST) -> pd.DataFrame:
    [(name, frame)] = coingecko.parse(json.dumps(document).encode(), request).items()
    assert name == request.series.dataset
    return frame


def expected(table: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    types = dict(TABLES[table])
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def answer(status: int, body: str, kind: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = kind
    return response


def assert_damage_is_caught(source: ModuleType, document: Any, request: Request) -> None:
    """With any one place dropped or retyped, a parser refuses or gives rows of the undamaged document."""
    from tests.test_parsers_property import assert_within, places, retyped  # imports the modules of these tests

    [valid] = source.parse(json.dumps(document).encode(), request).values()
    for *parents, last in places(document):
        for replacement in [..., *retyped(_at([*parents, last], document))]:
            damaged = copy.deepcopy(document)
            holder = _at(parents, damaged)
            if replacement is ...:
                del holder[last]
            else:
                holder[last] = replacement
            for rows in _unless_refused(source, json.dumps(damaged).encode(), request):
                assert_within(rows, valid)


def _unless_refused(source: ModuleType, body: bytes, request: Request) -> list[pd.DataFrame]:
    try:
        return list(source.parse(body, request).values())
    except SourceError as refusal:
        outcome = refusal.outcome
    assert outcome is Outcome.SCHEMA_DRIFT
    return []


def _at(path: list[Any], node: Any) -> Any:
    for key in path:
        node = node[key]
    return node


def test_a_coin_is_asked_for_more_than_ninety_days_so_that_the_answer_is_daily() -> None:
    assert COIN_REQUEST.path == "/api/v3/coins/bitcoin/market_chart/range"
    # 2026-02-06 less 91 days is 2025-11-07.
    assert COIN_REQUEST.params == {
        "vs_currency": "usd",
        "from": str(millis("2025-11-07") // 1000),
        "to": str(millis("2026-02-06") // 1000),
    }


def test_a_longer_window_is_asked_as_it_is() -> None:
    [request] = coingecko.build_requests(COIN, Window(date(2025, 6, 1), date(2026, 2, 5), NOW))
    assert request.params["from"] == str(millis("2025-06-01") // 1000)


def test_no_more_than_the_free_history_is_asked() -> None:
    [request] = coingecko.build_requests(COIN, Window(date(2015, 1, 1), date(2026, 2, 5), NOW))
    # 2026-02-06 less 364 days.
    assert request.params["from"] == str(millis("2025-02-07") // 1000)
    assert NOW.timestamp() - int(request.params["from"]) < 365 * 86_400


def test_a_window_that_ends_before_the_free_history_asks_nothing_of_coins() -> None:
    window = Window(date(2015, 1, 1), date(2025, 2, 6), NOW)
    assert coingecko.build_requests(COIN, window) == []
    assert len(coingecko.build_requests(TOTAL, window)) == 1


def test_a_coins_name_cannot_leave_its_place_in_the_path() -> None:
    [request] = coingecko.build_requests(Series("X", "a/../b", "market_caps"), WINDOW)
    assert request.path == "/api/v3/coins/a%2F..%2Fb/market_chart/range"


def test_the_whole_market_is_asked_at_its_own_paths() -> None:
    assert (SNAPSHOT_REQUEST.path, SNAPSHOT_REQUEST.params) == ("/api/v3/global", {})
    assert TOTAL_REQUEST.path == "/api/v3/global/market_cap_chart"
    assert TOTAL_REQUEST.params == {"days": "max", "vs_currency": "usd"}


def test_the_keys_needed_depend_on_what_is_asked() -> None:
    assert coingecko.needs(SNAPSHOT) == ()
    assert coingecko.needs(TOTAL) == ("COINGECKO_PRO_API_KEY",)
    assert coingecko.needs(COIN) == ("COINGECKO_PRO_API_KEY", "COINGECKO_DEMO_API_KEY")


def test_a_coins_points_are_the_ends_of_the_days_before_them() -> None:
    rows = [
        ("BTC", "2026-02-03", 71.25, 1410.5, 41.5),
        ("BTC", "2026-02-04", 72.0, 0.0, 0.0),
        ("BTC", "2026-02-05", 69.5, 1390.0, 44.0),
    ]
    pd.testing.assert_frame_equal(parse(coin()), expected("market_caps", rows))


def test_the_whole_markets_chart_has_no_price() -> None:
    nan = float("nan")
    rows = [
        ("CRYPTO_TOTAL", "2026-02-03", nan, 2410.0, 91.5),
        ("CRYPTO_TOTAL", "2026-02-04", nan, 2420.25, 92.0),
        ("CRYPTO_TOTAL", "2026-02-05", nan, 2430.5, 93.5),
    ]
    pd.testing.assert_frame_equal(parse(TOTAL_CHART, TOTAL_REQUEST), expected("market_caps", rows))


def test_a_last_point_at_midnight_stays() -> None:
    times = TIMES[:4]
    rows = parse({name: points([1.0, 2.0, 3.0, 4.0], times) for name in coin()})
    assert rows["date"].max() == pd.Timestamp("2026-02-05")


def test_points_off_midnight_are_left_out() -> None:
    times = [*TIMES[:2], millis("2026-02-05T00:05:18"), TIMES[3]]
    rows = parse({name: points([1.0, 2.0, 3.0, 4.0], times) for name in coin()})
    assert rows["date"].dt.day.tolist() == [3, 5]
    assert rows["price_usd"].tolist() == [2.0, 4.0]


def test_of_hourly_points_only_midnights_stay() -> None:
    times = [millis("2026-02-05") + hour * 3_600_000 for hour in range(25)]
    rows = parse({name: points([float(hour) for hour in range(25)], times) for name in coin()})
    assert rows["price_usd"].tolist() == [0.0, 24.0]


def test_a_null_value_is_no_row_and_a_null_price_no_price() -> None:
    caps = points([1400.0, None, 1405.0, 1390.0, 1385.0])
    rows = parse(coin(market_caps=caps, prices=points([70.5, 71.0, None, 69.5, 69.0])))
    assert rows["date"].dt.day.tolist() == [4, 5]
    assert rows["price_usd"].isna().tolist() == [True, False]


def test_no_points_are_an_empty_table_of_the_right_types() -> None:
    rows = parse({name: [] for name in coin()})
    pd.testing.assert_frame_equal(rows, expected("market_caps", []))


def test_a_snapshot_gives_the_row_written_by_hand() -> None:
    rows = [("CRYPTO_TOTAL", "2026-02-06 00:25:10", "2026-02-05", 2500.5, 0.565)]
    pd.testing.assert_frame_equal(parse(snapshot(), SNAPSHOT_REQUEST), expected("market_snapshots", rows))


@pytest.mark.parametrize(
    ("taken_at", "day"),
    [
        ("2026-02-05T23:59:59", "2026-02-05"),
        ("2026-02-06T00:00:00", "2026-02-05"),
        ("2026-02-06T11:59:59", "2026-02-05"),
        ("2026-02-06T12:00:01", "2026-02-06"),
    ],
)
def test_a_snapshot_is_of_the_day_whose_end_is_nearest(taken_at: str, day: str) -> None:
    [found] = parse(snapshot(updated_at=millis(taken_at) // 1000), SNAPSHOT_REQUEST)["date"]
    assert found == pd.Timestamp(day)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param([], "'prices' is missing|'market_caps' is missing", id="list"),
        pytest.param(coin(prices=...), "'prices' is missing", id="no-prices"),
        pytest.param(coin(total_volumes={}), "'total_volumes' is dict", id="object-of-points"),
        pytest.param(coin(prices=[[TIMES[0]]]), "not a time and a value", id="value-dropped"),
        pytest.param(coin(prices=[{}]), "'prices' holds dict", id="object-point"),
        pytest.param(coin(prices=points([1, 2, 3, 4, "5"])), "'prices' holds str", id="text-value"),
        pytest.param(coin(prices=points([1, 2, 3, 4, True])), "'prices' holds bool", id="boolean-value"),
        pytest.param(coin(prices=points([1, 2, 3, 4], TIMES[1:])), "differ in their times", id="point-dropped"),
        pytest.param(coin(prices=points([1] * 5, TIMES[::-1])), "differ in their times", id="one-reversed"),
        pytest.param({n: points([1] * 5, TIMES[::-1]) for n in coin()}, "out of order", id="all-reversed"),
        pytest.param({n: points([1] * 5, [TIMES[0]] * 5) for n in coin()}, "times repeat", id="one-day-twice"),
        pytest.param(
            {n: points([1] * 5, [TIMES[0] + 0.5, *TIMES[1:]]) for n in coin()}, "holds float", id="float-time"
        ),
        pytest.param({n: points([1], [10**17]) for n in coin()}, "out of range", id="seconds-of-another-world"),
    ],
)
def test_a_strange_history_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({}, "'data' is missing", id="no-data"),
        pytest.param(snapshot(updated_at=...), "'updated_at' is missing", id="no-time"),
        pytest.param(snapshot(updated_at="1770337510"), "'updated_at' is str", id="text-time"),
        pytest.param(snapshot(updated_at=10**30), "out of range", id="late"),
        pytest.param(snapshot(total_market_cap=2500.5), "'total_market_cap' is float", id="bare-value"),
        pytest.param(snapshot(total_market_cap={"btc": 30.5}), "total_market_cap.usd' holds NoneType", id="no-usd"),
        pytest.param(snapshot(market_cap_percentage={"btc": "56.5"}), "percentage.btc' holds str", id="text-share"),
    ],
)
def test_a_strange_snapshot_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        parse(document, SNAPSHOT_REQUEST)


def test_a_chart_of_the_whole_market_without_its_frame_is_refused() -> None:
    with pytest.raises(SourceError, match="'market_cap_chart' is missing"):
        parse(TOTAL_CHART["market_cap_chart"], TOTAL_REQUEST)


@pytest.mark.parametrize("dataset", list(DOCUMENTS))
def test_damage_gives_valid_rows_or_a_refusal(dataset: str) -> None:
    assert_damage_is_caught(coingecko, DOCUMENTS[dataset], REQUESTS[dataset])


def test_damage_of_the_whole_markets_chart_gives_valid_rows_or_a_refusal() -> None:
    assert_damage_is_caught(coingecko, TOTAL_CHART, TOTAL_REQUEST)


def denied(code: int) -> str:
    return json.dumps({"error": {"status": {"timestamp": "2026-02-06", "error_code": code, "error_message": "No."}}})


BLOCKED = "<!DOCTYPE html><html><body>error code: 1020</body></html>"


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        pytest.param(answer(200, json.dumps(coin())), Outcome.OK, id="coin"),
        pytest.param(answer(200, json.dumps(TOTAL_CHART)), Outcome.OK, id="chart"),
        pytest.param(answer(200, json.dumps(snapshot())), Outcome.OK, id="snapshot"),
        pytest.param(answer(200, '{"prices":[],"market_caps":[],"total_volumes":[]}'), Outcome.EMPTY, id="no-points"),
        pytest.param(answer(200, '{"market_cap_chart":{"market_cap":[],"volume":[]}}'), Outcome.EMPTY, id="no-chart"),
        pytest.param(answer(401, denied(10002)), Outcome.AUTH, id="no-key"),
        pytest.param(answer(401, denied(10005)), Outcome.AUTH, id="pro-only"),
        pytest.param(answer(400, denied(10010)), Outcome.AUTH, id="pro-key-at-the-public-host"),
        pytest.param(answer(400, denied(10011)), Outcome.AUTH, id="demo-key-at-the-pro-host"),
        pytest.param(answer(400, '{"status":{"error_code":10011}}'), Outcome.AUTH, id="the-same-unnested"),
        pytest.param(answer(401, denied(10012)), Outcome.AUTH, id="beyond-a-year"),
        pytest.param(answer(404, '{"error":"coin not found"}'), Outcome.NOT_FOUND, id="unknown-coin"),
        pytest.param(answer(429, '{"status":{"error_code":429}}'), Outcome.RATE_LIMITED, id="throttled"),
        pytest.param(answer(200, '{"status":{"error_code":429}}'), Outcome.RATE_LIMITED, id="throttled-with-200"),
        pytest.param(answer(403, BLOCKED, "text/html"), Outcome.CHALLENGE, id="firewall"),
        pytest.param(answer(403, '{"status":{"error_code":1020}}'), Outcome.CHALLENGE, id="firewall-in-json"),
        pytest.param(answer(422, '{"error":"Missing parameter days"}'), Outcome.SCHEMA_DRIFT, id="bad-parameter"),
        pytest.param(answer(400, '{"error":{"status":"no"}}'), Outcome.SCHEMA_DRIFT, id="another-error"),
        pytest.param(answer(200, '{"prices":[[1'), Outcome.TRANSIENT, id="cut-off"),
        pytest.param(answer(503, "no", "text/plain"), Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(response: requests.Response, outcome: Outcome) -> None:
    assert coingecko.classify(response) is outcome


@responses.activate
def test_a_range_that_needs_another_plan_is_told_in_the_vendors_words() -> None:
    responses.get(f"https://mirror.test{COIN_REQUEST.path}", status=401, body=denied(10012))
    with pytest.raises(SourceError, match="10012") as caught:
        VendorSession(coingecko, "https://mirror.test").get(COIN_REQUEST)
    assert caught.value.outcome is Outcome.AUTH
