"""The simulated sample market on the wire: answers in the vendors' own formats, without a network.

Nothing served here is real data: every response says so with `X-Simulated: yes`.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter

from pipelines.sources.sample_market import SAMPLE_END, SAMPLE_START, market
from pipelines.sources.sample_paths import DAY, HOUR, PARAMETERS, daily, unix
from pipelines.sources.sample_yahoo import Chart

__all__ = ["SAMPLE_END", "SAMPLE_START", "SampleAdapter"]

Answer = tuple[int, str]
Query = Mapping[str, str]
BRK_ZERO = date(2009, 1, 1)
STEPS = {"1h": HOUR, "1d": DAY}


def _kline(opened: int, closed: int, o: float, h: float, low: float, c: float, v: float) -> str:
    """One Binance bar as JSON text: half of the volume is bought by takers."""
    quote = v * (o + c) / 2
    return (
        f'[{opened * 1000},"{o:.8f}","{h:.8f}","{low:.8f}","{c:.8f}","{v:.3f}00000",{closed * 1000 - 1},'
        f'"{quote:.8f}",{int(quote / 900) + 1},"{v / 2:.8f}","{quote / 2:.8f}","0"]'
    )


@lru_cache(maxsize=32)
def _klines(seed: int, symbol: str, step: int) -> list[str]:
    """All bars of a coin as JSON text; pages are slices of this."""
    bars = market(seed).coin(symbol)
    bars = bars if step == HOUR else daily(bars)
    columns = (bars.start, bars.end, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(map(_kline, *(column.tolist() for column in columns)))


def _yahoo_error(status: int, code: str, text: str) -> Answer:
    return status, json.dumps({"chart": {"result": None, "error": {"code": code, "description": text}}})


def _brk_error(status: int, code: str, text: str) -> Answer:
    kind = "not_found" if status == 404 else "invalid_request"
    return status, json.dumps({"error": {"type": kind, "code": code, "message": text, "doc_url": "/api"}})


def _binance_error(code: int, text: str) -> Answer:
    return 400, json.dumps({"code": code, "msg": text})


class SampleAdapter(BaseAdapter):
    """Stands in for the vendors' servers on a `requests.Session`, whatever host they are mounted under.

    `symbols` is vendor -> vendor's symbol -> our symbol, for `yahoo` and `binance`; any other is unknown.
    Nothing that ends after `as_of` is served.
    """

    def __init__(self, symbols: Mapping[str, Mapping[str, str]], as_of: datetime, seed: int = 7) -> None:
        super().__init__()
        self.symbols, self.as_of, self.seed = symbols, int(as_of.timestamp()), seed
        self._charts: dict[str, Chart] = {}

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """The simulated vendor's response."""
        parts = urlsplit(request.url or "")
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        status, body = self._route(parts.path, query)
        response = requests.Response()
        response.status_code, response.reason = status, "OK" if status == 200 else "Error"
        response.headers.update({"Content-Type": "application/json;charset=utf-8", "X-Simulated": "yes"})
        response.raw, response.encoding = BytesIO(body.encode()), "utf-8"
        response.url, response.request = request.url or "", request
        return response

    def close(self) -> None:
        """Nothing is held open."""

    def _route(self, path: str, query: Query) -> Answer:
        routes: dict[str, Callable[[str, Query], Answer]] = {
            "/v8/finance/chart/": self._yahoo,
            "/api/v3/klines": self._binance,
            "/api/series/bulk": self._brk,
        }
        for prefix, answer in routes.items():
            _, found, tail = path.partition(prefix)
            if found:
                return answer(unquote(tail), query)
        return 404, json.dumps({"error": "not simulated"})

    def _yahoo(self, vendor_symbol: str, query: Query) -> Answer:
        symbol = self.symbols.get("yahoo", {}).get(vendor_symbol, "")
        if symbol not in PARAMETERS["shares"] and symbol != "VIX":
            return _yahoo_error(404, "Not Found", "No data found, symbol may be delisted")
        if query.get("interval", "1d") != "1d":
            return _yahoo_error(422, "Unprocessable Entity", "only interval=1d is simulated")
        if symbol not in self._charts:
            self._charts[symbol] = Chart(self.seed, symbol, self.as_of)
        chart = self._charts[symbol]
        if not chart.time:
            return _yahoo_error(404, "Not Found", "No data found, symbol may be delisted")
        since, until = int(query.get("period1", 0)), int(query.get("period2", self.as_of))
        result = chart.result(since, until, query.get("events", ""))
        return 200, json.dumps({"chart": {"result": [result], "error": None}})

    def _binance(self, _: str, query: Query) -> Answer:
        symbol = self.symbols.get("binance", {}).get(query.get("symbol", ""))
        if symbol not in PARAMETERS["coins"]:
            return _binance_error(-1121, "Invalid symbol.")
        step = STEPS.get(query.get("interval", ""))
        if step is None:
            return _binance_error(-1120, "Invalid interval.")
        rows, zero = _klines(self.seed, symbol, step), unix(SAMPLE_START)
        done = min(max((self.as_of - zero) // step, 0), len(rows))
        first = max(-((zero * 1000 - int(query.get("startTime", 0))) // (step * 1000)), 0)
        last = min(done, (int(query.get("endTime", self.as_of * 1000)) // 1000 - zero) // step + 1)
        limit = min(int(query.get("limit", 500)), 1000)
        page = rows[first : max(last, 0)]
        return 200, "[" + ",".join(page[:limit] if "startTime" in query else page[-limit:]) + "]"

    def _brk(self, _: str, query: Query) -> Answer:
        names = [name for name in query.get("series", "").split(",") if name]
        if query.get("index") not in ("day1", "1d", "day", "date"):
            return _brk_error(400, "series_unsupported_index", "only index=day1 is simulated")
        chain = market(self.seed).chain
        unknown = [name for name in names if name != "date" and name not in chain]
        if unknown or not names:
            return _brk_error(404, "series_not_found", f"{unknown} not found")
        zero, count = (SAMPLE_START - BRK_ZERO).days, (self.as_of - unix(SAMPLE_START)) // DAY
        size = zero + min(max(count, 0), len(chain["price"]))
        bounds = (self._day(query.get("start"), 0), self._day(query.get("end"), size))
        start = min(max(bounds[0], 0), size)
        end = min(max(bounds[1], start), size)
        cells = [self._cells(name, start, end, zero) for name in names]
        return 200, json.dumps(cells if len(cells) > 1 else cells[0])

    @staticmethod
    def _day(text: str | None, default: int) -> int:
        return (date.fromisoformat(text) - BRK_ZERO).days if text else default

    def _cells(self, name: str, start: int, end: int, zero: int) -> dict[str, Any]:
        """One series of a bulk answer; days before the sample are null, as days without blocks are."""
        data: list[Any] = [(BRK_ZERO + timedelta(i)).isoformat() for i in range(start, end)]
        if name != "date":
            values = market(self.seed).chain[name].round(8 if name == "supply" else 2).tolist()
            data = [None] * (min(zero, end) - min(zero, start)) + values[max(start - zero, 0) : max(end - zero, 0)]
        kind = {"date": "Date", "supply": "Bitcoin"}.get(name, "Dollars")
        stamp = datetime.fromtimestamp(self.as_of, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "version": 1,
            "index": "day1",
            "type": kind,
            "start": start,
            "end": end,
            "stamp": stamp,
            "data": data,
        }
