"""Binance spot klines from the public market-data host: daily and hourly bars of one pair, quoted in USDT."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
import requests

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, decimals, document, frame, only, stamps

NAME = "binance"
BASE_URL = "https://data-api.binance.vision"
REQUESTS_PER_SECOND: float = 5.0
HEADERS: Mapping[str, str] = {}
TERMS = "Documented public API; the exchange's terms govern redistribution; restricted by jurisdiction."

DATASETS = {"daily_bars": ("1d", 86_400_000), "hourly_bars": ("1h", 3_600_000)}
PAGE_BARS = 1000
_FIELDS = 12
_INVALID_SYMBOL = -1121


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request per 1000 bars, the pages cut by time, so that all are known before the first answer."""
    interval, step = DATASETS[series.dataset]
    start, end = _millis(window.since), _millis(window.until + timedelta(days=1))
    pages = range(start, end, PAGE_BARS * step)
    return [_page(series, window, interval, at, min(at + PAGE_BARS * step, end) - 1) for at in pages]


def _page(series: Series, window: Window, interval: str, start: int, end: int) -> Request:
    params = {
        "symbol": series.vendor_symbol,
        "interval": interval,
        "startTime": str(start),
        "endTime": str(end),
        "limit": str(PAGE_BARS),
    }
    return Request(NAME, series, "/api/v3/klines", params, window)


def _millis(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1000


def classify(response: requests.Response) -> Outcome:
    """An empty list is an answer: no bars in these days, as before a pair's listing."""
    outcome, answer = classify_http(response), json_or_none(response.content)
    if outcome is Outcome.SCHEMA_DRIFT and isinstance(answer, dict) and answer.get("code") == _INVALID_SYMBOL:
        return Outcome.NOT_FOUND
    return Outcome.EMPTY if outcome is Outcome.OK and answer == [] else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The bars of one page, the running bar included; null is never written by this vendor and refused."""
    rows = document(body, request)
    check(isinstance(rows, list) and len(rows) <= PAGE_BARS, request, f"not a list of {PAGE_BARS} bars at most")
    only(rows, {list}, "bars", request)
    check(set(map(len, rows)) <= {_FIELDS}, request, f"a bar has not {_FIELDS} fields")
    fields = list(zip(*rows, strict=True)) or [()] * _FIELDS
    opened = _check_times(fields[0], fields[6], request)
    names = ("open", "high", "low", "close", "volume")
    values = {name: decimals(fields[at], name, request) for at, name in enumerate(names, start=1)}
    table = request.series.dataset
    if table == "daily_bars":
        return {table: frame(table, request, {"date": opened, "close_adjusted_vendor": float("nan"), **values})}
    return {table: frame(table, request, {"start_at": opened, **values})}


def _check_times(opens: Sequence[Any], closes: Sequence[Any], request: Request) -> pd.DatetimeIndex:
    """The open times, if every bar is in the page, on the interval's grid and no longer than the interval."""
    opened = stamps(opens, "ms", "open time", request)
    step = pd.Timedelta(milliseconds=DATASETS[request.series.dataset][1])
    first, last = (pd.Timestamp(int(request.params[key]), unit="ms") for key in ("startTime", "endTime"))
    lasted = stamps(closes, "ms", "close time", request) - opened
    check(bool(((opened >= first) & (opened <= last)).all()), request, "a bar lies outside the days asked for")
    fits = (opened == opened.floor(step)) & (lasted > pd.Timedelta(0)) & (lasted < step)
    check(bool(fits.all()), request, f"a bar is not a whole {request.params['interval']}")
    return opened
