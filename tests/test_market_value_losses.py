"""Market value lost: which members count, from which peak, over which window. Amounts are in millions."""

import numpy as np
import pandas as pd
import pytest

from pipelines.audit import checks_of, run_check
from pipelines.universe import load_universe
from tests.factories import Market, days, sessions_of, stamp
from tests.test_market_caps import alphabet, onchain, vendor
from tests.test_shares_outstanding import filing, insert, on_cover

NAME = "marts.market_value_losses"
WEEK = sessions_of("2026-02-02", "2026-02-13")


def set_table(market, name, rows):
    """Replace a table that universe.yaml fills, whatever it says."""
    market.build(name)
    market.warehouse.execute(f"delete from {name}")
    market.warehouse.insert(name, pd.DataFrame(rows))
    return market


def episodes(market, *spans):
    """Named episodes (name, first day, last day or none)."""
    frame = pd.DataFrame(spans, columns=["episode", "start_date", "end_date"]).assign(name="An episode")
    return set_table(
        market, "core.named_episodes", frame.astype(dict.fromkeys(("start_date", "end_date"), "datetime64[us]"))
    )


def losses(market, basket="basket:saas", window="running_peak", loss_windows=(2,)):
    """Rows of one basket and window by day; the checks hold."""
    set_table(market, "core.loss_windows", {"n_days": list(loss_windows)})
    found = market.table(NAME, f"basket = '{basket}' and \"window\" = '{window}'")
    for check in checks_of(NAME):
        assert run_check(market.warehouse, check).passed, check.name
    return found.set_index("date")


def company(market, symbol, dates, values):
    """A company of one million shares: its close is its value in millions."""
    filing(market, symbol, "2020-01-02", [on_cover("2020-01-01", 1e6)])
    return market.bars(symbol, dates, values)


def millions(column):
    return [round(value / 1e6, 6) for value in column]


# One member.

PATH = [100, 120, 90, 110, 130, 117]


@pytest.fixture
def one():
    return company(Market("2026-02-28"), "CRM", WEEK[:6], PATH)


def test_loss_is_against_the_highest_value_so_far(one):
    found = losses(one)
    assert millions(found["market_value_usd"]) == PATH
    assert millions(found["peak_value_usd"]) == [100, 120, 120, 120, 130, 130]
    assert millions(found["loss_usd"]) == [0, 0, 30, 10, 0, 13]
    assert list(found["loss_fraction"]) == pytest.approx([0, 0, 0.25, 10 / 120, 0, 0.1])
    assert list(found["peak_date"]) == [WEEK[i] for i in (0, 1, 1, 1, 4, 4)]
    assert set(found["start_date"]) == {WEEK[0]}
    assert millions(found["change_usd"]) == [0, 20, -10, 10, 30, 17]
    assert set(found["method"]) == {"sum"}


def test_a_window_holds_so_many_past_rows_and_waits_until_it_has_them(one):
    found = losses(one, window="2")
    # Of 100, 120, 90, 110, 130, 117 each and the two before it.
    assert list(found.index) == list(WEEK[2:6])
    assert list(found["start_date"]) == list(WEEK[:4])
    assert millions(found["start_value_usd"]) == [100, 120, 90, 110]
    assert millions(found["peak_value_usd"]) == [120, 120, 130, 130]
    assert millions(found["loss_usd"]) == [30, 10, 0, 13]
    assert millions(found["change_usd"]) == [-10, -10, 40, 7]


def test_several_windows_stand_beside_each_other(one):
    assert len(losses(one, window="5", loss_windows=(1, 2, 5))) == 1
    assert len(losses(one, window="1", loss_windows=(1, 2, 5))) == 5
    assert losses(one, window="6", loss_windows=(6,)).empty


def test_an_episode_counts_from_its_start_while_it_lasts(one):
    found = losses(episodes(one, ("scare", "2026-02-04", "2026-02-06")), window="scare")
    # 90, 110, 130: neither the 120 before nor the 117 after.
    assert list(found.index) == list(WEEK[2:5])
    assert millions(found["loss_usd"]) == [0, 0, 0]
    assert millions(found["start_value_usd"]) == [90, 90, 90]
    assert millions(found["change_usd"]) == [0, 20, 40]


def test_an_episode_that_lasts_goes_on(one):
    found = losses(episodes(one, ("scare", "2026-02-03", None)), window="scare")
    assert millions(found["loss_usd"]) == [0, 30, 10, 0, 13]
    assert millions(found["change_usd"]) == [0, -30, -10, 10, -3]


def test_an_episode_that_starts_on_a_weekend_counts_from_the_friday_before(one):
    found = losses(episodes(one, ("scare", "2026-02-08", "2026-02-20")), window="scare")
    # The Monday, against the 130 of Friday.
    assert list(found.index) == [stamp("2026-02-09")]
    assert set(found["start_date"]) == {stamp("2026-02-06")}
    assert millions(found["change_usd"]) == [-13]


def test_an_episode_to_come_is_not_there(one):
    assert losses(episodes(one, ("scare", "2026-02-20", "2026-02-27")), window="scare").empty


def test_an_episode_from_before_history_is_left_out(one):
    assert losses(episodes(one, ("scare", "2026-01-30", "2026-02-06")), window="scare").empty


def test_of_equal_peaks_the_last_is_named():
    market = company(Market("2026-02-28"), "CRM", WEEK[:4], [100, 90, 100, 80])
    assert list(losses(market)["peak_date"]) == [WEEK[0], WEEK[0], WEEK[2], WEEK[2]]
    assert list(losses(market, window="2")["peak_date"]) == [WEEK[2], WEEK[2]]


# Several members.


def test_a_basket_is_the_sum_of_its_members_and_says_how_many_it_has():
    market = company(Market("2026-02-28"), "CRM", WEEK[:3], [100, 80, 90])
    company(market, "NOW", WEEK[:3], [50, 55, 40])
    found = losses(market)
    assert millions(found["market_value_usd"]) == [150, 135, 130]
    assert millions(found["loss_usd"]) == [0, 15, 20]
    assert set(found["coverage"]) == {2 / 9}


def test_a_member_that_appears_midway_is_no_gain():
    market = company(Market("2026-02-28"), "CRM", WEEK[:5], [100, 80, 80, 40, 60])
    company(market, "NOW", WEEK[2:5], [1000, 950, 970])
    found = losses(market)
    # CRM lost 20 before NOW came with its 1,000; then both lost 40 + 50, and won 20 + 20 back.
    assert millions(found["market_value_usd"]) == [100, 80, 1080, 990, 1030]
    assert millions(found["loss_usd"]) == [0, 20, 20, 110, 70]
    assert millions(found["peak_value_usd"]) == [100, 100, 1100, 1100, 1100]
    assert list(found["coverage"]) == [1 / 9, 1 / 9, 2 / 9, 2 / 9, 2 / 9]
    assert millions(losses(market, window="2")["loss_usd"]) == [20, 90, 50]
    assert millions(losses(market, window="2")["change_usd"]) == [-20, -90, -50]


def test_a_member_without_a_value_for_a_day_is_no_loss():
    market = company(Market("2026-02-28"), "CRM", WEEK[:5], [100, 90, 95, 80, 100])
    company(market, "NOW", WEEK[[0, 1, 3, 4]], [1000, 1010, 950, 1000])
    found = losses(market)
    # Of the third day only CRM counts, with its own loss of 5. What NOW lost over the gap, 60, shows when it is back,
    # against the peak of that day, on which NOW stands at the 1,010 it was last known at.
    assert millions(found["market_value_usd"]) == [1100, 1100, 95, 1030, 1100]
    assert millions(found["loss_usd"]) == [0, 0, 5, 75, 5]
    assert millions(found["peak_value_usd"]) == [1100, 1100, 100, 1105, 1105]
    assert list(found["coverage"]) == [2 / 9, 2 / 9, 1 / 9, 2 / 9, 2 / 9]


def test_what_a_member_lost_before_it_left_goes_with_it():
    market = company(Market("2026-02-28"), "CRM", WEEK[:4], [100, 90, 80, 90])
    company(market, "NOW", WEEK[:2], [1000, 500])
    found = losses(market)
    assert millions(found["loss_usd"]) == [0, 510, 20, 10]
    assert millions(found["peak_value_usd"]) == [1100, 1100, 100, 100]


def test_members_that_come_and_go_never_make_a_loss_of_their_own():
    rng, dates = np.random.default_rng(3), sessions_of("2024-01-02", "2024-12-31")
    market = Market("2024-12-31")
    for symbol, value in [("CRM", 200), ("NOW", 90), ("ADBE", 250), ("TEAM", 60)]:
        there = rng.random(len(dates)) < 0.9
        company(market, symbol, dates[there], np.full(there.sum(), float(value)))
    found = losses(market)
    assert found["loss_usd"].eq(0).all()
    assert found["change_usd"].eq(0).all()
    assert found["coverage"].nunique() > 2


def test_sessions_count_and_no_other_days():
    dates = days("2026-02-05", 5)
    market = company(Market("2026-02-28"), "CRM", dates, [100, 90, 1, 1, 80])
    assert list(losses(market).index) == [stamp(day) for day in ("2026-02-05", "2026-02-06", "2026-02-09")]
    assert millions(losses(market)["loss_usd"]) == [0, 10, 20]


# Shares.


def test_a_split_loses_nothing():
    found = losses(alphabet("2022-07-26"), "basket:hyperscalers", "5", (5,))
    # The price, on either basis, falls by about 0.13 % a session: five of them lose less than 1 %.
    assert found.loc["2022-07-13":"2022-07-25", "loss_fraction"].between(0.005, 0.01).all()


def test_a_buyback_lowers_the_value():
    market = company(Market("2026-02-28"), "CRM", WEEK[:4], [100, 100, 100, 100])
    filing(market, "CRM", "2026-02-03", [on_cover("2026-01-30", 0.97e6)])
    assert millions(losses(market)["loss_usd"]) == [0, 0, 3, 3]


# Crypto.


def test_all_crypto_is_the_vendors_series_and_counts_days():
    market = vendor(Market("2026-02-28"), "CRYPTO_TOTAL", days("2026-02-05", 4), [3.3e12, 3.0e12, 2.9e12, 2.2e12])
    found = losses(market, "CRYPTO_TOTAL")
    assert list(found.index) == list(days("2026-02-05", 4))
    assert list(found["loss_usd"]) == pytest.approx([0, 0.3e12, 0.4e12, 1.1e12])
    assert found["loss_fraction"].iloc[-1] == pytest.approx(1 / 3)
    assert set(found["method"]) == {"vendor"}
    assert set(found["coverage"]) == {1}


def test_the_same_fall_by_three_windows():
    # 3.285 T in mid-January, 3.018 T on 28 January, 2.863 T the day after, 2.194 T a week later.
    values = np.interp(range(23), [0, 14, 15, 22], [3.285e12, 3.018e12, 2.863e12, 2.194e12])
    market = vendor(Market("2026-02-28"), "CRYPTO_TOTAL", days("2026-01-14", 23), values)
    episodes(market, ("scare", "2026-01-28", "2026-02-13"))
    day, measured = stamp("2026-02-05"), {}
    for window in ("7", "scare", "running_peak"):
        row = losses(market, "CRYPTO_TOTAL", window, (7,)).loc[day]
        measured[window] = (round(row["loss_usd"] / 1e12, 2), round(row["loss_fraction"], 2), row["peak_date"])
    assert measured == {
        "7": (0.67, 0.23, stamp("2026-01-29")),
        "scare": (0.82, 0.27, stamp("2026-01-28")),
        "running_peak": (1.09, 0.33, stamp("2026-01-14")),
    }


def test_without_a_vendor_all_crypto_is_a_sum_whose_members_may_come_later():
    market = vendor(Market("2026-02-28"), "BTC", days("2026-02-05", 3), [2e12, 1.5e12, 1.4e12])
    vendor(market, "ETH", days("2026-02-06", 2), [5e11, 4e11])
    pinned = pd.DataFrame({"basket": "basket:crypto_total", "symbol": ["BTC", "ETH"]})
    market.build("core.basket_members")
    market.warehouse.insert("core.basket_members", pinned)
    found = losses(market, "CRYPTO_TOTAL")
    assert list(found["market_value_usd"]) == [2e12, 2e12, 1.8e12]
    assert list(found["loss_usd"]) == [0, 5e11, 7e11]
    assert list(found["coverage"]) == [0.5, 1, 1]
    assert set(found["method"]) == {"sum"}


def test_one_measure_of_a_coin_counts():
    market = onchain(Market("2026-02-28"), days("2026-02-05", 2), [2e12, 1e12], "coinmetrics")
    vendor(market, "BTC", days("2026-02-05", 2), [9e12, 9e12])
    assert list(losses(market, "basket:crypto_majors")["market_value_usd"]) == [2e12, 1e12]


def test_snapshots_are_not_joined_to_the_series():
    market = vendor(Market("2026-02-28"), "CRYPTO_TOTAL", days("2026-02-05", 2), [3e12, 2e12])
    row = {"symbol": ["CRYPTO_TOTAL"], "taken_at": [stamp("2026-02-07")], "date": [stamp("2026-02-07")]}
    insert(market, "raw.market_snapshots", pd.DataFrame(row).assign(market_cap_usd=1e12), "coingecko", "2026-02-07")
    assert len(losses(market, "CRYPTO_TOTAL")) == 2


# Settings.


def test_windows_come_from_the_universe():
    universe = load_universe()
    assert list(universe.loss_windows_frame()["n_days"]) == [5, 7, 21]
    repeated = universe.model_copy(update={"loss_windows": [7, 3, 7]})
    assert list(repeated.loss_windows_frame()["n_days"]) == [3, 7]


def test_a_window_of_no_days_is_refused():
    with pytest.raises(ValueError, match="loss_windows"):
        type(load_universe()).model_validate({**load_universe().model_dump(), "loss_windows": [0]})


def test_nothing_to_value_is_an_empty_table():
    assert Market("2026-02-28").table(NAME).empty
