"""Pearson's correlation of every pair of series over every window. Pure functions of frames."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]


def all_pairs(returns: pd.DataFrame, window: int, since: date | None = None) -> Iterator[tuple[pd.Timestamp, Floats]]:
    """Each date on which a window ends, with the matrix of correlations over that window.

    `returns` has a row a date in order and a column a series. A pair is NaN while its window has a gap in either
    series, as `pandas.Series.rolling(window).corr` has it, and where one of them did not move. Windows that end before
    `since` are left out. One matrix is held at a time, so that memory does not grow with the dates.
    """
    windows = sliding_window_view(returns.to_numpy(dtype=float), window, axis=0) if len(returns) >= window else ()
    for ended, columns in zip(returns.index[window - 1 :], windows, strict=True):
        if since is None or ended.date() >= since:
            yield ended, correlations(columns.T)


def correlations(window: Floats) -> Floats:
    """The correlation matrix of one window, a row a date: of unit vectors it is one matrix product."""
    # Counted from the first return a series that did not move is exactly zero, whatever its mean rounds to.
    moves = window - window[0]
    centred = moves - moves.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, lengths, out=np.full(centred.shape, np.nan), where=lengths > 0)
    matrix: Floats = np.clip(unit.T @ unit, -1, 1)
    return matrix


def pair_rows(returns: pd.DataFrame, window: int, since: date | None, top: int | None) -> Iterator[pd.DataFrame]:
    """A frame a date: base_symbol, other_symbol (each pair once, in the columns' order), date, window_sessions,
    correlation, n. `top` keeps the pairs of each date that are strongest in magnitude.
    """
    base, other = np.triu_indices(returns.shape[1], k=1)
    for ended, matrix in all_pairs(returns, window, since):
        found = matrix[base, other]
        chosen = strongest(found, top)
        yield pd.DataFrame(
            {
                "base_symbol": returns.columns.take(base[chosen]),
                "other_symbol": returns.columns.take(other[chosen]),
                "date": ended,
                "window_sessions": window,
                "correlation": found[chosen],
                "n": window,
            }
        )


def strongest(found: Floats, top: int | None) -> npt.NDArray[np.intp]:
    """Where the known correlations stand; of a `top`, the strongest first."""
    known = np.flatnonzero(~np.isnan(found))
    return known if top is None else known[np.argsort(-np.abs(found[known]), kind="stable")[:top]]
