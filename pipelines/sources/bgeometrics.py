"""BGeometrics (bitcoin-data.com): bitcoin's realized loss and profit by UTC day, the newest days up to a week late."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Key, Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import (
    ISO,
    check,
    check_days,
    decimals,
    document,
    frame,
    member,
    numbers,
    only,
    stamps,
    written_days,
)

NAME = "bgeometrics"
BASE_URL = "https://bitcoin-data.com"
REQUESTS_PER_SECOND: float = 0.5
# The free quota is 10 answers an hour and 15 a day.
REQUESTS_PER_RUN = 8
HEADERS: Mapping[str, str] = {}
TERMS = "Free tier of 10 requests an hour with attribution; paid plans lift the limits."
KEYS = (Key("BGEOMETRICS_TOKEN", param="token"),)
DAYS_BEHIND = 7

# Each metric has its own path; both are flows of the day.
METRICS: Mapping[str, str] = {
    "/v1/realized-loss-usd": "realized_loss_usd",
    "/v1/realized-profit-usd": "realized_profit_usd",
}
PAGE_ROWS = 1000
FREE_HISTORY = timedelta(days=4 * 365)
_TIME_FIELDS = {"d", "unixTs", "theDay"}
_UNIX = re.compile("[0-9]{1,12}")


def needs(series: Series) -> tuple[str, ...]:
    """Nothing: a token only lifts the limits."""
    return ()


def build_requests(series: Series, window: Window) -> list[Request]:
    """The first page of each metric, from no earlier than what is free; none where the window ends before that."""
    first = max(window.since, window.now.date() - FREE_HISTORY)
    if first > window.until:
        return []
    days = {"startday": first.isoformat(), "endday": window.until.isoformat()}
    params = {**days, "page": "0", "size": str(PAGE_ROWS)}
    return [Request(NAME, series, path, params, window) for path in METRICS]


def next_request(body: bytes, request: Request) -> Request | None:
    """The days after a full page, asked by their first day: a server that ignores page numbers would repeat itself."""
    rows = document(body, request)
    if not isinstance(rows, list) or len(rows) != PAGE_ROWS:
        return None
    last = _days(rows, request)[-1].date()
    if last >= request.window.until:
        return None
    return replace(request, params={**request.params, "startday": (last + timedelta(days=1)).isoformat()})


def classify(response: requests.Response) -> Outcome:
    """An empty list is an answer: no days in this window."""
    outcome = classify_http(response)
    return Outcome.EMPTY if outcome is Outcome.OK and json_or_none(response.content) == [] else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """One metric in positive dollars; the vendor's losses carry a negative sign, or none."""
    rows = document(body, request)
    check(isinstance(rows, list), request, "the answer is not a list")
    days, metric = _days(rows, request), METRICS[request.path]
    values = _values(rows, request)
    is_negated = metric == "realized_loss_usd" and bool((values <= 0).all())
    amounts = np.abs(values) if is_negated else values
    check(bool((amounts >= 0).all()), request, f"the signs of '{metric}' are not what they should be")
    return {"onchain": frame("onchain", request, {"date": days, "metric": metric, "value": amounts})}


def _days(rows: list[Any], request: Request) -> pd.DatetimeIndex:
    """The days, if both ways the vendor writes them agree; the times may be numbers or text."""
    only(rows, {dict}, "rows", request)
    days = written_days([member(row, "d", str, request) for row in rows], ISO, "d", request)
    written = [row.get("unixTs") for row in rows]
    times = [int(t) if isinstance(t, str) and _UNIX.fullmatch(t) else t for t in written]
    check(bool((stamps(times, "s", "unixTs", request) == days).all()), request, "'unixTs' and 'd' are different days")
    check_days(days, request.params["startday"], request)
    return days


def _values(rows: list[Any], request: Request) -> NDArray[np.float64]:
    """The one field that is not a time: it has been renamed before. Numbers or text, but one of them throughout."""
    fields = {field for row in rows for field in row} - _TIME_FIELDS
    check(not rows or len(fields) == 1, request, f"the rows have the values {sorted(fields)[:4]}")
    written = [row.get(field) for field in fields for row in rows]
    if set(map(type, written)) <= {str}:
        return decimals(written, "values", request)
    only(written, {int, float}, "values", request)
    return numbers(written, "values", request)
