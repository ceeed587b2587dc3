"""Correlations of all pairs against pandas, one pair at a time, and what holds of any correlation."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.all_pairs import all_pairs, correlations, pair_rows


def walk(n_dates, n_symbols, seed=3):
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, (n_dates, 1))
    values = 0.01 * (common * rng.uniform(-1, 1, n_symbols) + rng.standard_t(4, (n_dates, n_symbols)))
    return pd.DataFrame(values, pd.bdate_range("2020-01-01", periods=n_dates), [f"S{i}" for i in range(n_symbols)])


def by_pandas(returns, window):
    """Correlation by (date, base, other) of the windows that are full, and in which both legs moved."""
    found = {}
    for base in returns:
        for other in returns:
            r = returns[base].rolling(window).corr(returns[other])
            found |= {(day, base, other): value for day, value in r.iloc[window - 1 :].items()}
    return found


def by_us(returns, window):
    return {
        (day, base, other): matrix[i, j]
        for day, matrix in all_pairs(returns, window)
        for i, base in enumerate(returns)
        for j, other in enumerate(returns)
    }


@pytest.mark.parametrize("window", [5, 90])
def test_equals_pandas_with_gaps_in_some_series(window):
    returns = walk(260, 6)
    returns.iloc[100, 1] = np.nan
    returns.iloc[:130, 2] = np.nan
    returns.iloc[200:, 3] = np.nan
    ours, oracle = by_us(returns, window), by_pandas(returns, window)
    assert ours.keys() == oracle.keys()
    np.testing.assert_allclose(list(ours.values()), [oracle[key] for key in ours], rtol=0, atol=1e-9)
    assert np.isnan(list(ours.values())).any()


def test_a_series_far_from_zero_and_a_tiny_one_lose_no_digits():
    returns = walk(200, 3)
    moved = returns.assign(S1=returns["S1"] + 1e3, S2=returns["S2"] * 1e-9)
    for (_, plain), (_, shifted) in zip(all_pairs(returns, 90), all_pairs(moved, 90), strict=True):
        np.testing.assert_allclose(shifted, plain, rtol=0, atol=1e-9)


def test_a_series_that_does_not_move_correlates_with_nothing():
    returns = walk(30, 3).assign(S1=0.1)
    for _, matrix in all_pairs(returns, 10):
        assert np.isnan(matrix[1]).all()
        assert not np.isnan(matrix[0, 2])


def test_worked_by_hand():
    # Deviations -1, 0, 1 and -4/3, 2/3, 2/3: 2 / sqrt(2 * 8/3).
    matrix = correlations(np.array([[1.0, 0.0], [2.0, 2.0], [3.0, 2.0]]))
    np.testing.assert_allclose(matrix, [[1, 0.75**0.5], [0.75**0.5, 1]], atol=1e-15)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 20), st.integers(2, 6), st.integers(0, 10_000))
def test_symmetric_one_on_the_diagonal_and_never_beyond_one(window, n_symbols, seed):
    for _, matrix in all_pairs(walk(window + 5, n_symbols, seed), window):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-12)
        assert np.abs(matrix).max() <= 1


def test_fewer_dates_than_a_window_give_nothing():
    assert list(all_pairs(walk(9, 2), 10)) == []


def test_rows_are_each_pair_once_from_a_day_on_and_the_strongest_only():
    returns = walk(20, 4)
    since = date(2020, 1, 27)
    whole, strong = (pd.concat(pair_rows(returns, 10, since, top)) for top in (None, 2))
    assert whole["date"].min() == pd.Timestamp(since)
    assert len(whole) == 6 * whole["date"].nunique()
    assert (whole["base_symbol"] < whole["other_symbol"]).all()
    for day, rows in strong.groupby("date"):
        every = whole[whole["date"] == day]["correlation"].abs()
        assert rows["correlation"].abs().tolist() == every.nlargest(2).tolist()
