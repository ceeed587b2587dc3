"""The simulated sample market: random paths with a plausible structure. Nothing in here ever happened."""

import zlib
from datetime import date
from functools import cached_property, lru_cache
from itertools import accumulate

import numpy as np

from pipelines.calendars import sessions
from pipelines.sources.sample_paths import (
    DAY,
    HOUR,
    PARAMETERS,
    YEAR,
    Bars,
    Floats,
    Ints,
    along,
    bridge,
    daily,
    ohlc,
    shocks,
    unix,
)

SAMPLE_START, SAMPLE_END = date(2020, 1, 2), date(2026, 3, 31)

# The part of a close-to-close return that comes after the previous close, when results are published.
OVERNIGHT = 0.35
AFTER_HOURS = 4


def _sessions() -> tuple[Ints, Ints]:
    """Opens and closes of the New York Stock Exchange in Unix seconds."""
    schedule = sessions(SAMPLE_START, SAMPLE_END)
    opens, closes = (schedule[name].to_numpy("datetime64[s]").astype(np.int64) for name in ("open_at", "close_at"))
    return opens, closes


class Market:
    """Every path of one seed over the whole span; a symbol's path depends on the seed and its name only."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.hours: Ints = np.arange(unix(SAMPLE_START), unix(SAMPLE_END) + DAY, HOUR, dtype=np.int64)
        self.opens, self.closes = _sessions()

    def generator(self, name: str) -> np.random.Generator:
        """Random numbers that belong to a name: the same whoever else draws."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @cached_property
    def factors(self) -> dict[str, Floats]:
        """Cumulative log return of each equity factor by session."""
        return {
            name: bridge(shocks(self.generator(name), self.opens, f["daily_vol"], "equity"), self.opens, f["levels"])
            for name, f in PARAMETERS["factors"].items()
        }

    def own(self, symbol: str, times: Ints, sigma: float, drift: float, regime: str) -> Floats:
        """The part of a log path that is an instrument's own."""
        levels = {pin: drift * (unix(pin) - times[0]) / YEAR for pin in PARAMETERS["pins"]}
        return bridge(shocks(self.generator(symbol + " own"), times, sigma, regime), times, levels)

    def share(self, symbol: str) -> Bars:
        """Sessions of a share, an ETF or VIX."""
        if symbol == "VIX":
            return self.vix
        start, *loadings, sigma, drift, _, volume = PARAMETERS["shares"][symbol]
        twin = PARAMETERS["twins"].get(symbol, symbol)
        path = self.own(twin, self.opens, sigma / 100, drift / 100, "equity")
        path = path + np.array(loadings) @ np.stack(list(self.factors.values()))
        rng, decimals = self.generator(symbol), 4 if symbol in PARAMETERS["splits"] else 2
        prices = ohlc(rng, start, path, OVERNIGHT, 0.003 + sigma / 300, decimals)
        busy = np.exp(0.2 * rng.standard_normal(len(path)) + 6 * np.abs(np.diff(path, prepend=0.0)))
        return Bars(self.opens, self.closes, *prices, (volume * 1e4 * busy).round() * 100)

    @cached_property
    def vix(self) -> Bars:
        """Implied volatility: jumps when the market falls, then calms down; bounded like the original."""
        rng = self.generator("VIX")
        push = -9 * np.diff(self.factors["market"], prepend=0.0) + rng.normal(0, 0.03, len(self.opens))
        fear = np.array(list(accumulate(push, lambda fear, step: 0.965 * fear + step)))
        level = np.maximum(1.4 * np.tanh(fear / 1.4), 0.5 * np.tanh(fear / 0.5))
        prices = ohlc(rng, 18.0, level, 0.5, 0.02, 2)
        return Bars(self.opens, self.closes, *prices, np.zeros(len(fear)))

    @cached_property
    def crypto_factor(self) -> Floats:
        """Cumulative log return of crypto by hour: own shocks, and a share of each session's return."""
        p = PARAMETERS["crypto_factor"]
        steps = shocks(self.generator("crypto"), self.hours, p["daily_vol"] / np.sqrt(24), "crypto")
        linked = sum(np.diff(self.factors[name], prepend=0.0) * part for name, part in p["link"].items())
        return bridge(steps + along(p["coupling"], self.hours) * self.by_hour(linked), self.hours, p["levels"])

    def by_hour(self, returns: Floats) -> Floats:
        """Session returns spread over the hours after the previous close and those of the session itself."""
        out = np.zeros(len(self.hours))
        first, past = (self.opens - self.hours[0]) // HOUR, (self.closes - self.hours[0]) // HOUR
        for k in range(AFTER_HOURS):
            out[past[:-1] + k] += OVERNIGHT / AFTER_HOURS * returns[1:]
        for k in range(int((past - first).max())):
            # A session starts at half past, so that its first hour counts half.
            weight = (1 - OVERNIGHT) * (1.0 if k else 0.5) / (past - first - 0.5)
            out[first + k] += np.where(k < past - first, weight * returns, 0.0)
        return out

    def coin(self, symbol: str) -> Bars:
        """Hours of a coin."""
        start, beta, sigma, drift, decimals, volume = PARAMETERS["coins"][symbol]
        path = self.own(symbol, self.hours, sigma / 100 / np.sqrt(24), drift / 100, "crypto")
        path = path + beta * self.crypto_factor
        rng = self.generator(symbol)
        prices = ohlc(rng, start, path, 0.0, 0.0025, decimals)
        busy = np.exp(0.3 * rng.standard_normal(len(path)) + 25 * np.abs(np.diff(path, prepend=0.0)))
        return Bars(self.hours, self.hours + HOUR, *prices, (volume * busy + 0.001).round(3))


@lru_cache(maxsize=2)
def market(seed: int) -> Market:
    """The market of a seed, simulated once a process."""
    return Market(seed)


@lru_cache(maxsize=64)
def share(seed: int, symbol: str) -> Bars:
    """Sessions of a share, an ETF or VIX."""
    return market(seed).share(symbol)


@lru_cache(maxsize=16)
def coin(seed: int, symbol: str) -> Bars:
    """Hours of a coin."""
    return market(seed).coin(symbol)


@lru_cache(maxsize=16)
def coin_days(seed: int, symbol: str) -> Bars:
    """UTC days of a coin."""
    return daily(coin(seed, symbol))
