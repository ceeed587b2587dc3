"""CoinGecko's market caps."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.sample_vendors.vendor import BITCOIN, EARLY, NOW, TOTAL, ask, chain, unix


def test_a_coin_at_midnight_is_worth_the_close_of_the_day_before() -> None:
    chart = ask(BITCOIN, **{"from": unix("2026-02-01"), "to": unix("2026-02-03")}).json()
    closes = chain("price", "2026-01-31")
    assert chart["prices"] == [[unix(f"2026-02-0{day}") * 1000, closes[day - 1]] for day in (1, 2, 3)]
    times = [[at for at, _ in chart[name]] for name in ("prices", "market_caps", "total_volumes")]
    assert times[0] == times[1] == times[2]
    assert min(value for _, value in chart["market_caps"]) > 1e12
    assert ask("/api/v3/coins/nothing/market_chart/range", **{"from": 0, "to": 1}).json() == {"error": "coin not found"}
    assert ask("/api/v3/simple/price").status_code == 404


def test_a_chart_ends_with_the_present() -> None:
    prices = ask(BITCOIN, EARLY, **{"from": unix("2023-05-09"), "to": unix("2023-05-11")}).json()["prices"]
    assert [at // 1000 for at, _ in prices] == [unix("2023-05-09"), unix("2023-05-10"), int(EARLY.timestamp())]
    hours = ask("/api/v3/klines", EARLY, symbol="BTCUSDT", interval="1h", limit=1).json()
    assert prices[-1][1] == float(hours[-1][4])


def test_the_whole_market_is_the_coins_and_a_bit_more() -> None:
    chart = ask(TOTAL, days="max").json()["market_cap_chart"]
    snapshot = ask("/api/v3/global").json()["data"]
    assert chart["market_cap"][0][0] == unix("2020-01-03") * 1000
    assert chart["market_cap"][-1] == [int(NOW.timestamp()) * 1000, snapshot["total_market_cap"]["usd"]]
    assert snapshot["updated_at"] == NOW.timestamp()
    bitcoin = ask(BITCOIN, **{"from": 0, "to": unix("2026-04-01")}).json()["market_caps"]
    share = np.array([cap for _, cap in bitcoin]) / np.array([cap for _, cap in chart["market_cap"]])
    assert 0.3 < share.min() < share.max() < 0.8
    assert snapshot["market_cap_percentage"]["btc"] == pytest.approx(100 * share[-1])
    year = ask(TOTAL, days=365).json()["market_cap_chart"]["market_cap"]
    assert year == chart["market_cap"][-366:]


def test_nobody_has_seen_the_market_before_its_first_hour() -> None:
    assert ask("/api/v3/global", datetime(2020, 1, 2, 0, 30, tzinfo=UTC)).status_code == 404
    assert ask(TOTAL, datetime(2019, 1, 2, tzinfo=UTC)).json()["market_cap_chart"]["market_cap"] == []
