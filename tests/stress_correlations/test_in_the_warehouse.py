"""Calm and stress through the warehouse: pairs, drawdowns as known then, the check, the ready-made question."""

import numpy as np
import pandas as pd
import pytest

from pipelines.audit import checks_of, run_check
from pipelines.query import QUERIES
from pipelines.universe import load_universe
from tests.factories import Market, sessions_of, stamp
from tests.stress_correlations.legs import NAME


@pytest.fixture(scope="module")
def market():
    """QQQ stands at its peak until it falls by 8 % on each of three sessions of February; bitcoin follows it."""
    rng = np.random.default_rng(5)
    dates = sessions_of("2024-06-03", "2026-02-20")
    hour = pd.Index([pd.Timestamp(d) + pd.Timedelta(hours=20 if d.month in range(4, 11) else 21) for d in dates])
    x = rng.normal(0, 0.004, len(dates))
    x[dates == "2026-01-27"] = 0.2
    x[dates >= "2026-01-28"] = np.resize([0.001, -0.001], (dates >= "2026-01-28").sum())
    x[(dates >= "2026-02-05") & (dates <= "2026-02-09")] = -0.08
    market = Market("2026-02-20", since=dates[0].date())
    market.bars("QQQ", dates, 500 * np.exp(x.cumsum()))
    market.bars("MSFT", dates, 400 * np.exp(0.004 * rng.standard_normal(len(dates)).cumsum()))
    btc = 60_000 * np.exp((x + rng.normal(0, 0.004, len(dates))).cumsum())
    instrument = load_universe().instruments["BTC"]
    source = load_universe().datasets(instrument)["hourly_bars"][0]
    market.hours("BTC", hour - pd.Timedelta(hours=1), btc, source=source)
    return market.build(NAME)


def test_pairs_are_bitcoin_with_exchange_traded_funds_and_baskets(market):
    found = market.rows(NAME)
    assert set(found["base_symbol"]) == {"BTC"}
    assert set(found["other_symbol"]) == {"QQQ", "basket:benchmarks", "basket:hyperscalers"}
    assert set(found["period"]) == {"full", "rolling", "tariff_2025", "ai_scare"} | {"yen_carry_2024"}


def test_a_drawdown_counts_from_the_session_after_the_close_that_showed_it(market):
    # -8 % on 5 February and -15 % at the close of the 6th: the 9th is the first session that begins in stress.
    rows = market.rows(NAME, "other_symbol = 'QQQ' and condition = 'drawdown' and period = 'ai_scare'")
    n_stress = rows.set_index("date")["n_stress"]
    assert n_stress["2026-02-06"] == 0
    assert n_stress["2026-02-09"] == 1
    assert n_stress["2026-02-13"] == 5


def test_the_last_row_of_an_episode_is_the_whole_of_it(market):
    row = market.rows(NAME, "other_symbol = 'QQQ' and condition = 'episode' and period = 'ai_scare'").iloc[-1]
    assert (row["start_date"], row["date"], row["n_stress"]) == (stamp("2026-01-28"), stamp("2026-02-13"), 13)


@pytest.mark.parametrize(
    "damage",
    ["correlation_stress_corrected = -correlation_stress", "ci_low_calm = 1, ci_high_calm = 1", "ci_high_stress = -1"],
)
def test_the_check_finds_a_damaged_row(market, damage):
    (check,) = [c for c in checks_of(NAME) if c.name == "stress_correlations_corrected_towards_zero"]
    assert check.severity == "critical"
    assert run_check(market.warehouse, check).passed
    market.warehouse.execute("begin")
    market.warehouse.execute(f"update {NAME} set {damage} where period = 'rolling' and n_stress > 20")
    assert not run_check(market.warehouse, check).passed
    market.warehouse.execute("rollback")


def test_the_ready_made_question_shows_the_newest_row_of_each_kind(market):
    answer = market.warehouse.frame((QUERIES / "stress_correlations.sql").read_text())
    assert set(answer["other_symbol"]) == {"QQQ"}
    assert not answer.duplicated(["period", "condition"]).any()
    newest = answer.set_index(["period", "condition"])["date"]
    assert newest["ai_scare", "episode"] == stamp("2026-02-13")
    assert newest["full", "drawdown"] == stamp("2026-02-17")
