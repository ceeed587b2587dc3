"""A simulated symbol as Yahoo's chart would show it at an instant."""

from bisect import bisect_left
from datetime import datetime, timedelta
from math import prod
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pipelines.sources.sample_market import share
from pipelines.sources.sample_paths import PARAMETERS, Bars, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json

NEW_YORK = ZoneInfo("America/New_York")


def answer(asked: Asked) -> Answer:
    """Yahoo's chart of a symbol."""
    symbol, query = asked.symbols.get(asked.tail, ""), asked.query
    if symbol not in PARAMETERS["shares"] and symbol != "VIX":
        return _error(404, "Not Found", "No data found, symbol may be delisted")
    if query.get("interval", "1d") != "1d":
        return _error(422, "Unprocessable Entity", "only interval=1d is simulated")
    chart = Chart(asked.seed, symbol, asked.as_of)
    if not chart.time:
        return _error(404, "Not Found", "No data found, symbol may be delisted")
    since, until = int(query.get("period1", 0)), int(query.get("period2", asked.as_of))
    return as_json({"chart": {"result": [chart.result(since, until, query.get("events", ""))], "error": None}})


def _error(status: int, code: str, text: str) -> Answer:
    return as_json({"chart": {"result": None, "error": {"code": code, "description": text}}}, status)


def _dividends(symbol: str, bars: Bars) -> dict[int, float]:
    """Dividend by the index of its ex-date: a quarter of the yield on the close before."""
    rate = PARAMETERS["shares"][symbol][7] / 400 if symbol in PARAMETERS["shares"] else 0
    first = 10 + len(symbol) * 7
    days = range(first, len(bars.close), 63) if rate else range(0)
    return {i: round(float(bars.close[i - 1]) * rate, 4) for i in days}


class Chart:
    """A symbol's Yahoo chart as of an instant: splits still to come undone, dividends to come unknown."""

    def __init__(self, seed: int, symbol: str, as_of: int) -> None:
        bars = share(seed, symbol)
        n = int(np.searchsorted(bars.end, as_of, side="right"))
        splits = {int(np.searchsorted(bars.start, unix(d))): k for d, k in PARAMETERS["splits"].get(symbol, {}).items()}
        basis = prod(k for i, k in splits.items() if i >= n)
        self.symbol, self.time, self.end = symbol, bars.start[:n].tolist(), bars.end[:n].tolist()
        prices = {name: getattr(bars, name)[:n] * basis for name in ("open", "high", "low", "close")}
        self.quote = {name: column.round(4).tolist() for name, column in prices.items()}
        self.quote["volume"] = (bars.volume[:n] / basis).round().astype(int).tolist()
        self.dividends = {i: round(d * basis, 4) for i, d in _dividends(symbol, bars).items() if i < n}
        self.splits = {i: k for i, k in splits.items() if i < n}
        self.adjclose = self._adjusted()

    def _adjusted(self) -> list[float]:
        """Closes times the product of (1 - dividend / close before) over the later ex-dates."""
        close = np.array(self.quote["close"])
        factor = np.ones(len(close) + 1)
        for i, amount in self.dividends.items():
            factor[i] = 1 - amount / close[i - 1]
        adjusted: list[float] = (close * np.cumprod(factor[::-1])[::-1][1:]).round(6).tolist()
        return adjusted

    def result(self, since: int, until: int, events: str) -> dict[str, Any]:
        """The `result` element for bars whose session opens in the range, both ends included."""
        a, b = bisect_left(self.time, since), bisect_left(self.time, until + 1)
        if a >= b:
            return {"meta": self.meta(a), "indicators": {"quote": [{}], "adjclose": [{}]}}
        found = {"dividends": self._paid(a, b) if "div" in events else {}} | {
            "splits": self._split(a, b) if "split" in events else {}
        }
        return {
            "meta": self.meta(a),
            "timestamp": self.time[a:b],
            **({"events": {k: v for k, v in found.items() if v}} if any(found.values()) else {}),
            "indicators": {
                "quote": [{name: column[a:b] for name, column in self.quote.items()}],
                "adjclose": [{"adjclose": self.adjclose[a:b]}],
            },
        }

    def _paid(self, a: int, b: int) -> dict[str, dict[str, float]]:
        times = {self.time[i]: amount for i, amount in self.dividends.items() if a <= i < b}
        return {str(t): {"amount": amount, "date": t} for t, amount in times.items()}

    def _split(self, a: int, b: int) -> dict[str, dict[str, Any]]:
        times = {self.time[i]: float(k) for i, k in self.splits.items() if a <= i < b}
        return {
            str(t): {"date": t, "numerator": k, "denominator": 1.0, "splitRatio": f"{k:.0f}:1"}
            for t, k in times.items()
        }

    def meta(self, first: int) -> dict[str, Any]:
        """What Yahoo says beside the bars, as of the last session."""
        index = self.symbol == "VIX"
        zone = ZoneInfo("America/Chicago") if index else NEW_YORK
        last = datetime.fromtimestamp(self.time[-1], zone)
        clock = {
            "timezone": last.tzname(),
            "gmtoffset": int((last.utcoffset() or timedelta()).total_seconds()),
        }
        bounds = [self.time[-1] - 19_800, self.time[-1], self.end[-1], self.end[-1] + 14_400]
        periods = zip(("pre", "regular", "post"), bounds[:-1], bounds[1:], strict=True)
        return {
            "currency": "USD",
            "symbol": "^VIX" if index else self.symbol,
            "exchangeName": "SIM",
            "fullExchangeName": "Simulated",
            "instrumentType": "INDEX" if index else "ETF" if self.symbol in PARAMETERS["etfs"] else "EQUITY",
            "firstTradeDate": self.time[0],
            "regularMarketTime": self.end[-1] + 1,
            "hasPrePostMarketData": not index,
            **clock,
            "exchangeTimezoneName": zone.key,
            "regularMarketPrice": self.quote["close"][-1],
            "longName": f"{self.symbol} (simulated)",
            "chartPreviousClose": self.quote["close"][max(first - 1, 0)],
            "priceHint": 2,
            "currentTradingPeriod": {k: {**clock, "start": a, "end": b} for k, a, b in periods},
            "dataGranularity": "1d",
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
        }
