"""Prices: adjustments and basket indices, derived by hand."""

import numpy as np
import pytest

from tests.factories import Market, days, nulls, sessions_of, stamp

FIRST = "2025-03-03"
EXACT = {"rel": 1e-12}


def prices(market, symbol="MSFT"):
    return market.table("core.prices", f"symbol = '{symbol}'")


def path(closes, **load):
    return Market("2025-12-31").bars("MSFT", days(FIRST, len(closes)), closes, **load)


def test_one_dividend():
    # 2 are paid on day 3, after a close of 101: every earlier day counts 1 - 2 / 101 = 99 / 101 of its close.
    found = prices(path([100, 101, 99, 102]).dividend("MSFT", "2025-03-05", 2))
    assert found["close_adjusted"].tolist() == pytest.approx([100 * 99 / 101, 99, 99, 102], **EXACT)
    # Forward: one share becomes 101 / 99 shares.
    expected = [100, 101, 99 * 101 / 99, 102 * 101 / 99]
    assert found["close_total_return"].tolist() == pytest.approx(expected, **EXACT)
    assert found["close"].tolist() == [100, 101, 99, 102]
    assert found["close_unadjusted"].tolist() == [100, 101, 99, 102]
    assert found["coverage"].tolist() == [1] * 4


def test_two_dividends_multiply():
    found = prices(path([100, 90, 80]).dividend("MSFT", "2025-03-04", 10).dividend("MSFT", "2025-03-05", 9))
    # Factors 1 - 10/100 = 0.9 and 1 - 9/90 = 0.9.
    assert found["close_adjusted"].tolist() == pytest.approx([81, 81, 80], **EXACT)
    assert found["close_total_return"].tolist() == pytest.approx([100, 100, 80 / 0.81], **EXACT)


def random_path():
    rng = np.random.default_rng(3)
    dates = sessions_of("2024-01-02", "2024-12-31")
    closes = np.round(100 * np.exp(rng.normal(0, 0.02, len(dates)).cumsum()), 2)
    dividends = {int(k): round(float(closes[k - 1] * 0.01), 2) for k in (20, 81, 140, 141, 250)}
    return dates, closes, dividends


def random_market(as_of="2025-12-31"):
    dates, closes, dividends = random_path()
    market = Market(as_of).bars("MSFT", dates, closes)
    for k, amount in dividends.items():
        market.dividend("MSFT", str(dates[k].date()), amount)
    return market


@pytest.mark.parametrize("column", ["close_adjusted", "close_total_return"])
def test_ratio_of_neighbours_follows_the_crsp_factor(column):
    # adjusted[t] / adjusted[t-1] = close[t] / (close[t-1] - dividend[t]): the dividend buys shares at the
    # ex-day's opening level, close[t-1] less the dividend.
    _, closes, dividends = random_path()
    found = prices(random_market())[column].to_numpy()
    paid = np.array([dividends.get(k, 0) for k in range(len(closes))])
    np.testing.assert_allclose(found[1:] / found[:-1], closes[1:] / (closes[:-1] - paid[1:]), rtol=1e-12)
    assert (paid > 0).sum() == 5


def test_newest_adjusted_close_is_the_close():
    _, closes, _ = random_path()
    found = prices(random_market())
    assert found["close_adjusted"].iloc[-1] == closes[-1]
    assert (found["close_adjusted"].iloc[:-3] < closes[:-3]).all()


def test_later_dividends_never_move_total_return_history():
    _, _, dividends = random_path()
    whole = prices(random_market()).set_index("date")
    for cut in ("2024-02-15", "2024-07-23", "2024-12-26"):
        before = prices(random_market(cut)).set_index("date")
        assert 0 < len(before) < len(whole)
        after = whole.loc[: stamp(cut)]
        assert before["close_total_return"].tolist() == pytest.approx(after["close_total_return"].tolist(), **EXACT)
        # Adjusted history does move: a dividend after the cut lowers it.
        assert (after["close_adjusted"] < before["close_adjusted"] * 0.9999).all()
        assert before["close_adjusted"].iloc[-1] == before["close"].iloc[-1]
    assert len(dividends) == 5


def test_dividend_as_large_as_the_price_changes_nothing():
    found = prices(path([100, 50]).dividend("MSFT", "2025-03-04", 100))
    assert found["close_adjusted"].tolist() == [100, 50]
    assert found["close_total_return"].tolist() == [100, 50]


def test_dividend_on_the_first_day_changes_nothing():
    found = prices(path([100, 50]).dividend("MSFT", FIRST, 1))
    assert found["close_total_return"].tolist() == [100, 50]


def test_close_unadjusted_undoes_splits():
    # On today's basis 5, 6, 60, 61, 62: a 10:1 split on day 5 came after a 20:1 on day 3.
    market = path([5, 6, 60, 61, 62]).split("MSFT", "2025-03-05", 20).split("MSFT", "2025-03-07", 10)
    found = prices(market)
    assert found["close_unadjusted"].tolist() == pytest.approx([5 * 200, 6 * 200, 600, 610, 62], **EXACT)
    assert found["close_adjusted"].tolist() == [5, 6, 60, 61, 62]
    assert found["close_total_return"].tolist() == [5, 6, 60, 61, 62]


def test_close_unadjusted_of_a_reverse_split():
    found = prices(path([30, 30]).split("MSFT", "2025-03-04", 1, 3))
    assert found["close_unadjusted"].tolist() == pytest.approx([10, 30], rel=1e-8)


def test_restated_bar_replaces_the_old_one_once_known():
    market = path([100, 101], known_at="2025-03-05").bars(
        "MSFT", [stamp("2025-03-04")], [111], known_at="2025-06-01", load_id=2
    )
    assert prices(market)["close"].tolist() == [100, 111]
    early = Market("2025-05-01").bars("MSFT", days(FIRST, 2), [100, 101], known_at="2025-03-05")
    early.bars("MSFT", [stamp("2025-03-04")], [111], known_at="2025-06-01", load_id=2)
    assert prices(early)["close"].tolist() == [100, 101]


def test_basket_index():
    # ai_semiconductors has six members, three of them trade; MU has no price on day 2.
    market = Market("2025-12-31").bars("NVDA", days(FIRST, 3), [100, 110, 121])
    market.bars("AMD", days(FIRST, 3), [50, 49, 49]).bars("MU", [*days(FIRST, 1), stamp("2025-03-05")], [20, 21])
    found = prices(market, "basket:ai_semiconductors")
    second = 100 * (1 + (0.10 - 0.02) / 2)
    third = second * (1 + (0.10 + 0.00 + 0.05) / 3)
    assert found["close"].tolist() == pytest.approx([100, second, third], **EXACT)
    assert found["coverage"].tolist() == pytest.approx([3 / 6, 2 / 6, 3 / 6], **EXACT)
    assert found["source"].unique().tolist() == ["derived"]
    for column in ("open", "high", "low", "volume", "close_unadjusted"):
        assert nulls(found[column])


def test_basket_total_return():
    # NVDA pays 5 on day 2 after 100: total return 105 / 95 - 1 at a close of 105; AMD stays.
    market = Market("2025-12-31").bars("NVDA", days(FIRST, 3), [100, 105, 105]).bars("AMD", days(FIRST, 3), [50] * 3)
    market.dividend("NVDA", "2025-03-04", 5)
    found = prices(market, "basket:ai_semiconductors")
    total = 100 * (1 + (105 / 95 - 1) / 2)
    assert found["close"].tolist() == pytest.approx([100, 102.5, 102.5], **EXACT)
    assert found["close_total_return"].tolist() == pytest.approx([100, total, total], **EXACT)
    assert found["close_adjusted"].tolist() == pytest.approx([100 * 102.5 / total, 102.5, 102.5], **EXACT)


def test_member_of_another_basket_does_not_count():
    market = Market("2025-12-31").bars("NVDA", days(FIRST, 2), [100, 110]).bars("CRM", days(FIRST, 2), [10, 5])
    assert prices(market, "basket:ai_semiconductors")["close"].tolist() == pytest.approx([100, 110], **EXACT)
    assert prices(market, "basket:saas")["close"].tolist() == pytest.approx([100, 50], **EXACT)


def test_only_the_configured_source_is_used():
    market = path([100, 101]).bars("MSFT", days(FIRST, 3), [7, 7, 7], source="binance")
    market.dividend("MSFT", "2025-03-04", 50, source="binance")
    market.split("MSFT", "2025-03-04", 2, source="binance")
    found = prices(market)
    assert found["close"].tolist() == [100, 101]
    assert found["source"].unique().tolist() == ["yahoo"]
    assert found["close_total_return"].tolist() == [100, 101]
    assert found["close_unadjusted"].tolist() == [100, 101]


def test_other_source_alone_is_no_price():
    market = Market("2025-12-31").bars("BTC", days(FIRST, 3), [7, 7, 7], source="yahoo")
    assert market.table("core.prices").empty


def test_symbol_outside_the_universe_has_no_price():
    market = path([100]).bars("GME", days(FIRST, 1), [5])
    assert set(market.table("core.prices")["symbol"]) == {"MSFT", "basket:hyperscalers"}
