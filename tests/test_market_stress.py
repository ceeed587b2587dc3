"""Market stress: hand-worked percentiles and labels, scipy as the oracle, and what was known at the New York close."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import percentileofscore

from pipelines.audit import CHECKS
from pipelines.market_stress import DIRECTIONS, expanding_percentiles, labels, market_stress
from tests.factories import Market, sessions_of, stamp

PERCENTILES = [*(f"{name}_percentile" for name in DIRECTIONS), "realized_loss_percentile"]


def stress(**components):
    """Rows by date of components given as equally long lists, NaN for missing."""
    wide = pd.DataFrame(components, dtype=float)
    sessions = pd.Series(sessions_of("2010-01-04", "2025-12-31")[: len(wide)])
    long = wide.assign(date=sessions).melt(id_vars="date", var_name="component", value_name="value").dropna()
    return market_stress(long, sessions).set_index("date")


def test_hand_worked_percentiles():
    # 251 quiet days give no percentile; the 252nd, above them all, has all 252 not above it.
    found = stress(vix_close=[*np.linspace(10, 20, 251), 30, 10, 30, 15])
    percentile = found["vix_close_percentile"]
    assert percentile.iloc[:251].isna().all()
    # Then: 10 is the lowest, twice in 253; 30 is the highest of 254; of 255 not above 15: 126 from 10 to 15, 10 and 15.
    expected = [100, 100 * 2 / 253, 100, 100 * 128 / 255]
    assert percentile.iloc[251:].tolist() == pytest.approx(expected, abs=1e-9)
    assert found["composite"].iloc[251:].tolist() == pytest.approx(expected, abs=1e-9)
    assert found["label"].iloc[251:].tolist() == ["stress", "calm", "stress", "elevated"]
    assert found["label"].iloc[:251].isna().all()
    assert found["n_components"].tolist() == [0] * 251 + [1] * 4


def test_the_deepest_drawdown_is_the_most_stress():
    found = stress(drawdown_qqq=[*np.linspace(-0.01, -0.1, 251), -0.2, -0.001])
    assert found["drawdown_qqq_percentile"].iloc[-2:].tolist() == pytest.approx([100, 100 / 253], abs=1e-9)
    assert found["drawdown_qqq"].iloc[-1] == -0.001


def test_the_composite_is_the_mean_of_what_is_known():
    quiet = np.linspace(10, 20, 252)
    found = stress(
        # 253 days: the last is the highest, 100; the lowest, 100 / 253; and known for a day too few.
        vix_close=[*quiet, 30],
        volatility_qqq=[*quiet, 5],
        volatility_btc=[np.nan, np.nan, *quiet[:251]],
        realized_loss_percentile=[np.nan] * 252 + [70],
    )
    last = found.iloc[-1]
    assert last["n_components"] == 3
    assert last["composite"] == pytest.approx((100 + 100 / 253 + 70) / 3, abs=1e-9)
    assert last[["volatility_btc_percentile", "correlation_btc_qqq_percentile"]].isna().all()
    assert last["label"] == "elevated"


def test_a_component_missing_for_a_day_is_left_out_that_day_only():
    values = np.linspace(10, 20, 400)
    values[300] = np.nan
    found = stress(vix_close=values, volatility_qqq=np.linspace(1, 2, 400))
    assert found["n_components"].iloc[[299, 300, 301]].tolist() == [2, 1, 2]
    # Rising series are always at their highest.
    assert found["composite"].iloc[252:].tolist() == pytest.approx([100] * 148, abs=1e-9)


@pytest.mark.parametrize(
    ("composite", "label"),
    [(0, "calm"), (49.999, "calm"), (50, "elevated"), (79.999, "elevated"), (80, "stress"), (100, "stress")],
)
def test_cut_offs(composite, label):
    assert labels(pd.Series([float(composite)])).tolist() == [label]


def test_agrees_with_scipy():
    rng = np.random.default_rng(3)
    # Rounded, so that values tie.
    values = pd.Series(rng.normal(size=700).round(1))
    values[rng.choice(700, 60, replace=False)] = np.nan
    found = expanding_percentiles(values.to_frame("x"))["x"]
    compared = 0
    for at in range(700):
        sofar = values.iloc[: at + 1].dropna()
        if np.isnan(values[at]) or len(sofar) < 252:
            assert np.isnan(found[at])
            continue
        assert found[at] == pytest.approx(percentileofscore(sofar, values[at], kind="weak"), abs=1e-9)
        compared += 1
    assert compared > 300


@pytest.mark.parametrize("cut", [251, 252, 330, 499])
def test_nothing_after_a_day_changes_its_row(cut):
    rng = np.random.default_rng(4)
    components = {name: rng.normal(size=500) for name in DIRECTIONS}
    whole = stress(**components)
    then = stress(**{name: values[:cut] for name, values in components.items()})
    pd.testing.assert_frame_equal(then, whole.iloc[:cut])


def test_without_any_component_every_session_has_an_empty_row():
    found = market_stress(
        pd.DataFrame(columns=["date", "component", "value"]), pd.Series(sessions_of("2025-01-02", "2025-01-10"))
    )
    assert found["n_components"].tolist() == [0] * len(found)
    assert found.drop(columns=["date", "n_components"]).isna().all(axis=None)


FIRST, LAST = "2023-01-03", "2025-06-30"


@pytest.fixture(scope="module")
def market():
    rng = np.random.default_rng(9)
    sessions, utc_days = sessions_of(FIRST, LAST), pd.date_range(FIRST, LAST)
    market = Market(LAST, since=FIRST)
    for symbol in ("QQQ", "IGV", "CRM"):
        market.bars(symbol, sessions, 100 * np.exp(rng.normal(0, 0.01, len(sessions)).cumsum()))
    market.bars("VIX", sessions, 15 * np.exp(rng.normal(0, 0.2, len(sessions))), source="fred")
    hours = pd.date_range(FIRST, pd.Timestamp(LAST) + pd.Timedelta(hours=23), freq="h")
    hourly = 60_000 * np.exp(rng.normal(0, 0.005, len(hours)).cumsum())
    market.hours("BTC", hours, hourly)
    market.bars("BTC", utc_days, hourly[23::24])
    losses = 1e9 * np.exp(0.5 * rng.normal(size=len(utc_days)))
    flows = {"realized_loss_cumulative_usd": 1e11 + losses.cumsum(), "realized_cap_usd": np.full(len(utc_days), 1e12)}
    market.onchain(utc_days, flows)
    return market.build("marts.market_stress")


def test_components_are_those_of_the_other_tables(market):
    found = market.rows("marts.market_stress").set_index("date")
    assert len(found) == len(sessions_of(FIRST, LAST))
    drawdowns = market.rows("marts.drawdowns", "basis = 'price'").set_index(["symbol", "date"])["drawdown"]
    for symbol, name in [("QQQ", "qqq"), ("IGV", "igv"), ("basket:saas", "saas")]:
        expected = drawdowns[symbol].reindex(found.index)
        pd.testing.assert_series_equal(found[f"drawdown_{name}"], expected, check_names=False)
    assert found["vix_close"].tolist() == market.rows("core.prices", "symbol = 'VIX'")["close"].tolist()
    pair = "other_symbol = 'QQQ' and base_symbol = 'BTC' and window_sessions = 30 and method = 'pearson'"
    pair = market.rows("marts.correlations", f"{pair} and alignment = 'exchange_close'").set_index("date")
    pd.testing.assert_series_equal(
        found["correlation_btc_qqq"].dropna(), pair["correlation"], check_names=False, check_index_type=False
    )
    assert found["n_components"].iloc[-1] == 9


def test_volatility_is_of_twenty_one_returns(market):
    found = market.rows("marts.market_stress").set_index("date")
    for symbol, name in [("QQQ", "qqq"), ("BTC", "btc")]:
        returns = market.rows("core.returns", f"symbol = '{symbol}' and alignment = 'exchange_close'")
        expected = returns.set_index("date")["log_return"].rolling(21).std() * 252**0.5
        np.testing.assert_allclose(found[f"volatility_{name}"], expected.reindex(found.index), rtol=1e-9)
    # 21 returns take 22 sessions.
    assert found["volatility_qqq"].notna().to_numpy().nonzero()[0][0] == 21


def test_of_a_utc_day_only_what_had_ended_at_the_close(market):
    found = market.rows("marts.market_stress").set_index("date")
    ranks = market.rows("marts.realized_losses").set_index("date")["percentile"]
    # Monday takes Sunday's, Tuesday Monday's.
    for session, day in [("2025-06-23", "2025-06-22"), ("2025-06-24", "2025-06-23")]:
        assert found.loc[session, "realized_loss_percentile"] == ranks[day]
    closes = market.rows("core.session_closes").set_index("date")["close"]
    highs = market.rows("marts.drawdowns", "symbol = 'BTC' and basis = 'price'").set_index("date")["peak_close"]
    for session in ("2025-06-23", "2025-06-24"):
        before = highs[stamp(session) - pd.Timedelta(days=1)]
        expected = closes[session] / max(before, closes[session]) - 1
        assert found.loc[session, "drawdown_btc"] == pytest.approx(expected, abs=1e-12)


SPOILED = [
    "composite = 101",
    "composite = null",
    "composite = -1",
    "label = null",
    "label = 'panic'",
    "n_components = 0",
    "realized_loss_percentile = null, vix_close_percentile = composite, n_components = 0",
]


def failing(market):
    return len(market.warehouse.rows((CHECKS / "stress_composite_within_its_components.sql").read_text()))


@pytest.mark.parametrize("change", SPOILED)
def test_the_check_finds_a_wrong_row(market, change):
    assert failing(market) == 0
    market.warehouse.execute("begin")
    market.warehouse.execute(f"update marts.market_stress set {change} where date = '2025-06-24'")
    assert failing(market) == 1
    market.warehouse.execute("rollback")


def test_missing_is_null_in_sql(market):
    missing = " and ".join(f"{column} is null" for column in [*PERCENTILES, "composite", "label"])
    found = market.rows("marts.market_stress", f"n_components = 0 and {missing}")
    assert len(found) == 251
