"""Calm against stress: figures worked by hand, and scipy."""

from math import atanh, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pipelines.stress import compared, corrected_for_variance, moments
from tests.factories import nulls


def uncorrelated(n):
    """Two series with mean 0, variance 1 and no correlation at all, up to rounding."""
    rng = np.random.default_rng(8)
    x, e = rng.standard_normal((2, n))
    x -= x.mean()
    e -= e.mean()
    e -= x * (e @ x) / (x @ x)
    return x / x.std(ddof=1), e / e.std(ddof=1)


def sample(r, n, scale=1.0):
    """Moments of n returns whose correlation is exactly r, the equity leg's deviation being `scale` percent."""
    x, e = uncorrelated(n)
    return moments_of(0.01 * scale * x, 0.02 * (r * x + sqrt(1 - r * r) * e))


def moments_of(x, y):
    sums = {"n": len(x), "x": x.sum(), "y": y.sum(), "xx": x @ x, "yy": y @ y, "xy": x @ y}
    return moments(pd.DataFrame({name: [float(value)] for name, value in sums.items()}))


def test_forbes_rigobon():
    # Variance x 4 (d = 3) makes 0.50 look like sqrt(1 / (1 + 0.75)) = 0.756; 0.756 / sqrt(1 + 3 * 0.4286) is 0.50.
    raw = sqrt(1 / 1.75)
    assert raw == pytest.approx(0.756, abs=0.0005)
    assert corrected_for_variance(pd.Series([raw]), pd.Series([3.0])).tolist() == pytest.approx([0.50], abs=1e-12)
    assert raw / sqrt(1 + 3 * 0.4286) == pytest.approx(0.50, abs=1e-4)
    # No more variance, no correction; less variance is corrected upwards; the sign stays.
    r, d = pd.Series([0.4, 0.4, -0.4]), pd.Series([0.0, -0.5, 3.0])
    assert corrected_for_variance(r, d).tolist() == pytest.approx(
        [0.4, 0.4 / sqrt(1 - 0.5 * 0.84), -0.4 / sqrt(1 + 3 * 0.84)], abs=1e-12
    )


def test_constant_beta_is_no_closer_in_stress():
    """Only the equity leg's variance rises, fourfold: the whole rise from 0.50 to 0.756 is taken out."""
    x, e = uncorrelated(120)
    calm = moments_of(0.01 * x, 0.01 * x + 0.01 * sqrt(3) * e)
    stress = moments_of(0.02 * x, 0.02 * x + 0.01 * sqrt(3) * e)
    row = compared(calm, stress).iloc[0]
    assert row["correlation_calm"] == pytest.approx(0.50, abs=1e-12)
    assert row["correlation_stress"] == pytest.approx(sqrt(1 / 1.75), abs=1e-12)
    assert row["variance_increase"] == pytest.approx(3, abs=1e-9)
    assert row["correlation_stress_corrected"] == pytest.approx(0.50, abs=1e-9)
    assert (row["z_difference"], row["p_value"]) == pytest.approx((0, 1), abs=1e-7)
    assert not row["is_significant"]


@pytest.mark.parametrize(
    ("r", "n", "low", "high"), [(0.73, 30, 0.50, 0.86), (0.73, 21, 0.44, 0.88), (0.50, 90, 0.33, 0.64)]
)
def test_fisher_intervals(r, n, low, high):
    row = sample(r, n).iloc[0]
    assert (row["r"], row["n"]) == (pytest.approx(r, abs=1e-12), n)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.005)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize(
    ("calm", "n_calm", "stress", "n_stress"), [(0.2, 300, 0.5, 40), (0.5, 90, 0.1, 90), (0, 9, 0.9, 5)]
)
def test_difference_agrees_with_scipy(calm, n_calm, stress, n_stress, scale):
    row = compared(sample(calm, n_calm), sample(stress, n_stress, scale)).iloc[0]
    corrected = stress / sqrt(1 + (scale**2 - 1) * (1 - stress**2))
    z = (atanh(corrected) - atanh(calm)) / sqrt(1 / (n_calm - 3) + 1 / (n_stress - 3))
    assert row["z_difference"] == pytest.approx(z, abs=1e-9)
    assert row["p_value"] == pytest.approx(2 * norm.sf(abs(z)), abs=1e-9)
    assert row["is_significant"] == (row["p_value"] < 0.05) == (abs(z) > norm.ppf(0.975))
    assert row["is_higher_corrected"] == (corrected > calm)


def test_closer_and_looser_are_told_apart():
    closer, looser = compared(sample(0.2, 300), sample(0.8, 60)), compared(sample(0.8, 300), sample(0.2, 60))
    assert closer[["is_significant", "is_higher_corrected"]].iloc[0].tolist() == [True, True]
    assert looser[["is_significant", "is_higher_corrected"]].iloc[0].tolist() == [True, False]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_correlation_stays_finite(sign):
    x, _ = uncorrelated(50)
    row = compared(sample(0.3, 50), moments_of(0.01 * x, sign * 0.02 * x)).iloc[0]
    assert row["correlation_stress_corrected"] == pytest.approx(sign, abs=1e-9)
    assert np.isfinite(row["z_difference"])
    assert row["is_significant"]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_fewer_than_four_sessions_say_only_how_many(n):
    x, e = np.array([0.01, 0.02, -0.01])[:n], np.array([0.03, -0.02, 0.01])[:n]
    row = compared(sample(0.3, 50), moments_of(x, e)).iloc[0]
    assert row["n_stress"] == n
    unknown = row.drop(["n_stress", "n_calm", "correlation_calm", "ci_low_calm", "ci_high_calm"])
    assert nulls(unknown)


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_a_leg_that_does_not_move_has_no_correlation(level):
    x, _ = uncorrelated(50)
    row = compared(sample(0.3, 50), moments_of(np.full(50, level), 0.01 * x)).iloc[0]
    assert row["n_stress"] == 50
    assert nulls(
        row[["correlation_stress", "ci_low_stress", "correlation_stress_corrected", "p_value", "is_significant"]]
    )
