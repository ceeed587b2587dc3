"""What holds of every simulated vendor: its bytes follow from the seed, and its parser reads them."""

import json
from datetime import date, timedelta

import pytest

from pipelines.sources import SOURCES
from pipelines.sources.base import Outcome, Series, Window
from pipelines.sources.sample import SAMPLE_END, SIMULATED
from tests.sample_vendors.vendor import ASKED, CIKS, NOW, ask


@pytest.mark.parametrize("path", ASKED)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(path: str) -> None:
    body = ask(path, **ASKED[path]).content
    assert body == ask(path, **ASKED[path]).content
    assert body != ask(path, seed=8, **ASKED[path]).content


def test_what_is_simulated() -> None:
    new = {"coinbase", "coinmetrics", "bgeometrics", "coingecko", "fred", "sec", "modelsdev"}
    assert {"yahoo", "binance", "brk"} | new == SIMULATED
    for path in ("/tiingo/daily/spy/prices", "/api/quote/SPY/historical", "/v1/metrics/indicators/realized_loss"):
        assert ask(path).status_code == 404
    assert ask("/api/global/us_indices/daily_prices/VIX_History.csv").status_code == 404


SERIES = [
    ("coinbase", "BTC-USD", "daily_bars"),
    ("coinbase", "ETH-USD", "hourly_bars"),
    ("coinmetrics", "btc", "onchain"),
    ("bgeometrics", "btc", "onchain"),
    ("coingecko", "global", "market_snapshots"),
    ("coingecko", "global", "market_caps"),
    ("coingecko", "binancecoin", "market_caps"),
    ("fred", "VIXCLS", "daily_bars"),
    ("sec", CIKS["AMZN"], "facts"),
    ("sec", CIKS["META"], "facts"),
    ("modelsdev", "all", "model_releases"),
]


@pytest.mark.parametrize(("vendor", "vendor_symbol", "dataset"), SERIES)
def test_the_vendors_parsers_read_the_answers(vendor: str, vendor_symbol: str, dataset: str) -> None:
    source, window = SOURCES[vendor], Window(date(2025, 12, 1), SAMPLE_END, NOW)
    for request in source.build_requests(Series("X", vendor_symbol, dataset), window):
        response = ask(request.path, **request.params)
        assert response.headers["X-Simulated"] == "yes"
        assert source.classify(response) is Outcome.OK
        rows = source.parse(response.content, request)[dataset]
        assert len(rows) > 0
        newest = rows["date"].max() if "date" in rows else None
        assert newest is None or vendor == "coinbase" or newest.date() == SAMPLE_END


def test_answers_are_complete_documents() -> None:
    for path, params in ASKED.items():
        response = ask(path, NOW + timedelta(days=400), **params)
        assert response.status_code == 200
        assert path.endswith(".csv") or json.loads(response.text)
