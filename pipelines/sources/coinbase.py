"""Coinbase Exchange candles: daily and hourly bars of one pair, quoted in US dollars, by UTC day and hour.

Documented and keyless. Buckets without trades are absent, so gaps are normal.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, numbers, only, stamps

NAME = "coinbase"
BASE_URL = "https://api.exchange.coinbase.com"
REQUESTS_PER_SECOND: float = 8.0
HEADERS: Mapping[str, str] = {}
TERMS = "Documented public API; exchange market-data terms govern redistribution and commercial display."

# Seconds a candle lasts.
DATASETS = {"daily_bars": 86_400, "hourly_bars": 3_600}
# One less than the vendor's limit, which leaves room for the bar it may add before the first.
PAGE_BARS = 299
_MOST_BARS = 300
# Unlike most vendors, low and high come before open and close.
_FIELDS = ("time", "low", "high", "open", "close", "volume")


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request per 299 candles, the pages cut by time, so that all are known before the first answer."""
    step = DATASETS[series.dataset]
    start, end = _seconds(window.since), _seconds(window.until + timedelta(days=1))
    pages = range(start, end, PAGE_BARS * step)
    return [_page(series, window, at, min(at + PAGE_BARS * step, end) - step) for at in pages]


def _page(series: Series, window: Window, first: int, last: int) -> Request:
    """The candles from the first to the last bucket, both inclusive, by the time they start."""
    params = {"granularity": str(DATASETS[series.dataset]), "start": _iso(first), "end": _iso(last)}
    return Request(NAME, series, f"/products/{quote(series.vendor_symbol, safe='')}/candles", params, window)


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def classify(response: requests.Response) -> Outcome:
    """An empty list is an answer: no trades in these days, as before a pair's listing."""
    outcome = classify_http(response)
    return Outcome.EMPTY if outcome is Outcome.OK and json_or_none(response.content) == [] else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The bars of one page, newest first as the vendor sends them.

    Rows before the page's start, which the vendor documents it may add, are left out. Null is never written
    by this vendor and refused.
    """
    rows = document(body, request)
    check(isinstance(rows, list) and len(rows) <= _MOST_BARS, request, f"not a list of {_MOST_BARS} bars at most")
    only(rows, {list}, "bars", request)
    check(set(map(len, rows)) <= {len(_FIELDS)}, request, f"a bar has not {len(_FIELDS)} fields")
    fields = dict(zip(_FIELDS, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(_FIELDS, ())
    starts = _check_times(fields.pop("time"), request)
    values = {name: _written(column, name, request) for name, column in fields.items()}
    table = request.series.dataset
    key = "date" if table == "daily_bars" else "start_at"
    bars = frame(table, request, {key: starts, "close_adjusted_vendor": np.nan, **values})
    return {table: bars[starts >= _instant(request, "start")].reset_index(drop=True)}


def _written(values: Sequence[Any], what: str, request: Request) -> NDArray[np.float64]:
    only(values, {int, float}, what, request)
    return numbers(values, what, request)


def _check_times(values: Sequence[Any], request: Request) -> pd.DatetimeIndex:
    """The buckets' starts, if each is on the granularity's grid, once, newest first, and none after the end."""
    starts = stamps(values, "s", "time", request)
    on_grid = starts == starts.floor(pd.Timedelta(seconds=DATASETS[request.series.dataset]))
    check(bool(on_grid.all()), request, f"a bar is not at a multiple of {request.params['granularity']} seconds")
    check(bool((starts[1:] < starts[:-1]).all()), request, "the bars do not go back in time, each once")
    check(bool((starts <= _instant(request, "end")).all()), request, "a bar lies after the days asked for")
    return starts


def _instant(request: Request, param: str) -> pd.Timestamp:
    return pd.Timestamp(request.params[param]).tz_localize(None)
