"""The correlations that SQL cannot say plainly: Spearman's and exponentially weighted. Pure functions of frames."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]

DECAY = 0.94
EFFECTIVE_SESSIONS = round((1 + DECAY) / (1 - DECAY))
# The weight of all that came before the first session is then 0.94 ** 90, under half a percent.
WARM_UP_SESSIONS = 90
PAIR = ["base_symbol", "other_symbol"]

BENCHMARK_PAIRS = "select * from core.benchmark_pairs order by base_symbol, other_symbol, date"


def alternative_correlations(pairs: pd.DataFrame, windows: Sequence[int]) -> pd.DataFrame:
    """Rows of `core.alternative_correlations`, from the rows of BENCHMARK_PAIRS; none before a window is full."""
    found = [weighted(pairs)]
    for _, pair in pairs.groupby(PAIR, sort=False):
        found += spearman(pair, windows)
    return pd.concat(found, ignore_index=True)


def spearman(pair: pd.DataFrame, windows: Sequence[int]) -> Iterator[pd.DataFrame]:
    """One pair's rank correlations, a frame for each window."""
    x, y = pair["base_return"].to_numpy(), pair["other_return"].to_numpy()
    for window in windows:
        full = pair[[*PAIR, "date"]].iloc[window - 1 :]
        yield full.assign(
            window_sessions=window, method="spearman", correlation=rolling_spearman(x, y, window), n=window
        )


def rolling_spearman(x: Floats, y: Floats, window: int) -> Floats:
    """Spearman's rho of each full window, Pearson's r of the ranks; NaN where a leg did not move."""
    if len(x) < window:
        return np.empty(0)
    ranks_x, ranks_y = (centred_ranks(sliding_window_view(leg, window)) for leg in (x, y))
    spread = np.sqrt((ranks_x**2).sum(axis=1) * (ranks_y**2).sum(axis=1))
    covariance = (ranks_x * ranks_y).sum(axis=1)
    rho: Floats = np.divide(covariance, spread, out=np.full(len(spread), np.nan), where=spread > 0)
    return rho


def centred_ranks(windows: Floats) -> Floats:
    """Ranks within each row less their mean; equal values share the mean of theirs."""
    order = windows.argsort(axis=1)
    ranks: Floats = np.empty(windows.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, windows.shape[1] + 1)[np.newaxis], axis=1)
    ordered = np.take_along_axis(windows, order, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    if tied.any():
        # Rows with ties are few, and the library that knows them is slow to import and to run.
        from scipy.stats import rankdata

        ranks[tied] = rankdata(windows[tied], axis=1)
    ranks -= (windows.shape[1] + 1) / 2
    return ranks


def weighted(pairs: pd.DataFrame) -> pd.DataFrame:
    """Exponentially weighted correlations, c = 0.94 c + 0.06 x y, of every pair, the recursion starting at zero."""
    x, y = pairs["base_return"], pairs["other_return"]
    pair = pairs.groupby(PAIR, sort=False).ngroup()
    # Weights that sum to one, instead of the recursion's start at zero, change all three alike and not their ratio.
    means = pd.DataFrame({"xy": x * y, "xx": x * x, "yy": y * y}).groupby(pair).ewm(alpha=1 - DECAY).mean()
    r: pd.Series[float] = means["xy"] / np.sqrt(means["xx"] * means["yy"])
    n = EFFECTIVE_SESSIONS
    rows = pairs[[*PAIR, "date"]].assign(window_sessions=n, method="ewma", correlation=r.to_numpy(), n=n)
    return rows[pairs.groupby(PAIR, sort=False).cumcount() >= WARM_UP_SESSIONS - 1]
