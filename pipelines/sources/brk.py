"""Bitcoin Research Kit (bitview.space or an own instance): daily on-chain series of Bitcoin, in bulk."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import requests

from pipelines.sources.answers import schema_drift
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, member, numbers, only

NAME = "brk"
BASE_URL = "https://bitview.space"
REQUESTS_PER_SECOND: float = 1.0
HEADERS: Mapping[str, str] = {}
TERMS = "MIT software on a volunteer's host: no SLA and no stated data licence; self-host for anything serious."

DATASETS = {"onchain": "day1"}
# The vendor's series with the unit it declares, and our name for it.
SERIES: Mapping[str, tuple[str, str]] = {
    "price": ("Dollars", "price_usd"),
    "market_cap": ("Dollars", "market_cap_usd"),
    "supply": ("Bitcoin", "supply_btc"),
    "realized_cap": ("Dollars", "realized_cap_usd"),
    "realized_price": ("Dollars", "realized_price_usd"),
    "realized_loss_cumulative": ("Dollars", "realized_loss_cumulative_usd"),
    "realized_profit_cumulative": ("Dollars", "realized_profit_cumulative_usd"),
}
GENESIS = date(2009, 1, 3)


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request, from a day before the window on: a day's flow is the step of a cumulative series."""
    params = {
        "index": DATASETS[series.dataset],
        "series": ",".join(["date", *SERIES]),
        "start": max(window.since - timedelta(days=1), GENESIS).isoformat(),
        "end": (window.until + timedelta(days=1)).isoformat(),
        "format": "json",
    }
    return [Request(NAME, series, "/api/series/bulk", params, window)]


def classify(response: requests.Response) -> Outcome:
    """A 404 names a series or a range this server does not have, so it is our request that no longer fits."""
    outcome = classify_http(response)
    return Outcome.SCHEMA_DRIFT if outcome is Outcome.NOT_FOUND else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The metrics in long form, joined by position on the vendor's own date labels.

    Null values are left out: the vendor writes null for days before and after a series' data begin and end.
    The first rows are of the day before the window.
    """
    answer = document(body, request)
    check(isinstance(answer, list) and len(answer) == 1 + len(SERIES), request, "not one object per series")
    labels = _column(answer[0], "date", "Date", answer[0], request)
    dates = _check_labels(labels, answer[0], request)
    wide = {}
    for part, (name, (unit, metric)) in zip(answer[1:], SERIES.items(), strict=True):
        wide[metric] = numbers(_column(part, name, unit, answer[0], request), name, request)
    rows = pd.DataFrame(wide, index=pd.Index(dates, name="date")).melt(var_name="metric", ignore_index=False).dropna()
    rows = rows[rows.index <= pd.Timestamp(request.window.until)].reset_index()
    return {"onchain": frame("onchain", request, {name: rows[name] for name in ("date", "metric", "value")})}


def _column(part: Any, name: str, unit: str, first: Any, request: Request) -> list[Any]:
    """One series' values, if it is of the index, unit and range that the request and the dates say."""
    data: list[Any] = member(part, "data", list, request)
    start, end = (member(part, key, int, request) for key in ("start", "end"))
    index, declared = (member(part, key, str, request) for key in ("index", "type"))
    check((index, declared) == ("day1", unit), request, f"'{name}' is {declared} by {index}, not {unit} by day1")
    check(start == first["start"] and end == first["end"], request, f"'{name}' covers other days than 'date'")
    check(len(data) == end - start, request, f"{len(data)} values of '{name}' for {end - start} days")
    return data


def _check_labels(labels: list[Any], part: Mapping[str, Any], request: Request) -> pd.DatetimeIndex:
    """The labels as dates, if they are consecutive days from the first asked for, or the first there is."""
    only(labels, {str}, "date", request)
    if not labels:
        return pd.DatetimeIndex([], dtype="datetime64[us]")
    first, asked = labels[0], request.params["start"]
    starts_well = first == asked or (part["start"] == 0 and first > asked)
    check(starts_well, request, f"the days begin at {first[:20]}, not {asked}")
    days = pd.date_range(_day(first, request), periods=len(labels), unit="us")
    check(days.strftime("%Y-%m-%d").tolist() == labels, request, "the dates are not consecutive days")
    check(labels[-1] <= request.params["end"], request, f"the days go on to {labels[-1]}")
    return days


def _day(text: str, request: Request) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    raise schema_drift(request, f"'{text[:20]}' is no date")
