"""Event studies: returns around events that the market does not explain (MacKinlay 1997). Pure functions of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.universe import ESTIMATION_END

MARKET = "SPY"
ESTIMATION = (-120, ESTIMATION_END)
MINIMUM_RETURNS = 60
CLEAR_OF_EVENTS = 10
N_PLACEBOS = 500
MINIMUM_PLACEBOS = 100
SEED = 20221130
# Sums leave rounding behind, so a variance below this (a day's usual one is 1e-4) is none.
STILL = 1e-13

EVENT_RETURNS = """
select symbol, date, log_return from core.returns
where alignment = 'exchange_close' and list_contains($1, symbol)
"""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Window = tuple[int, int]


@dataclass(frozen=True)
class MarketModel:
    """OLS of each symbol on the market before each session: arrays of sessions by symbols, NaN where impossible."""

    own: Floats
    market: Floats
    n: Floats
    alpha: Floats
    beta: Floats
    variance: Floats
    market_mean: Floats
    market_squares: Floats


def event_studies(
    returns: pd.DataFrame, events: pd.DataFrame, sessions: pd.Series, symbols: Sequence[str], windows: Sequence[Window]
) -> pd.DataFrame:
    """Rows of `marts.event_studies`, from the rows of EVENT_RETURNS and of `core.events`.

    `sessions` are the dates of `core.sessions`, sorted; every event's session is one of them. Windows count sessions
    from the event's, both ends included.
    """
    dates = pd.DatetimeIndex(sessions)
    wide = returns.pivot_table(index="date", columns="symbol", values="log_return")
    wide = wide.reindex(index=dates, columns=[*symbols, MARKET]).astype(float)
    model = market_model(wide[list(symbols)].to_numpy(), wide[MARKET].to_numpy())
    at = dates.get_indexer(pd.DatetimeIndex(events["session_date"]))
    key = events[["event_id", "session_date"]].merge(pd.DataFrame({"symbol": symbols}), how="cross")
    studies = [key.assign(**study(model, dates, at, window)) for window in windows]
    return pd.concat(studies, ignore_index=True).dropna(subset=["residual_volatility"])


def sums(values: Floats, window: Window) -> Floats:
    """For every session the sum over a window around it; NaN, and what lies beyond the history, count as nothing."""
    running = np.vstack([np.zeros(values.shape[1]), np.nancumsum(values, axis=0)])
    at = np.arange(len(values))
    first, last = (np.clip(at + offset, 0, len(values)) for offset in (window[0], window[1] + 1))
    return np.asarray(running[last] - running[first])


def market_model(own: Floats, market: Floats) -> MarketModel:
    """Alpha and beta of sessions by symbols on the market's returns, over the estimation window before each session."""
    both = np.isfinite(own) & np.isfinite(market)[:, None]
    y, x = np.where(both, own, np.nan), np.where(both, market[:, None], np.nan)
    n, sum_x, sum_y, xx, yy, xy = (sums(v, ESTIMATION) for v in (both.astype(float), x, y, x * x, y * y, x * y))
    n = np.where(n >= MINIMUM_RETURNS, n, np.nan)
    squares = xx - sum_x * sum_x / n
    squares = np.where(squares > STILL, squares, np.nan)
    beta = (xy - sum_x * sum_y / n) / squares
    residual = (yy - sum_y * sum_y / n - beta * beta * squares) / (n - 2)
    variance = np.where(residual > STILL, residual, np.nan)
    return MarketModel(y, x, n, (sum_y - beta * sum_x) / n, beta, variance, sum_x / n, squares)


def abnormal_returns(model: MarketModel, window: Window) -> tuple[Floats, Floats]:
    """Cumulative abnormal return and standard error around every session; NaN while a return of the window is missing.

    The error counts that alpha and beta are estimates: all abnormal returns of a window share their error.
    """
    length = window[1] - window[0] + 1
    whole = sums(np.isfinite(model.own).astype(float), window) == length
    market = sums(model.market, window)
    car = sums(model.own, window) - length * model.alpha - model.beta * market
    shared = length**2 / model.n + (market - length * model.market_mean) ** 2 / model.market_squares
    error = np.sqrt(model.variance * (length + shared))
    return np.where(whole, car, np.nan), np.where(whole, error, np.nan)


def study(model: MarketModel, dates: pd.DatetimeIndex, at: Integers, window: Window) -> dict[str, Any]:
    """The columns of one window, of events by symbols flattened; `at` are the events' positions among the sessions."""
    car, error = abnormal_returns(model, window)
    n, percentile, p_value = placebos(car, dates, at, window)
    by_symbol = {
        "car": car[at],
        "car_standard_error": error[at],
        "t_statistic": (car / error)[at],
        "alpha": model.alpha[at],
        "beta": model.beta[at],
        "residual_volatility": np.sqrt(model.variance[at]),
        "n_estimation": model.n[at],
        "placebo_percentile": percentile,
        "placebo_p_value": p_value,
        "n_placebo": n,
    }
    ended = pd.Series(dates).reindex(at + window[1])
    shared = pd.Series(overlaps(at, window), index=ended.index, dtype="Int64").mask(ended.isna())
    by_event = {"window_complete_date": ended, "n_overlapping": shared}
    return {
        "window_start": window[0],
        "window_end": window[1],
        **{name: values.ravel() for name, values in by_symbol.items()},
        **{name: values.repeat(car.shape[1]).array for name, values in by_event.items()},
    }


def overlaps(at: Integers, window: Window) -> Integers:
    """How many other events' windows share a session with each one's, of those that had happened when it ended."""
    later = at[None, :] - at[:, None]
    shares = (np.abs(later) <= window[1] - window[0]) & (later <= window[1])
    return np.asarray(shares.sum(axis=1) - shares.diagonal())


def placebos(car: Floats, dates: pd.DatetimeIndex, at: Integers, window: Window) -> tuple[Integers, Floats, Floats]:
    """Number drawn, percentile and two-sided p-value of each event by symbol among random sessions before it.

    A placebo's window ended before the event's began, and it is further than 10 sessions from every event.
    """
    order = random_order(dates)
    order = order[~near(at, len(dates))[order]]
    # Unlike indexing, `take` lays out each symbol's row in one piece, which makes counting along it ten times faster.
    own, others = np.take(car.T, at, axis=1)[:, :, None], np.take(car.T, order, axis=1)[:, None, :]
    before = order + window[1] < at[:, None] + window[0]
    drawn = before & np.isfinite(others)
    drawn &= drawn.cumsum(axis=2, dtype=np.int32) <= N_PLACEBOS
    n, lower, larger = (
        np.count_nonzero(drawn & chosen, axis=2).T for chosen in (drawn, others <= own, np.abs(others) >= np.abs(own))
    )
    known = np.where((n >= MINIMUM_PLACEBOS) & np.isfinite(car[at]), n, np.nan)
    return n, 100 * lower / known, (1 + larger) / (1 + known)


def random_order(dates: pd.DatetimeIndex) -> Integers:
    """The sessions' positions shuffled; a day's draw is its own, so that a longer history keeps the order."""
    days = dates.to_numpy().astype("datetime64[D]").astype(int)
    draws = np.random.default_rng(SEED).random(days.max(initial=0) + 1)
    return np.asarray(np.argsort(draws[days]))


def near(at: Integers, n_sessions: int) -> npt.NDArray[np.bool_]:
    """Whether each session is within 10 of an event."""
    around = np.add.outer(at, np.arange(-CLEAR_OF_EVENTS, CLEAR_OF_EVENTS + 1))
    return np.isin(np.arange(n_sessions), around)
