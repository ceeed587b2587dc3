"""Nasdaq.com's quote backend: daily bars on today's split basis. No key, no published API.

It knows no dividends and no splits, and probably draws on the same upstream as Yahoo: a failover for closes,
not an independent check.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray

from pipelines.sources.answers import json_or_none
from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, decimals, document, frame, member, only, written_days

NAME = "nasdaq"
BASE_URL = "https://api.nasdaq.com"
REQUESTS_PER_SECOND: float = 1.0
# Anything that does not look like a browser is left hanging without an answer.
HEADERS: Mapping[str, str] = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Accept": "application/json",
}
TERMS = "Undocumented site backend; no licence to automate or redistribute; personal research only."
DATASETS = ("daily_bars",)

_BAR = ("open", "high", "low", "close", "volume")
_MISSING = ("--", "N/A", "NA")
_AMOUNT = r"\$?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_MOST_ROWS = "9999"
_FINE, _BAD_REQUEST, _UNKNOWN_SYMBOL = 200, 400, 1001


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request whatever the window's length.

    The vendor must be told what a symbol is: write it as `stocks/MSFT`, `etf/QQQ` or `index/COMP` under
    `vendor_symbols` in universe.yaml. Without the first part it is asked as a stock.
    """
    kind, symbol = _asked(series)
    params = {
        "assetclass": kind,
        "fromdate": window.since.isoformat(),
        "todate": window.until.isoformat(),
        "limit": _MOST_ROWS,
    }
    return [Request(NAME, series, f"/api/quote/{quote(symbol, safe='')}/historical", params, window)]


def _asked(series: Series) -> tuple[str, str]:
    """Asset class and symbol."""
    kind, slash, symbol = series.vendor_symbol.partition("/")
    return (kind, symbol) if slash else ("stocks", kind)


def classify(response: requests.Response) -> Outcome:
    """Failures come with HTTP 200 and a code in the body; an unknown symbol may be one of another asset class."""
    outcome, answer = classify_http(response), json_or_none(response.content)
    status = answer.get("status") if isinstance(answer, dict) else None
    if outcome is not Outcome.OK or not isinstance(answer, dict) or not isinstance(status, dict):
        return outcome
    if status.get("rCode") != _FINE:
        unknown = status.get("rCode") == _BAD_REQUEST and _UNKNOWN_SYMBOL in _codes(status)
        return Outcome.NOT_FOUND if unknown else Outcome.SCHEMA_DRIFT
    data = answer.get("data", ...)
    nothing = data is None or (isinstance(data, dict) and data.get("totalRecords") == 0)
    return Outcome.EMPTY if nothing else Outcome.OK


def _codes(status: Mapping[str, Any]) -> list[Any]:
    told = status.get("bCodeMessage")
    return [one.get("code") for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The bars, newest first as the vendor sends them; what it writes as missing is NaN."""
    answer = document(body, request)
    code = member(member(answer, "status", dict, request), "rCode", int, request)
    check(code == _FINE, request, f"the answer's own code is {code}")
    rows = _rows(answer, request)
    dates = written_days([member(row, "date", str, request) for row in rows], "%m/%d/%Y", "date", request)
    check(bool((dates[1:] < dates[:-1]).all()), request, "the dates do not go back in time, each once")
    check(bool((dates >= pd.Timestamp(request.window.since)).all()), request, "a bar lies before the days asked for")
    values = {name: _amounts([member(row, name, str, request) for row in rows], name, request) for name in _BAR}
    return {"daily_bars": frame("daily_bars", request, {"date": dates, "close_adjusted_vendor": np.nan, **values})}


def _rows(answer: Any, request: Request) -> list[Any]:
    """The rows, if they are of the symbol asked for and as many as the vendor has; none where it has no data."""
    data = member(answer, "data", object, request)
    if data is None:
        return []
    symbol, asked = member(data, "symbol", str, request), _asked(request.series)[1]
    check(symbol == asked, request, f"asked for {asked}, got {symbol[:20]}")
    total = member(data, "totalRecords", int, request)
    table = data.get("tradesTable")
    rows = (table.get("rows") if isinstance(table, dict) else None) or []
    check(isinstance(rows, list) and len(rows) == total, request, f"not the {total} rows the answer says there are")
    only(rows, {dict}, "rows", request)
    return list(rows)


def _amounts(texts: Sequence[str], what: str, request: Request) -> NDArray[np.float64]:
    """Numbers written as `$1,234.50` or `1,234`, and NaN for what is written as missing."""
    amounts = pd.Series(texts, dtype="str")
    given = ~amounts.isin(_MISSING)
    check(bool(amounts[given].str.fullmatch(_AMOUNT).all()), request, f"'{what}' holds text that is not an amount")
    values = np.full(len(texts), np.nan)
    values[given] = decimals(amounts[given].str.replace(r"[$,]", "", regex=True).tolist(), what, request)
    return values
