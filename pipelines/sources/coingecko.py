"""CoinGecko: market value of coins by UTC day, and of all of crypto when it is asked, or by day with a Pro key.

A free (Demo) key reaches 365 days back, and no more is asked with a Pro key, which would allow it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

import pandas as pd
import requests

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Key, Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, member, numbers, only, stamps

NAME = "coingecko"
BASE_URL = "https://api.coingecko.com"
REQUESTS_PER_SECOND: float = 0.4
HEADERS: Mapping[str, str] = {}
TERMS = "Data provided by CoinGecko: attribution required; no resale, caching and redistribution restricted."
_PRO, _DEMO = "COINGECKO_PRO_API_KEY", "COINGECKO_DEMO_API_KEY"
KEYS = (
    Key(_PRO, header="x-cg-pro-api-key", base_url="https://pro-api.coingecko.com"),
    Key(_DEMO, header="x-cg-demo-api-key"),
)
WHOLE = frozenset({"market_snapshots"})
# The value at a day's end is published about half an hour later.
DAYS_BEHIND = 1

GLOBAL = "global"
GLOBAL_CHART = "/api/v3/global/market_cap_chart"
COIN_FIELDS = {"price_usd": "prices", "market_cap_usd": "market_caps", "volume_usd": "total_volumes"}
GLOBAL_FIELDS = {"market_cap_usd": "market_cap", "volume_usd": "volume"}
# A day less than the 365 allowed, as the vendor's clock goes on while we ask.
FREE_HISTORY = timedelta(days=364)
# Ranges of up to 90 days are answered by the hour.
SHORTEST_DAILY_RANGE = timedelta(days=91)
_HALF_DAY, _DAY = 43_200, 86_400
_CODES: Mapping[int, Outcome] = {
    429: Outcome.RATE_LIMITED,
    1020: Outcome.CHALLENGE,
    **dict.fromkeys((10002, 10005, 10010, 10011, 10012), Outcome.AUTH),
}


def needs(series: Series) -> tuple[str, ...]:
    """Snapshots need no key, the history of all of crypto the Pro key, a coin's history either."""
    if series.dataset == "market_snapshots":
        return ()
    return (_PRO,) if series.vendor_symbol == GLOBAL else (_PRO, _DEMO)


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request; none for a coin where the window ends before what is free."""
    if series.dataset == "market_snapshots":
        return [Request(NAME, series, "/api/v3/global", {}, window)]
    if series.vendor_symbol == GLOBAL:
        return [Request(NAME, series, GLOBAL_CHART, {"days": "max", "vs_currency": "usd"}, window)]
    end = window.until + timedelta(days=1)
    start = max(min(window.since, end - SHORTEST_DAILY_RANGE), window.now.date() - FREE_HISTORY)
    if start > window.until:
        return []
    path = f"/api/v3/coins/{quote(series.vendor_symbol, safe='')}/market_chart/range"
    params = {"vs_currency": "usd", "from": str(_unix(start)), "to": str(_unix(end))}
    return [Request(NAME, series, path, params, window)]


def _unix(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def classify(response: requests.Response) -> Outcome:
    """The vendor's own code, in either place it writes it, tells more than the status; no points is an answer."""
    outcome, answer = classify_http(response), json_or_none(response.content)
    if not isinstance(answer, dict):
        return outcome
    code = _error_code(answer)
    if code is not None and code in _CODES:
        return _CODES[code]
    chart = answer.get("market_cap_chart", answer)
    is_empty = isinstance(chart, dict) and [] in (chart.get("prices"), chart.get("market_cap"))
    return Outcome.EMPTY if outcome is Outcome.OK and is_empty else outcome


def _error_code(answer: Mapping[str, Any]) -> int | None:
    error = answer.get("error")
    status = error.get("status") if isinstance(error, dict) else answer.get("status")
    code = status.get("error_code") if isinstance(status, dict) else None
    return code if isinstance(code, int) else None


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The snapshot, or the daily values from the window's first day on; zeros stay as they came."""
    answer = document(body, request)
    if request.series.dataset == "market_snapshots":
        return {"market_snapshots": _snapshot(answer, request)}
    if request.path == GLOBAL_CHART:
        chart = member(answer, "market_cap_chart", dict, request)
        return {"market_caps": _daily(chart, GLOBAL_FIELDS, request)}
    return {"market_caps": _daily(answer, COIN_FIELDS, request)}


def _snapshot(answer: Any, request: Request) -> pd.DataFrame:
    """The whole market when the vendor last computed it, under the UTC day whose end is nearest."""
    data = member(answer, "data", dict, request)
    updated = member(data, "updated_at", int, request)
    columns = {
        "taken_at": stamps([updated], "s", "updated_at", request),
        "date": stamps([(updated - _HALF_DAY) // _DAY * _DAY], "s", "updated_at", request),
        "market_cap_usd": _amount(data, "total_market_cap", "usd", request),
        "bitcoin_share": _amount(data, "market_cap_percentage", "btc", request) / 100,
    }
    return frame("market_snapshots", request, columns)


def _amount(data: Any, group: str, key: str, request: Request) -> float:
    value = member(data, group, dict, request).get(key)
    only([value], {int, float}, f"{group}.{key}", request)
    return float(numbers([value], f"{group}.{key}", request)[0])


def _daily(chart: Any, fields: Mapping[str, str], request: Request) -> pd.DataFrame:
    """The points at 00:00 UTC, each the value at the end of the day before.

    Points at other times are no daily values and left out: the last one, which is of the moment asked, a few old days'
    stamps some minutes off, and all but one a day where the vendor answers by the hour. So are days without a value.
    """
    points = {column: _points(chart, name, request) for column, name in fields.items()}
    at = pd.DatetimeIndex(points["market_cap_usd"].index)
    check(all(series.index.equals(at) for series in points.values()), request, "the series differ in their times")
    check(at.is_monotonic_increasing and at.is_unique, request, "the times repeat or are out of order")
    rows = pd.DataFrame(points).rename_axis("at").reset_index()
    is_daily = (rows["at"] == rows["at"].dt.normalize()) & (rows["at"] > pd.Timestamp(request.window.since))
    rows = rows[is_daily].dropna(subset="market_cap_usd")
    values = {"price_usd": float("nan"), **{column: rows[column] for column in fields}}
    return frame("market_caps", request, {"date": rows["at"] - pd.Timedelta(days=1), **values})


def _points(chart: Any, name: str, request: Request) -> "pd.Series[float]":
    """One array of [milliseconds, value] as a series by UTC time."""
    points = member(chart, name, list, request)
    only(points, {list}, name, request)
    check(set(map(len, points)) <= {2}, request, f"a point of '{name}' is not a time and a value")
    at = stamps([point[0] for point in points], "ms", name, request)
    return pd.Series(numbers([point[1] for point in points], name, request), index=at)
