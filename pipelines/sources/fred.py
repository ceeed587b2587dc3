"""FRED of the St. Louis Fed: one series of daily closes as CSV, without a key, published the morning after."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import requests

from pipelines.sources.base import Outcome, Request, Series, Window
from pipelines.sources.parsing import check, decimals, frame
from pipelines.sources.text import ACCEPT, columns, rising_days
from pipelines.sources.text import classify as classify_text

NAME = "fred"
BASE_URL = "https://fred.stlouisfed.org"
REQUESTS_PER_SECOND: float = 1.0
# No browser's user agent here: the site stalls those and serves plain tools.
HEADERS: Mapping[str, str] = ACCEPT
TERMS = "Free; third parties keep the copyright of their series: personal use, cite, no redistribution."
DAYS_BEHIND = 1

# The name of the first column until 2025, and since.
_DATE_NAMES = ("DATE", "observation_date")
_MISSING = ("", ".")


def build_requests(series: Series, window: Window) -> list[Request]:
    """One request whatever the window's length."""
    params = {
        "id": series.vendor_symbol,
        "cosd": window.since.isoformat(),
        "coed": window.until.isoformat(),
    }
    return [Request(NAME, series, "/graph/fredgraph.csv", params, window)]


def classify(response: requests.Response) -> Outcome:
    """What the status says, as an unknown series is a 404; a cut-off file is asked again."""
    return classify_text(response)


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """The closes; days without a value, such as holidays, have no row."""
    table = columns(body, request)
    names, series = list(table), request.series.vendor_symbol
    good = len(names) == 2 and names[0] in _DATE_NAMES and names[1] == series
    check(good, request, f"the header is '{','.join(names)[:80]}', not a date and '{series}'")
    dates = rising_days(table[names[0]], "%Y-%m-%d", names[0], request)
    first, last = (pd.Timestamp(day) for day in (request.window.since, request.window.until))
    check(bool(((dates >= first) & (dates <= last)).all()), request, "a day lies outside the days asked for")
    there = np.array([value not in _MISSING for value in table[series]], dtype=bool)
    closes = decimals([value for value in table[series] if value not in _MISSING], series, request)
    return {"daily_bars": frame("daily_bars", request, {"date": dates[there], "close": closes})}
