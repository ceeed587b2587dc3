"""How a simulated price path is drawn: fat-tailed steps, bent through dated levels, with bars around them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.strict import read_yaml

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR, DAY, YEAR = 3_600, 86_400, 31_557_600
PARAMETERS: dict[str, Any] = read_yaml(Path(__file__).with_name("sample_market.yaml"))


@dataclass(frozen=True)
class Bars:
    """Bars, oldest first: bounds in Unix seconds, prices on the share basis of the span's end."""

    start: Ints
    end: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def unix(day: date) -> int:
    """Unix seconds of a day's first instant, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def along(table: Mapping[date, float], times: Ints) -> Floats:
    """A table of dated values as a straight-line series over `times`."""
    values: Floats = np.interp(times, [unix(day) for day in table], list(table.values()))
    return values


def bridge(steps: Floats, times: Ints, levels: Mapping[date, float]) -> Floats:
    """The running sum of `steps`, bent so that it passes through each dated level."""
    path = np.cumsum(steps)
    at = np.searchsorted(times, [unix(day) for day in levels]).clip(max=len(times) - 1)
    bent: Floats = path + np.interp(times, times[at], np.array(list(levels.values())) - path[at])
    return bent


def shocks(rng: np.random.Generator, times: Ints, sigma: float, regime: str) -> Floats:
    """Fat-tailed returns of deviation `sigma` a step; volatility clusters and follows a regime."""
    knots = np.arange(times[0], times[-1] + 10 * DAY, 10 * DAY)
    cluster = np.exp(np.interp(times, knots, rng.normal(0, 0.25, len(knots))))
    tails = rng.standard_t(5, len(times)) / np.sqrt(5 / 3)
    steps: Floats = sigma * cluster * along(PARAMETERS["turbulence"][regime], times) * tails
    return steps


def ohlc(
    rng: np.random.Generator, start: float, path: Floats, gap: float, reach: float, decimals: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Open, high, low, close around a log path: `gap` of a return is in the open, `reach` sizes the wicks."""
    before = np.concatenate([[0.0], path[:-1]])
    opened = before + gap * (path - before + reach * rng.standard_normal(len(path)))
    wicks = reach * np.abs(rng.standard_normal((2, len(path))))
    high, low = np.maximum(opened, path) + wicks[0], np.minimum(opened, path) - wicks[1]
    first, top, bottom, last = np.round(start * np.exp(np.stack([opened, high, low, path])), decimals)
    return first, top, bottom, last


def daily(bars: Bars) -> Bars:
    """Hourly bars as UTC days."""
    days = (-1, DAY // HOUR)
    return Bars(
        start=bars.start.reshape(days)[:, 0],
        end=bars.end.reshape(days)[:, -1],
        open=bars.open.reshape(days)[:, 0],
        high=bars.high.reshape(days).max(axis=1),
        low=bars.low.reshape(days).min(axis=1),
        close=bars.close.reshape(days)[:, -1],
        volume=bars.volume.reshape(days).sum(axis=1).round(3),
    )
