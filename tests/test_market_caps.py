"""Market values: a company's shares known then at its close, coins and all of crypto each way of measuring apart."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days, sessions_of, stamp
from tests.test_shares_outstanding import AVERAGE, filing, insert, on_cover

MEMBERS = ["BTC", "ETH", "SOL"]


def caps(market, where="true"):
    """Market values, with a crypto basket of MEMBERS whatever universe.yaml says."""
    market.build("core.basket_members")
    rows = pd.DataFrame({"basket": "basket:crypto_majors", "symbol": MEMBERS})
    market.warehouse.execute("delete from core.basket_members where basket = 'basket:crypto_majors'")
    market.warehouse.insert("core.basket_members", rows)
    return market.table("core.market_caps", where)


def vendor(market, symbol, dates, values, source="coingecko", known_at="2025-12-10"):
    frame = pd.DataFrame({"symbol": symbol, "date": pd.to_datetime(list(dates)), "market_cap_usd": values})
    return insert(market, "raw.market_caps", frame.assign(price_usd=1.0, volume_usd=1.0), source, known_at)


def snapshot(market, taken_at, date, value, source="coingecko"):
    row = {"symbol": ["CRYPTO_TOTAL"], "taken_at": [stamp(taken_at)], "date": [stamp(date)], "market_cap_usd": [value]}
    return insert(market, "raw.market_snapshots", pd.DataFrame(row).assign(bitcoin_share=0.6), source, taken_at)


def onchain(market, dates, values, source, **load):
    return market.onchain(dates, {"market_cap_usd": values, "price_usd": values}, source=source, **load)


# Companies.

GOOGL_SESSIONS = sessions_of("2022-04-20", "2022-08-31")
GOOGL_TRADED = np.where(GOOGL_SESSIONS < "2022-07-18", 20.0, 1.0) * np.linspace(120, 108, len(GOOGL_SESSIONS))


def alphabet(as_of="2022-08-31", sessions=GOOGL_SESSIONS, traded=GOOGL_TRADED):
    """Alphabet around its split of 20 for 1 on 2022-07-18, with bars as a vendor gives them on a day."""
    market = Market(as_of, since="2022-01-01")
    past = sessions <= as_of
    is_split = stamp(as_of) >= stamp("2022-07-18")
    closes = np.where(is_split & (sessions < "2022-07-18"), traded / 20, traded)
    market.bars("GOOGL", sessions[past], closes[past])
    if is_split:
        market.split("GOOGL", "2022-07-18", 20)
    for filed, end, count in [("2022-04-26", "2022-03-31", 669e6), ("2022-07-26", "2022-06-30", 13_234e6)]:
        if filed <= as_of:
            filing(market, "GOOGL", filed, [(AVERAGE, pd.Timestamp(end) - pd.Timedelta(days=89), end, count)])
    return market


def test_market_value_is_the_shares_known_then_at_the_close():
    found = caps(alphabet()).set_index("date")
    closes = pd.Series(GOOGL_TRADED, GOOGL_SESSIONS)
    # As traded, on both sides of the split, and with the newer count from the day after its filing.
    assert found["market_cap_usd"]["2022-07-15"] == pytest.approx(669e6 * closes["2022-07-15"], rel=1e-12)
    assert found["market_cap_usd"]["2022-07-18"] == pytest.approx(669e6 * 20 * closes["2022-07-18"], rel=1e-12)
    assert found["market_cap_usd"]["2022-07-26"] == pytest.approx(669e6 * 20 * closes["2022-07-26"], rel=1e-12)
    assert found["market_cap_usd"]["2022-07-27"] == pytest.approx(13_234e6 * closes["2022-07-27"], rel=1e-12)
    assert set(found["method"]) == {"shares_at_close"}
    assert set(found["source"]) == {"sec+yahoo"}
    assert set(found["coverage"]) == {1}
    assert found["is_headline"].all()


def test_market_value_runs_on_over_a_split():
    found = caps(alphabet()).set_index("date")["market_cap_usd"]
    steps = found.pct_change().abs().dropna()
    # The price falls by about 0.1 % a session, the new count is 1.1 % smaller.
    assert steps["2022-07-18"] < 0.002
    assert steps.drop(stamp("2022-07-27")).max() < 0.002
    assert 0.010 < steps["2022-07-27"] < 0.013


def test_no_market_value_before_shares_are_known():
    assert caps(alphabet())["date"].min() == stamp("2022-04-27")
    assert caps(alphabet("2022-04-26")).empty
    assert caps(Market("2022-08-31").bars("GOOGL", days("2022-08-01", 5), [1, 2, 3, 4, 5])).empty


@pytest.mark.parametrize("day", ["2022-04-27", "2022-07-15", "2022-07-18", "2022-07-26", "2022-08-10"])
def test_market_values_until_a_day_do_not_depend_on_what_comes_later(day):
    whole, then = caps(alphabet()), caps(alphabet(day))
    past = whole[whole["date"] <= day]
    np.testing.assert_allclose(then["market_cap_usd"], past["market_cap_usd"], rtol=1e-12)
    columns = ["symbol", "date", "method", "source", "coverage"]
    pd.testing.assert_frame_equal(then[columns], past[columns])


def nvidia(as_of):
    """Around the split of 10 for 1 on 2024-06-10: covers before it, one of them filed after it, and after it."""
    market = Market(as_of, since="2024-01-01").split("NVDA", "2024-06-10", 10)
    sessions = sessions_of("2024-05-20", "2024-09-06")
    market.bars("NVDA", sessions, np.full(len(sessions), 120.0))
    filing(market, "NVDA", "2024-05-29", [on_cover("2024-05-24", 2.46e9)])
    filing(market, "NVDA", "2024-06-14", [on_cover("2024-06-07", 2.45e9)], form="10-Q/A")
    return filing(market, "NVDA", "2024-08-28", [on_cover("2024-08-23", 24.53e9)])


def test_a_cover_page_from_before_the_split_is_used_after_it():
    found = caps(nvidia("2024-09-06")).set_index("date")["market_cap_usd"]
    assert found["2024-05-30":"2024-06-14"].eq(24.6e9 * 120).all()
    # Filed on a Friday: known on the next session.
    assert found["2024-06-17":"2024-08-28"].eq(24.5e9 * 120).all()
    assert found["2024-08-29":].eq(24.53e9 * 120).all()
    assert found.index.min() == stamp("2024-05-30")


def test_known_at_is_of_the_newest_value_used():
    market = Market("2025-12-31").bars("AAPL", ["2025-11-03", "2025-11-20"], [270, 270])
    filing(market, "AAPL", "2025-10-31", [on_cover("2025-10-17", 14e9)], known_at="2025-11-10 12:00")
    assert list(caps(market)["known_at"]) == [stamp("2025-11-10 12:00"), stamp("2025-11-21")]


# Coins.


def test_zero_means_missing():
    found = caps(vendor(Market("2025-12-31"), "ETH", days("2025-12-01", 3), [4e11, 0, 5e11]), "symbol = 'ETH'")
    assert list(found["date"]) == [stamp("2025-12-01"), stamp("2025-12-03")]
    assert list(found["market_cap_usd"]) == [4e11, 5e11]
    assert set(found["method"]) == {"vendor"}
    assert set(found["source"]) == {"coingecko"}


@pytest.mark.parametrize(
    ("sources", "headline"),
    [
        (["coingecko", "brk", "coinmetrics"], "coinmetrics"),
        (["coingecko", "brk"], "brk"),
        (["coingecko"], "coingecko"),
        (["glassnode", "coingecko"], "coingecko"),
        (["glassnode", "bgeometrics"], "bgeometrics"),
    ],
)
def test_one_source_is_a_coins_headline(sources, headline):
    market = Market("2025-12-31")
    for source in sources:
        if source == "coingecko":
            vendor(market, "BTC", days("2025-12-01", 3), [1e12] * 3, source)
        else:
            onchain(market, days("2025-12-01", 3), [1e12] * 3, source)
    found = caps(market, "symbol = 'BTC'")
    assert set(found["source"]) == set(sources)
    assert set(found.loc[found["is_headline"], "source"]) == {headline}
    assert found["is_headline"].sum() == 3


def test_the_headline_is_never_joined_from_two_sources():
    market = onchain(Market("2025-12-31"), days("2025-12-05", 2), [1e12] * 2, "coinmetrics")
    vendor(market, "BTC", days("2025-12-01", 9), [1e12] * 9)
    found = caps(market, "symbol = 'BTC' and is_headline")
    assert list(found["date"]) == [stamp("2025-12-05"), stamp("2025-12-06")]


def test_a_source_that_gives_a_value_twice_counts_once():
    market = onchain(Market("2025-12-31"), days("2025-12-01", 2), [1e12, 2e12], "coinmetrics")
    vendor(market, "BTC", days("2025-12-01", 2), [3e12, 0], "coinmetrics")
    assert list(caps(market, "symbol = 'BTC'")["market_cap_usd"]) == [3e12, 2e12]


# All of crypto.


def coins(market):
    vendor(market, "BTC", days("2025-12-01", 3), [2e12, 2e12, 2e12])
    vendor(market, "ETH", days("2025-12-01", 3), [4e11, 5e11, 0], known_at="2025-12-20")
    vendor(market, "SOL", days("2025-12-02", 1), [1e11])
    # Not a member.
    return vendor(market, "DOGE", days("2025-12-01", 3), [9e11] * 3)


def test_the_sum_is_over_the_members_that_have_data():
    found = caps(coins(Market("2025-12-31")), "symbol = 'CRYPTO_TOTAL'")
    assert list(found["market_cap_usd"]) == [2.4e12, 2.6e12, 2e12]
    assert list(found["coverage"]) == [2 / 3, 1, 1 / 3]
    assert set(found["method"]) == {"sum"}
    assert set(found["source"]) == {"derived"}
    assert list(found["known_at"]) == [stamp("2025-12-20"), stamp("2025-12-20"), stamp("2025-12-10")]


def test_the_sum_takes_each_coins_headline():
    market = onchain(coins(Market("2025-12-31")), days("2025-12-01", 3), [1e12] * 3, "coinmetrics")
    found = caps(market, "symbol = 'CRYPTO_TOTAL'")
    assert list(found["market_cap_usd"]) == [1.4e12, 1.6e12, 1e12]


def test_a_vendors_total_is_the_headline_where_there_is_any():
    market = coins(Market("2025-12-31"))
    snapshot(market, "2025-12-02 00:10", "2025-12-01", 3.1e12)
    found = caps(market, "symbol = 'CRYPTO_TOTAL' and is_headline")
    assert set(found["method"]) == {"sum"}
    vendor(market, "CRYPTO_TOTAL", days("2025-12-02", 1), [3e12])
    everything = caps(market, "symbol = 'CRYPTO_TOTAL'")
    assert set(everything["method"]) == {"sum", "vendor", "snapshot"}
    headline = everything[everything["is_headline"]]
    assert list(headline[["date", "method", "market_cap_usd"]].itertuples(index=False, name=None)) == [
        (stamp("2025-12-02"), "vendor", 3e12)
    ]
    # The total is no coin: it is not part of its own sum.
    assert list(everything.loc[everything["method"] == "sum", "market_cap_usd"]) == [2.4e12, 2.6e12, 2e12]


def test_the_snapshot_nearest_to_the_days_end_is_taken():
    market = Market("2025-12-31")
    for taken_at, value in [("2025-12-01 20:00", 1e12), ("2025-12-01 23:50", 2e12), ("2025-12-02 00:20", 3e12)]:
        snapshot(market, taken_at, "2025-12-01", value)
    for taken_at, value in [("2025-12-02 22:00", 4e12), ("2025-12-03 00:30", 5e12)]:
        snapshot(market, taken_at, "2025-12-02", value)
    found = caps(market)
    assert list(found["market_cap_usd"]) == [2e12, 5e12]
    assert list(found["known_at"]) == [stamp("2025-12-01 23:50"), stamp("2025-12-03 00:30")]
    assert set(found["method"]) == {"snapshot"}
    assert not found["is_headline"].any()


def test_snapshots_of_two_vendors_stand_beside_each_other():
    market = snapshot(Market("2025-12-31"), "2025-12-02 00:10", "2025-12-01", 3e12)
    snapshot(market, "2025-12-02 00:20", "2025-12-01", 3.2e12, source="coinpaprika")
    assert list(caps(market)["source"]) == ["coingecko", "coinpaprika"]


def test_no_symbol_has_two_headlines():
    market = coins(alphabet("2025-12-31"))
    onchain(market, days("2025-12-01", 3), [1e12] * 3, "brk")
    vendor(market, "CRYPTO_TOTAL", days("2025-12-01", 3), [3e12] * 3)
    vendor(market, "CRYPTO_TOTAL", days("2025-12-01", 3), [3e12] * 3, source="coinpaprika")
    found = caps(market)
    assert not found.duplicated(["symbol", "date", "method", "source"]).any()
    headlines = found[found["is_headline"]].drop_duplicates(["symbol", "method", "source"])
    assert sorted(headlines["symbol"]) == ["BTC", "CRYPTO_TOTAL", "DOGE", "ETH", "GOOGL", "SOL"]
