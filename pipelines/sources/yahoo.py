"""Yahoo's chart endpoint: daily bars, dividends and splits in one answer. No key, no published API."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

import requests

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.yahoo_chart import NO_DATA_HERE, parse

__all__ = [
    "BASE_URL",
    "HEADERS",
    "NAME",
    "REQUESTS_PER_SECOND",
    "TERMS",
    "build_requests",
    "classify",
    "parse",
]

NAME = "yahoo"
BASE_URL = "https://query2.finance.yahoo.com"
REQUESTS_PER_SECOND: float = 1.0
# Anything that does not look like a browser is answered with 429.
HEADERS: Mapping[str, str] = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
}
TERMS = "Undocumented site backend; no licence to automate or redistribute; personal research only."

DATASETS = {"daily_bars": "1d"}


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request whatever the window's length."""
    params = {
        "period1": str(_midnight(window.since)),
        "period2": str(_midnight(window.until + timedelta(days=1)) - 1),
        "interval": DATASETS[series.dataset],
        "events": "div,splits,capitalGains",
        "includePrePost": "false",
    }
    return [Request(NAME, series, f"/v8/finance/chart/{quote(series.vendor_symbol, safe='')}", params, window)]


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def classify(response: requests.Response) -> Outcome:
    """Yahoo says 'nothing in these days' and 'no such symbol' with a 200 as well as with an error status."""
    outcome = classify_http(response)
    if b"Will be right back" in response.content[:10_000]:
        return Outcome.CHALLENGE
    chart = _chart(json_or_none(response.content))
    if outcome not in (Outcome.OK, Outcome.SCHEMA_DRIFT) or chart is None:
        return outcome
    if chart.get("error"):
        return _classify_error(chart["error"])
    return _classify_result(chart) if outcome is Outcome.OK else outcome


def _chart(answer: object) -> dict[str, Any] | None:
    chart = answer.get("chart") if isinstance(answer, dict) else None
    return chart if isinstance(chart, dict) else None


def _classify_error(error: object) -> Outcome:
    code, text = (error.get("code"), error.get("description")) if isinstance(error, dict) else (None, None)
    if str(text).startswith(NO_DATA_HERE):
        return Outcome.EMPTY
    return Outcome.NOT_FOUND if code == "Not Found" else Outcome.SCHEMA_DRIFT


def _classify_result(chart: dict[str, Any]) -> Outcome:
    results = chart.get("result")
    result = results[0] if isinstance(results, list) and results else None
    if not isinstance(result, dict) or result.get("timestamp"):
        return Outcome.OK  # the parser judges what stands there
    meta = result.get("meta")
    unknown = isinstance(meta, dict) and meta.get("currency") is None
    return Outcome.NOT_FOUND if unknown else Outcome.EMPTY
