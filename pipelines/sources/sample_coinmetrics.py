"""The simulated bitcoin chain as Coin Metrics' daily asset metrics."""

import base64
from datetime import timedelta
from urllib.parse import urlencode

from pipelines.sources.sample_chain import chain
from pipelines.sources.sample_market import SAMPLE_START
from pipelines.sources.sample_paths import Floats
from pipelines.sources.sample_wire import Answer, Asked, as_json, whole_days

URL = "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics"
DECIMALS = {"PriceUSD": 2, "CapMrktCurUSD": 2, "CapMVRVCur": 12}
NOT_FREE = (
    "Requested metric 'CapRealUSD' with frequency '1d' for asset 'btc' is not available with supplied credentials."
)


def answer(asked: Asked) -> Answer:
    """One page of days: the newest unless asked from the start, and inside a page always oldest first."""
    asset, metrics = asked.query.get("assets", ""), asked.query.get("metrics", "").split(",")
    if asset != "btc":
        return _error(400, "bad_parameter", f"Bad parameter 'assets'. Value '{asset}' is not supported.")
    if "CapRealUSD" in metrics:
        return _error(403, "forbidden", NOT_FREE)
    for name in metrics:
        if name not in DECIMALS:
            return _error(400, "bad_parameter", f"Bad parameter 'metrics'. Value '{name}' is not supported.")
    found = range(len(chain(asked.seed)["price"]))[whole_days(asked, "start_time", "end_time")]
    page, token = _page(found, asked)
    columns = [[f"{x:.{DECIMALS[name]}f}" for x in _metric(asked.seed, name)[page]] for name in metrics]
    rows = zip(page, *columns, strict=True)
    data = [{"asset": "btc", "time": _time(day), **dict(zip(metrics, row, strict=True))} for day, *row in rows]
    following = {
        "next_page_token": token,
        "next_page_url": f"{URL}?{urlencode({**asked.query, 'next_page_token': token})}",
    }
    return as_json({"data": data, **(following if token else {})})


def _error(status: int, kind: str, text: str) -> Answer:
    return as_json({"error": {"type": kind, "message": text}}, status)


def _page(days: range, asked: Asked) -> tuple[range, str | None]:
    """The page that the token points to, and the next one's token while there is one."""
    size, token = int(asked.query.get("page_size", 100)), asked.query.get("next_page_token")
    done = int(base64.urlsafe_b64decode(token.removeprefix("0."))) if token else 0
    is_last = done + size >= len(days)
    following = None if is_last else "0." + base64.urlsafe_b64encode(str(done + size).encode()).decode()
    if asked.query.get("paging_from", "end") == "start":
        return days[done : done + size], following
    return days[max(len(days) - done - size, 0) : len(days) - done], following


def _time(day: int) -> str:
    return f"{SAMPLE_START + timedelta(day)}T00:00:00.000000000Z"


def _metric(seed: int, name: str) -> Floats:
    series = chain(seed)
    if name == "CapMVRVCur":
        return series["market_cap"] / series["realized_cap"]
    return series["price" if name == "PriceUSD" else "market_cap"]
