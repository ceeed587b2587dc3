"""Lead and lag: which leg follows the other, by how many sessions, on hand-shifted series."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from tests.factories import Market, sessions_of
from tests.test_correlations import returns_table

SESSIONS = sessions_of("2025-01-02", "2025-12-31")
LEGS = ("BTC", "QQQ", "IGV", "basket:saas")


def lead_lag(base, other, window=30):
    """marts.lead_lag_correlations of BTC (base) and QQQ, by lag."""
    market = returns_table(Market("2025-12-31"), {("BTC", "exchange_close"): base, ("QQQ", "exchange_close"): other})
    found = market.table("marts.lead_lag_correlations", f"base_symbol = 'BTC' and window_sessions = {window}")
    return {lag: rows.set_index("date") for lag, rows in found.groupby("lag_sessions")}


def shifted_series(lag):
    """A base that is the other, `lag` sessions later (earlier where negative)."""
    walk = pd.Series(np.random.default_rng(5).normal(0, 0.02, len(SESSIONS) + 10))
    other = pd.Series(walk.iloc[5:-5].to_numpy(), index=SESSIONS)
    return pd.Series(walk.shift(lag).iloc[5:-5].to_numpy(), index=SESSIONS), other


@pytest.mark.parametrize("lag", [2, -2, 5, -5, 0])
def test_the_peak_is_at_the_shift_positive_where_the_base_follows(lag):
    base, other = shifted_series(lag)
    # By hand: with lag 2 the base of a session is the other of two sessions before.
    if lag > 0:
        assert base.iloc[lag] == other.iloc[0]
    found = lead_lag(base, other)
    assert sorted(found) == list(range(-5, 6))
    np.testing.assert_allclose(found[lag]["correlation"], 1, rtol=0, atol=1e-9)
    for elsewhere in set(found) - {lag}:
        assert found[elsewhere]["correlation"].abs().max() < 0.8


def test_agrees_with_the_definition_written_out():
    rng = np.random.default_rng(7)
    base, other = (pd.Series(rng.normal(0, 0.02, len(SESSIONS)), index=SESSIONS) for _ in range(2))
    found = lead_lag(base, other, 90)
    for lag in range(-5, 6):
        for end in found[lag].index[::6]:
            last = SESSIONS.get_loc(end)
            # The newer leg's window ends at the row's session, the older leg's so many sessions before it.
            end_base, end_other = last - max(-lag, 0), last - max(lag, 0)
            x, y = base.iloc[end_base - 89 : end_base + 1], other.iloc[end_other - 89 : end_other + 1]
            oracle = pearsonr(x, y)
            row = found[lag].loc[end]
            assert row["correlation"] == pytest.approx(oracle.statistic, abs=1e-9)
            interval = oracle.confidence_interval(0.95)
            assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
            assert row["n"] == 90


def test_a_row_at_the_first_session_of_each_week_once_the_window_is_full():
    base, other = shifted_series(0)
    found = lead_lag(base, other)
    weeks = pd.Series(SESSIONS, index=SESSIONS).groupby(SESSIONS.to_period("W")).first()
    for lag, rows in found.items():
        # 30 pairs of returns, |lag| sessions apart, take 30 + |lag| sessions.
        full = SESSIONS[30 + abs(lag) - 1]
        assert rows.index.tolist() == weeks[weeks >= full].tolist()
    # Monday 2025-09-01 was a holiday: the week begins on Tuesday.
    assert pd.Timestamp("2025-09-02") in found[0].index


def test_a_missing_session_shifts_nothing():
    base, other = shifted_series(2)
    found = lead_lag(base.drop(SESSIONS[100]), other.drop(SESSIONS[120]))
    np.testing.assert_allclose(found[2]["correlation"], 1, rtol=0, atol=1e-9)
    assert (found[2]["n"] == 30).all()


def test_a_leg_that_does_not_move_has_no_correlation():
    base, _ = shifted_series(0)
    market = returns_table(Market("2025-12-31"), {("BTC", "exchange_close"): base, ("QQQ", "exchange_close"): 0 * base})
    rows = market.table("marts.lead_lag_correlations")
    unknown = market.rows("marts.lead_lag_correlations", "correlation is null and ci_low is null and ci_high is null")
    assert len(unknown) == len(rows) > 0


def test_without_a_shift_it_is_the_correlation_of_marts_correlations():
    rng = np.random.default_rng(11)
    legs = {(s, "exchange_close"): pd.Series(rng.normal(0, 0.02, len(SESSIONS)), index=SESSIONS) for s in LEGS}
    market = returns_table(Market("2025-12-31"), legs)
    key = ["base_symbol", "other_symbol", "window_sessions", "date"]
    unshifted = market.table("marts.lead_lag_correlations", "lag_sessions = 0").set_index(key)
    both = unshifted.join(
        market.table("marts.correlations", "method = 'pearson'").set_index(key), suffixes=("", "_there"), validate="1:1"
    )
    assert set(both.index.droplevel("date")) == {("BTC", o, w) for o in LEGS[1:] for w in (30, 90)} | {
        ("QQQ", o, w) for o in LEGS[2:] for w in (30, 90)
    }
    for column in ("correlation", "ci_low", "ci_high"):
        np.testing.assert_allclose(both[column], both[f"{column}_there"], rtol=0, atol=1e-12)
