"""The simulated sample market on the wire: answers in the vendors' own formats, without a network.

Nothing served here is real data: every response says so with `X-Simulated: yes`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter

from pipelines.sources import (
    sample_bgeometrics,
    sample_binance,
    sample_brk,
    sample_coinbase,
    sample_coingecko,
    sample_coinmetrics,
    sample_fred,
    sample_modelsdev,
    sample_sec,
    sample_yahoo,
)
from pipelines.sources.sample_market import SAMPLE_END, SAMPLE_START
from pipelines.sources.sample_wire import Answer, Asked, as_json

__all__ = ["SAMPLE_END", "SAMPLE_START", "SIMULATED", "SampleAdapter"]

# What a path begins with, whose it is and who answers; the first that fits does.
ROUTES: tuple[tuple[str, str, Callable[[Asked], Answer]], ...] = (
    ("/v8/finance/chart/", "yahoo", sample_yahoo.answer),
    ("/api/v3/klines", "binance", sample_binance.answer),
    ("/api/series/bulk", "brk", sample_brk.answer),
    ("/products/", "coinbase", sample_coinbase.answer),
    ("/v4/timeseries/asset-metrics", "coinmetrics", sample_coinmetrics.answer),
    ("/v1/realized-", "bgeometrics", sample_bgeometrics.answer),
    ("/api/v3/", "coingecko", sample_coingecko.answer),
    ("/graph/fredgraph.csv", "fred", sample_fred.answer),
    ("/api/xbrl/companyfacts/", "sec", sample_sec.answer),
    ("/models.json", "modelsdev", sample_modelsdev.answer),
)
SIMULATED = frozenset(vendor for _, vendor, _ in ROUTES)


class SampleAdapter(BaseAdapter):
    """Stands in for the vendors' servers on a `requests.Session`, whatever host they are mounted under.

    `symbols` is vendor -> vendor's symbol -> our symbol for `yahoo`, `binance` and `sec`, which know no others.
    Nothing that ends after `as_of` is served.
    """

    def __init__(self, symbols: Mapping[str, Mapping[str, str]], as_of: datetime, seed: int = 7) -> None:
        super().__init__()
        self.symbols, self.as_of, self.seed = symbols, int(as_of.timestamp()), seed

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """The simulated vendor's response."""
        answer = self._answer(request.url or "")
        response = requests.Response()
        response.status_code, response.reason = answer.status, "OK" if answer.status == 200 else "Error"
        response.headers.update({"Content-Type": answer.content_type, "X-Simulated": "yes"})
        response.raw, response.encoding = BytesIO(answer.body.encode()), "utf-8"
        response.url, response.request = request.url or "", request
        return response

    def close(self) -> None:
        """Nothing is held open."""

    def _answer(self, url: str) -> Answer:
        parts = urlsplit(url)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        for prefix, vendor, answer in ROUTES:
            _, found, tail = parts.path.partition(prefix)
            if found:
                return answer(Asked(unquote(tail), query, self.symbols.get(vendor, {}), self.as_of, self.seed))
        return as_json({"error": "not simulated"}, 404)
