"""Coin Metrics community API: daily price, market cap and MVRV of a coin, by UTC day; the price is the day's close."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import ISO, check, check_days, decimals, document, frame, member, only, written_days

NAME = "coinmetrics"
BASE_URL = "https://community-api.coinmetrics.io"
REQUESTS_PER_SECOND: float = 1.5
HEADERS: Mapping[str, str] = {}
TERMS = "Coin Metrics community data, CC BY-NC 4.0: research with attribution, no commercial products."
# A day is published some hours after its end.
DAYS_BEHIND = 1

# The vendor's metric, and our name for it.
METRICS: Mapping[str, str] = {
    "PriceUSD": "price_usd",
    "CapMrktCurUSD": "market_cap_usd",
    "CapMVRVCur": "mvrv_ratio",
}
PAGE_ROWS = 10_000
_MIDNIGHT = r"T00:00:00(?:\.0+)?Z"


def build_requests(series: Series, window: Window) -> list[Request]:
    """The first page, oldest rows first; a metric that is no longer free fails the request, as it should be seen."""
    params = {
        "assets": series.vendor_symbol,
        "metrics": ",".join(METRICS),
        "frequency": "1d",
        "start_time": window.since.isoformat(),
        "end_time": window.until.isoformat(),
        "page_size": str(PAGE_ROWS),
        "paging_from": "start",
    }
    return [Request(NAME, series, "/v4/timeseries/asset-metrics", params, window)]


def next_request(body: bytes, request: Request) -> Request | None:
    """The next page by its token: the URL given beside it may name another host than the one asked."""
    answer = document(body, request)
    if not isinstance(answer, dict) or answer.get("next_page_token") is None:
        return None
    token = member(answer, "next_page_token", str, request)
    check(token not in ("", request.params.get("next_page_token")), request, "the next page is this page again")
    return replace(request, params={**request.params, "next_page_token": token})


def classify(response: requests.Response) -> Outcome:
    """An asset the vendor does not know is a bad parameter; no rows is an answer, as before a coin's beginning."""
    outcome, answer = classify_http(response), json_or_none(response.content)
    if not isinstance(answer, dict):
        return outcome
    if outcome is Outcome.SCHEMA_DRIFT and _is_unknown_asset(answer.get("error")):
        return Outcome.NOT_FOUND
    return Outcome.EMPTY if outcome is Outcome.OK and answer.get("data") == [] else outcome


def _is_unknown_asset(error: Any) -> bool:
    is_parameter = isinstance(error, dict) and error.get("type") == "bad_parameter"
    return is_parameter and "'assets'" in str(error.get("message"))


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The metrics of one page in long form; a null or missing value is a day without that metric, and no row."""
    rows = member(document(body, request), "data", list, request)
    only(rows, {dict}, "data", request)
    strangers = {member(row, "asset", str, request) for row in rows} - {request.series.vendor_symbol}
    check(not strangers, request, "the rows are of another asset")
    days = _days(rows, request)
    wide = {metric: _values(rows, name, request) for name, metric in METRICS.items()}
    long = pd.DataFrame(wide, index=pd.Index(days, name="date")).melt(var_name="metric", ignore_index=False)
    long = long.dropna().reset_index()
    return {"onchain": frame("onchain", request, {name: long[name] for name in ("date", "metric", "value")})}


def _days(rows: list[Any], request: Request) -> pd.DatetimeIndex:
    """The UTC days; the vendor writes times to the nanosecond."""
    times = pd.Series([member(row, "time", str, request) for row in rows], dtype="str")
    check(bool(times.str.slice(10).str.fullmatch(_MIDNIGHT).all()), request, "a time is not 00:00 UTC")
    days = written_days(times.str.slice(0, 10).tolist(), ISO, "time", request)
    check_days(days, request.params["start_time"], request)
    return days


def _values(rows: list[Any], name: str, request: Request) -> NDArray[np.float64]:
    written = [row.get(name) for row in rows]
    values = np.full(len(rows), np.nan)
    there = [text is not None for text in written]
    values[there] = decimals([text for text in written if text is not None], name, request)
    return values
