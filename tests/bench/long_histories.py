"""A simulated vendor with daily bars of any span: a price is a function of its symbol and day, nothing is kept."""

import json
from datetime import UTC, date, datetime, time
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import numpy as np
import requests
import yaml
from requests.adapters import BaseAdapter

from pipelines.calendars import sessions


def universe(symbols: int) -> str:
    """A universe file of so many symbols, two of them ETFs, four at least."""
    kinds = {f"S{i:05d}": "equity" for i in range(symbols - 2)} | {"SPY": "etf", "QQQ": "etf"}
    bars = {"daily_bars": "yahoo"}
    return yaml.safe_dump(
        {
            "sources": {"equity": bars, "etf": bars},
            "instruments": {symbol: {"name": symbol, "kind": kind} for symbol, kind in kinds.items()},
            "baskets": {"two": {"name": "Two shares", "members": ["S00000", "S00001"]}},
            "correlation_bases": ["SPY"],
        }
    )


class LongHistories(BaseAdapter):
    """Answers as Yahoo's chart does, from `since` to `until`."""

    def __init__(self, since: date, until: date) -> None:
        super().__init__()
        opens = sessions(since, until)["open_at"].to_numpy("datetime64[s]").astype("int64")
        ended = int(datetime.combine(until, time(23), UTC).timestamp())
        self.opens = opens[opens <= ended]

    def send(self, request: requests.PreparedRequest, *_args: object, **_options: object) -> requests.Response:
        """The bars of the days asked for."""
        parts = urlsplit(request.url or "")
        query = {name: int(parse_qs(str(parts.query))[name][0]) for name in ("period1", "period2")}
        times = self.opens[(self.opens >= query["period1"]) & (self.opens <= query["period2"])]
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response.headers.update({"Content-Type": "application/json", "X-Simulated": "yes"})
        response.raw = BytesIO(json.dumps(chart(str(parts.path).rpartition("/")[2], times)).encode())
        return response

    def close(self) -> None:
        """Nothing is held open."""


def chart(symbol: str, times: np.ndarray) -> dict[str, object]:
    """Yahoo's document of a symbol: slow waves with noise on them, which a symbol's name and the time give."""
    phase, day = sum(map(ord, symbol)) * 0.7, times // 86_400
    noise = np.sin(day * 12.9898 + phase) * 43758.5453 % 1
    close = (100 + 30 * np.sin(day / 150 + phase) + 3 * noise).round(2)
    bars = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": close.round()}
    quote = {name: values.tolist() for name, values in bars.items()}
    meta = {
        "currency": "USD",
        "symbol": symbol,
        "dataGranularity": "1d",
        "exchangeTimezoneName": "America/New_York",
        "gmtoffset": -18000,
    }
    indicators = {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]}
    return {"chart": {"error": None, "result": [{"meta": meta, "timestamp": times.tolist(), "indicators": indicators}]}}
