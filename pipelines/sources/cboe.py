"""Cboe's own daily prices of its indices, such as VIX and VVIX: one CSV file an index, with its whole history."""

from collections.abc import Mapping
from urllib.parse import quote

import pandas as pd
import requests

from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.parsing import check, decimals, frame
from pipelines.sources.text import ACCEPT, columns, rising_days
from pipelines.sources.text import classify as classify_text

NAME = "cboe"
BASE_URL = "https://cdn.cboe.com"
REQUESTS_PER_SECOND: float = 1.0
HEADERS: Mapping[str, str] = ACCEPT
TERMS = "Free download, © Cboe; no redistribution."
WHOLE = frozenset({"daily_bars"})
DATASETS = ("daily_bars",)

_PRICES = {"OPEN": "open", "HIGH": "high", "LOW": "low", "CLOSE": "close"}


def build_requests(series: Series, window: Window) -> list[Request]:
    """The one file; it cannot be asked for in part."""
    path = f"/api/global/us_indices/daily_prices/{quote(series.vendor_symbol, safe='')}_History.csv"
    return [Request(NAME, series, path, {}, window)]


def classify(response: requests.Response) -> Outcome:
    """What the status says; a cut-off file is asked again."""
    return classify_text(response)


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The bars from the window's first day on; of some indices closes only, in a column of the index's name."""
    table = columns(body, request)
    fields = _fields(tuple(table), request)
    dates = rising_days(table["DATE"], "%m/%d/%Y", "DATE", request)
    wanted = dates >= pd.Timestamp(request.window.since)
    prices = {ours: decimals(table[name], name, request)[wanted] for name, ours in fields.items()}
    return {"daily_bars": frame("daily_bars", request, {"date": dates[wanted], **prices})}


def _fields(header: tuple[str, ...], request: Request) -> Mapping[str, str]:
    """Our names of the columns after the date."""
    forms = (_PRICES, {request.series.vendor_symbol: "close"})
    known = [fields for fields in forms if header == ("DATE", *fields)]
    check(len(known) == 1, request, f"the header is '{','.join(header)[:80]}'")
    return known[0]
