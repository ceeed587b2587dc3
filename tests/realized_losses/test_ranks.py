"""Ranks within all history so far against pandas and numpy; what counts as extreme."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days, nulls
from tests.realized_losses.chain import mart, series

N = 1_000


@pytest.fixture(scope="module")
def long():
    """A thousand random days with drifting level, faults, missing days and two bursts of losses."""
    rng = np.random.default_rng(12)
    losses = 3e8 * np.exp(np.linspace(0, 0.8, N) + 0.4 * rng.standard_normal(N))
    losses[780:788] *= 9
    losses[930:936] *= 14
    reported = losses.copy()
    faulty = rng.choice(N, 40, replace=False)
    reported[faulty] = 0
    metrics = series(reported, profits=rng.uniform(1e8, 9e8, N), implied=losses, cap=4e11)
    kept = np.delete(np.arange(N + 1), [300, 301, 640])
    dates = days("2023-01-01", N + 1)[kept]
    return mart(Market("2025-12-31").onchain(dates, {k: v[kept] for k, v in metrics.items()}))


def expanding(values, rank):
    """rank(values so far without the missing ones, newest) for each day that has a value; NaN for the others."""
    found = []
    for k, newest in enumerate(values):
        so_far = values[: k + 1]
        found.append(np.nan if np.isnan(newest) else rank(so_far[~np.isnan(so_far)], newest))
    return np.array(found)


def not_above(so_far, newest):
    return 100 * np.mean(so_far <= newest)


def robust_z(so_far, newest):
    median = np.median(so_far)
    deviation = 1.4826 * np.median(np.abs(so_far - median))
    return (newest - median) / deviation if deviation else np.nan


def test_ranks_agree_with_an_expanding_oracle(long):
    mean, scaled = long["loss_7d_mean_usd"].to_numpy(), long["loss_to_realized_cap"].to_numpy()
    early = pd.Series(mean).notna().cumsum().to_numpy() < 730
    assert long["n_history"].tolist() == pd.Series(mean).notna().cumsum().tolist()
    assert early.sum() > 700
    assert (~early).sum() > 200
    assert np.isnan(mean).sum() >= 3
    oracles = {
        "percentile": expanding(mean, not_above),
        "cap_percentile": expanding(scaled, not_above),
        "robust_z": expanding(mean, robust_z),
    }
    for column, oracle in oracles.items():
        assert nulls(long[column][early])
        np.testing.assert_allclose(long[column][~early], oracle[~early], rtol=1e-9, atol=1e-9)
    pandas_rank = pd.Series(mean).expanding().rank(method="max", pct=True) * 100
    np.testing.assert_allclose(long["percentile"][~early], pandas_rank[~early], rtol=1e-9)


def test_headline_mean_agrees_with_pandas(long):
    best = long["realized_loss_usd"].where(long["fault"].isna(), long["implied_loss_usd"])
    good = long["realized_loss_usd"].where(long["fault"].isna())
    n_good = good.rolling("7D").count()
    oracle = best.rolling("7D", min_periods=1).mean().where(n_good >= 4)
    np.testing.assert_allclose(long["loss_7d_mean_usd"], oracle, rtol=1e-9)
    assert (long["fault"] == "zero").sum() >= 35


def test_extreme_is_unknown_before_two_years_and_needs_all_three(long):
    known = long["n_history"] >= 730
    assert nulls(long["is_extreme"][~known])
    wanted = (long["percentile"] >= 99) & (long["cap_percentile"] >= 99) & (long["robust_z"] >= 3)
    assert (long["is_extreme"][known].astype(bool) == wanted[known]).all()
    assert 3 <= wanted.sum() < 40


def newest_of(losses, **options):
    found = mart(Market("2025-12-31").onchain(days("2023-01-01", len(losses) + 1), series(losses, **options)))
    return found.iloc[-1]


def test_a_record_that_is_not_far_from_the_rest_is_not_extreme():
    # A steady rise: every day is a record, half the range above the median, 1.35 robust deviations.
    newest = newest_of(np.linspace(5e8, 7e8, 800))
    assert newest["percentile"] == newest["cap_percentile"] == 100
    assert newest["robust_z"] == pytest.approx(0.5 / (1.4826 * 0.25), rel=0.02)
    assert newest["is_extreme"] == False  # noqa: E712


def test_a_record_in_dollars_alone_is_not_extreme():
    # Realized cap has grown tenfold: three times the losses are a smaller part of it than in the beginning.
    losses = 5e8 + 1e8 * np.random.default_rng(1).random(800)
    losses[-7:] *= 3
    newest = newest_of(losses, profits=np.full(800, 1.6e9), cap=1e11)
    assert newest["percentile"] == 100
    assert newest["robust_z"] > 3
    assert newest["cap_percentile"] < 90
    assert newest["is_extreme"] == False  # noqa: E712


def test_a_record_in_every_respect_is_extreme():
    losses = 5e8 + 1e8 * np.random.default_rng(1).random(800)
    losses[-7:] *= 3
    assert newest_of(losses)["is_extreme"] == True  # noqa: E712


def test_spells_of_the_long_history(long):
    extreme = long.index[long["is_extreme"].fillna(False).astype(bool)]
    assert (np.diff(extreme) > np.timedelta64(7, "D")).sum() == 1
