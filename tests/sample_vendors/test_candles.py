"""Coinbase's candles, in dollars beside Binance's tethers."""

import numpy as np
import pytest

from tests.sample_vendors.vendor import CANDLES, DAY, EARLY, ask, candles, unix


def test_candles_are_newest_first_with_low_and_high_before_open_and_close() -> None:
    rows = candles("2026-01-05T12:00:00Z", "2026-01-07T00:00:00Z")
    # The candle that contains the start comes as well.
    assert [row[0] for row in rows] == [unix("2026-01-07"), unix("2026-01-06"), unix("2026-01-05")]
    for _, low, high, opened, close, volume in rows:
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert volume > 0


def test_a_page_has_at_most_300_candles() -> None:
    assert len(candles("2025-01-01T00:00:00Z", "2025-01-13T11:00:00Z", 3600)) == 300
    refused = ask(CANDLES, granularity=3600, start="2025-01-01T00:00:00Z", end="2025-01-13T12:00:00Z")
    assert (refused.status_code, refused.json()["message"][-7:]) == (400, "eds 300")
    newest = ask(CANDLES, granularity=DAY).json()
    assert (len(newest), newest[0][0]) == (300, unix("2026-03-31"))
    assert ask("/products/SOL-USD/candles", granularity=DAY).status_code == 404


def test_a_candle_appears_when_it_has_ended() -> None:
    assert ask(CANDLES, EARLY, granularity=3600).json()[0][0] == unix("2023-05-10T19:00:00")
    assert ask(CANDLES, EARLY, granularity=DAY).json()[0][0] == unix("2023-05-09")
    before = candles("2023-05-09T00:00:00Z", "2023-05-10T19:00:00Z", 3600)
    assert ask(CANDLES, EARLY, granularity=3600).json()[: len(before)] == before


def test_daily_candles_are_aggregates_of_the_hourly_ones() -> None:
    hours = np.array(candles("2026-02-03T00:00:00Z", "2026-02-03T23:00:00Z", 3600)[::-1])
    (day,) = candles("2026-02-03T00:00:00Z", "2026-02-03T00:00:00Z")
    assert day[1:5] == [hours[:, 1].min(), hours[:, 2].max(), hours[0, 3], hours[-1, 4]]
    assert day[5] == pytest.approx(hours[:, 5].sum(), abs=0.001)


def test_dollars_and_tethers_differ_by_a_slowly_varying_spread() -> None:
    dollars = np.array([row[4] for row in candles("2025-08-01T00:00:00Z", "2026-03-31T00:00:00Z")[::-1]])
    params = {"symbol": "BTCUSDT", "interval": "1d", "startTime": unix("2025-08-01") * 1000}
    tethers = np.array([float(row[4]) for row in ask("/api/v3/klines", **params).json()])
    spread = dollars / tethers - 1
    assert 1e-4 < np.abs(spread).max() < 0.01
    # A few basis points to each side, and from one day to the next at most two.
    assert np.abs(np.diff(spread)).max() < 2e-4 < np.ptp(spread)
