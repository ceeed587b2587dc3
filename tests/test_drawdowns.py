"""Drawdowns and their episodes: hand-made paths, properties, and pandas as the oracle."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days, nulls, sessions_of, stamp

SYMBOLS = ["MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA", "AVGO", "AMD", "TSM", "MU", "MRVL", "CRM", "NOW", "ADBE"]
FIRST = "2025-03-03"
PRICE = "symbol = 'MSFT' and basis = 'price'"
TOTAL = "symbol = 'MSFT' and basis = 'total_return'"
EXACT = {"rel": 1e-12, "abs": 1e-12}


def path(closes, dates=None, **bars):
    """A market with one path of MSFT, on consecutive days unless told."""
    dates = days(FIRST, len(closes)) if dates is None else dates
    return Market("2025-12-31").bars("MSFT", dates, closes, **bars)


def episodes(market, where=PRICE):
    return market.table("marts.drawdown_episodes", where).drop(columns=["symbol", "basis"])


def day(number):
    """Day 1 is the path's first."""
    return stamp(FIRST) + pd.Timedelta(days=number - 1)


def test_hand_made_path():
    found = path([100, 90, 95, 100, 98]).table("marts.drawdowns", PRICE)
    assert found["drawdown"].tolist() == pytest.approx([0, -0.10, -0.05, 0, -0.02], **EXACT)
    assert found["peak_close"].tolist() == [100] * 5
    assert found["peak_date"].tolist() == [day(1), day(1), day(1), day(4), day(4)]


def test_hand_made_episodes():
    first, second = episodes(path([100, 90, 95, 100, 98])).to_dict("records")
    assert first == {
        "peak_date": day(1),
        "first_under_date": day(2),
        "valley_date": day(2),
        "recovery_date": day(4),
        "depth": pytest.approx(-0.10, **EXACT),
        "depth_intraday": pytest.approx(-0.10, **EXACT),
        "days_to_valley": 1,
        "days_to_recovery": 3,
        "n_obs": 2,
        "is_open": False,
    }
    assert (second["peak_date"], second["first_under_date"], second["valley_date"]) == (day(4), day(5), day(5))
    assert second["depth"] == pytest.approx(-0.02, **EXACT)
    assert second["n_obs"] == 1
    assert second["is_open"]
    assert pd.isna(second["recovery_date"])
    assert pd.isna(second["days_to_recovery"])


def test_loss_on_the_first_day_counts():
    # Returns of -10 % and +5 %: the base before the first return is the peak, so -10 % and not 0.
    found = path([100, 90, 94.5]).table("marts.drawdowns", PRICE)
    assert found["drawdown"].min() == pytest.approx(-0.10, **EXACT)
    assert found["drawdown"].iloc[-1] == pytest.approx(-0.055, **EXACT)


def test_loss_on_the_first_day_counts_for_a_basket():
    # The basket's index is 100 on its first day; both members lose 10 % on the second.
    market = Market("2025-12-31").bars("BTC", days(FIRST, 3), [50, 45, 46]).bars("ETH", days(FIRST, 3), [10, 9, 9])
    found = market.table("marts.drawdowns", "symbol = 'basket:crypto_majors' and basis = 'price'")
    assert found["drawdown"].min() == pytest.approx(-0.10, **EXACT)
    assert found["peak_close"].tolist() == pytest.approx([100] * 3, **EXACT)


def test_equal_peaks_count_from_the_last():
    market = path([100, 100, 90, 100, 100, 99])
    assert market.table("marts.drawdowns", PRICE)["peak_date"].tolist() == [day(n) for n in (1, 2, 2, 4, 5, 5)]
    found = episodes(market)
    assert found["peak_date"].tolist() == [day(2), day(5)]
    assert found["first_under_date"].tolist() == [day(3), day(6)]
    assert found["recovery_date"].iloc[0] == day(4)


def test_never_under_water_has_no_episode():
    assert episodes(path([100, 100, 101, 102])).empty


def test_first_of_equal_valleys_is_the_valley():
    found = episodes(path([100, 80, 90, 80, 101])).iloc[0]
    assert found["valley_date"] == day(2)
    assert found["recovery_date"] == day(5)
    assert found["n_obs"] == 3


def test_a_recovery_in_between_parts_two_falls_of_the_same_depth():
    # 120 is a new peak: the second fall is measured from it and not from 100.
    found = episodes(path([100, 80, 120, 60, 130]))
    assert found["depth"].tolist() == pytest.approx([-0.2, -0.5], **EXACT)
    assert found["peak_date"].tolist() == [day(1), day(3)]
    assert found["recovery_date"].tolist() == [day(3), day(5)]


def test_deeper_path_keeps_one_episode():
    # A rebound below the peak does not end the fall: 100 -> 50 is the valley, 99.99 no recovery.
    found = episodes(path([100, 70, 99, 50, 99.99]))
    assert len(found) == 1
    assert found["depth"].iloc[0] == pytest.approx(-0.5, **EXACT)
    assert found["valley_date"].iloc[0] == day(4)
    assert found["days_to_valley"].iloc[0] == 3
    assert found["is_open"].iloc[0]


def test_gap_in_dates():
    # A week without rows: durations are calendar days, observations are rows.
    dates = [stamp(d) for d in ("2025-03-03", "2025-03-10", "2025-03-11", "2025-03-31")]
    found = episodes(path([100, 90, 80, 100], dates)).iloc[0]
    assert (found["first_under_date"], found["valley_date"], found["recovery_date"]) == tuple(dates[1:])
    assert (found["days_to_valley"], found["days_to_recovery"], found["n_obs"]) == (8, 28, 2)


def test_total_return_basis():
    # Ex-dividend day 2: 4 of 100 paid, so a holding grows by 1 / (1 - 0.04) and stands at 98 / 0.96 = 102.08.
    market = path([100, 98, 96]).dividend("MSFT", "2025-03-04", 4)
    price, total = (market.table("marts.drawdowns", w) for w in (PRICE, TOTAL))
    assert price["drawdown"].tolist() == pytest.approx([0, -0.02, -0.04], **EXACT)
    assert total["close"].tolist() == pytest.approx([100, 98 / 0.96, 96 / 0.96], **EXACT)
    assert total["drawdown"].tolist() == pytest.approx([0, 0, 96 / 98 - 1], **EXACT)
    assert episodes(market, TOTAL)["peak_date"].tolist() == [day(2)]
    assert episodes(market, PRICE)["peak_date"].tolist() == [day(1)]


def test_dividends_leave_no_rounding_behind():
    # Twenty dividends, then a flat price: not one of the flat days is under water.
    market = path([100.0] * 80)
    for number in range(2, 42, 2):
        market.dividend("MSFT", str(day(number).date()), 0.37)
    found = market.table("marts.drawdowns", TOTAL)
    assert (found["drawdown"] == 0).all()
    assert episodes(market, TOTAL).empty


def test_depth_intraday():
    # Running highs 105, 105, 105, 110; lows under water 85, 88: 85 / 105 is the deepest. The peak day's own
    # low, 60, comes before or after its high: nobody knows, and it does not count.
    market = path([100, 90, 95, 100], low=[60, 85, 88, 99], high=[105, 99, 97, 110])
    assert episodes(market)["depth_intraday"].tolist() == pytest.approx([85 / 105 - 1], **EXACT)


def test_depth_intraday_uses_highs_of_earlier_episodes():
    market = path([100, 99, 101, 98], low=[100, 98, 100, 97], high=[120, 100, 102, 101])
    assert episodes(market)["depth_intraday"].tolist() == pytest.approx([98 / 120 - 1, 97 / 120 - 1], **EXACT)


@pytest.mark.parametrize("where", [TOTAL, "symbol = 'basket:hyperscalers' and basis = 'price'"])
def test_depth_intraday_is_unknown_where_lows_are(where):
    found = episodes(path([100, 90, 95]), where)
    assert len(found) == 1
    assert nulls(found["depth_intraday"])


def test_index_has_no_drawdown():
    market = path([100, 90]).bars("VIX", days(FIRST, 2), [20, 10])
    assert set(market.table("marts.drawdowns")["symbol"]) == {"MSFT", "basket:hyperscalers"}


def test_recovery_is_unknown_until_it_has_come():
    closes = [100, 90, 85, 100]
    for n, expected in [(2, (2, None, 1, True)), (3, (3, None, 2, True)), (4, (3, 4, 2, False))]:
        market = Market(day(n).date()).bars("MSFT", days(FIRST, 4), closes)
        found = episodes(market).iloc[0]
        valley, recovery, n_obs, is_open = expected
        assert found["valley_date"] == day(valley)
        assert found["recovery_date"] == day(recovery) if recovery else pd.isna(found["recovery_date"])
        assert found["days_to_recovery"] == 3 if recovery else pd.isna(found["days_to_recovery"])
        assert (found["n_obs"], found["is_open"]) == (n_obs, is_open)


@pytest.fixture(scope="module")
def random_market():
    """Random walks of all symbols, each with one low-volatility, trendless or trending shape."""
    rng = np.random.default_rng(11)
    dates, market, paths = sessions_of("2024-01-02", "2025-06-30"), Market("2025-12-31"), {}
    for k, symbol in enumerate(SYMBOLS):
        steps = rng.normal(0.0005 * (k % 3 - 1), 0.005 * (1 + k % 4), len(dates))
        paths[symbol] = pd.Series(np.round(100 * np.exp(steps.cumsum()), 2), index=dates)
        market.bars(symbol, dates, paths[symbol])
    return market.build("marts.drawdown_episodes"), paths


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_drawdown_agrees_with_pandas(random_market, symbol):
    market, paths = random_market
    closes = paths[symbol]
    found = market.rows("marts.drawdowns", f"symbol = '{symbol}' and basis = 'price'").set_index("date")
    peak = closes.cummax()
    np.testing.assert_allclose(found["drawdown"], closes / peak - 1, rtol=0, atol=1e-12)
    last_at_peak = pd.Series(closes.index, index=closes.index).where(closes == peak).ffill()
    assert (found["peak_date"].to_numpy() == last_at_peak.to_numpy()).all()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_episodes_agree_with_pandas(random_market, symbol):
    market, paths = random_market
    closes = paths[symbol]
    found = market.rows("marts.drawdown_episodes", f"symbol = '{symbol}' and basis = 'price'")
    fall = closes / closes.cummax() - 1
    under = fall[fall < 0]
    spell = (fall == 0).cumsum()[fall < 0]
    assert found["depth"].tolist() == pytest.approx(under.groupby(spell).min().tolist(), **EXACT)
    assert found["depth"].min() == pytest.approx(fall.min(), **EXACT)
    assert found["valley_date"].tolist() == under.groupby(spell).idxmin().tolist()
    assert found["n_obs"].tolist() == under.groupby(spell).size().tolist()
    assert found["is_open"].tolist() == [n == spell.iloc[-1] and fall.iloc[-1] < 0 for n in spell.unique()]
    assert (found["recovery_date"].isna() == found["is_open"]).all()


def test_lower_returns_never_make_the_worst_fall_shallower():
    rng = np.random.default_rng(5)
    dates, market = days("2025-01-01", 60), Market("2025-12-31")
    pairs = list(zip(SYMBOLS[::2], SYMBOLS[1::2], strict=True))
    for k, (higher, lower) in enumerate(pairs):
        returns = rng.normal(0.002, 0.02, len(dates) - 1)
        cut = rng.exponential(0.003, len(dates) - 1) * (rng.random(len(dates) - 1) < (k + 1) / len(pairs))
        for symbol, steps in [(higher, returns), (lower, returns - cut)]:
            market.bars(symbol, dates, 100 * np.concatenate([[1], np.cumprod(1 + steps)]))
    found = market.table("marts.drawdowns", "basis = 'price'").groupby("symbol")["drawdown"].min()
    for higher, lower in pairs:
        assert found[lower] <= found[higher] + 1e-12
    assert found[[b for _, b in pairs]].mean() < found[[a for a, _ in pairs]].mean()
