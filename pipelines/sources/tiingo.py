"""Tiingo's end-of-day prices: daily bars, dividends and splits in one answer. Documented, with a free key.

Prices come as traded; they are put on the split basis of the window's newest row, which is today's in a run as of now.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Key, Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, member, numbers, only, written_days

NAME = "tiingo"
BASE_URL = "https://api.tiingo.com"
REQUESTS_PER_SECOND: float = 1.0
# The free key's 50 an hour, less a few for another attempt.
REQUESTS_PER_RUN = 45
HEADERS: Mapping[str, str] = {}
KEYS = (Key("TIINGO_API_KEY", header="Authorization", form="Token {}"),)
TERMS = "Licensed for personal and internal use by the account holder; no redistribution of raw data."
DATASETS = ("daily_bars",)

_DATE = "%Y-%m-%dT00:00:00.000Z"
_PRICES = ("open", "high", "low", "close")
_COLUMNS = (*_PRICES, "volume", "adjClose", "divCash", "splitFactor")
_OVER_LIMIT = b"run over your"
# Any split is a larger step than this; rounding and another way to reinvest a dividend are smaller ones.
_TOLERANCE = 0.01

Columns = Mapping[str, NDArray[np.float64]]


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request whatever the window's length. Indices are not served; share classes are written `brk-b`."""
    params = {
        "startDate": window.since.isoformat(),
        "endDate": window.until.isoformat(),
        "format": "json",
        "resampleFreq": "daily",
    }
    return [Request(NAME, series, f"/tiingo/daily/{quote(series.vendor_symbol, safe='')}/prices", params, window)]


def classify(response: requests.Response) -> Outcome:
    """A used-up quota may be told with HTTP 200 in words; an empty list is an answer, as before a listing."""
    if _OVER_LIMIT in response.content[:1000]:
        return Outcome.RATE_LIMITED
    outcome = classify_http(response)
    return Outcome.EMPTY if outcome is Outcome.OK and json_or_none(response.content) == [] else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """Bars, dividends and splits on the split basis of the newest row, and the vendor's fully adjusted close.

    Tiingo writes prices and volume as traded. They are divided (volume: multiplied) by the splits after their
    day. A dividend is divided by the splits on and after its day: in the vendor's identity
    `adjClose[t] / adjClose[t-1] == (close[t] * splitFactor[t] + divCash[t]) / close[t-1]` it is paid once for a
    share held the evening before, so on the day of a split it is still counted in old shares.

    A window that begins after a split is on today's basis too, for its newest row defines it. After a new
    split older stored rows disagree with the overlap, upon which ingestion asks for the whole history.
    """
    rows = document(body, request)
    check(isinstance(rows, list), request, "not a list of days")
    only(rows, {dict}, "days", request)
    dates = _dates(rows, request)
    raw = {name: _column(rows, name, request) for name in _COLUMNS}
    _check_identity(raw, request)
    split, cash = raw["splitFactor"], raw["divCash"]
    on_or_after = np.cumprod(split[::-1])[::-1]
    after = np.concatenate([on_or_after, [1.0]])[1:]
    prices = {name: raw[name] / after for name in _PRICES}
    bars = {"date": dates, **prices, "close_adjusted_vendor": raw["adjClose"], "volume": raw["volume"] * after}
    paid, is_split = cash > 0, split != 1
    dividends = {"date": dates[paid], "amount_usd": (cash / on_or_after)[paid]}
    splits = {"date": dates[is_split], "numerator": split[is_split], "denominator": 1.0}
    tables = {"daily_bars": bars, "dividends": dividends, "splits": splits}
    return {table: frame(table, request, columns) for table, columns in tables.items()}


def _dates(rows: Sequence[Any], request: Request) -> pd.DatetimeIndex:
    """The session dates, if each comes once, oldest first, and lies in the window: the vendor keeps to both ends."""
    dates = written_days([member(row, "date", str, request) for row in rows], _DATE, "date", request)
    check(bool((dates[1:] > dates[:-1]).all()), request, "the dates do not go forward in time, each once")
    first, last = pd.Timestamp(request.window.since), pd.Timestamp(request.window.until)
    check(bool(((dates >= first) & (dates <= last)).all()), request, "a day lies outside the days asked for")
    return dates


def _column(rows: Sequence[Any], name: str, request: Request) -> NDArray[np.float64]:
    """One column, without nulls, and above zero where it is multiplied and divided by."""
    written = [member(row, name, object, request) for row in rows]
    only(written, {int, float}, name, request)
    values = numbers(written, name, request)
    is_factor = name in ("close", "adjClose", "splitFactor")
    good = values > 0 if is_factor else values >= 0
    check(bool(good.all()), request, f"'{name}' is {'not above' if is_factor else 'below'} zero")
    return values


def _check_identity(raw: Columns, request: Request) -> None:
    """Refuses days whose adjusted and traded closes tell of different splits, as when a day is missing."""
    close, adjusted = raw["close"], raw["adjClose"]
    held = close * raw["splitFactor"] + raw["divCash"]
    agrees = np.isclose(adjusted[1:] * close[:-1], adjusted[:-1] * held[1:], rtol=_TOLERANCE, atol=0)
    check(bool(agrees.all()), request, "adjusted and traded closes tell of different splits or dividends")
