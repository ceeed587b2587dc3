"""Questions to the simulated vendors."""

from datetime import UTC, datetime
from typing import Any

import requests

from pipelines.sources.sample import SampleAdapter

NOW = datetime(2026, 4, 1, tzinfo=UTC)
EARLY = datetime(2023, 5, 10, 20, 30, tzinfo=UTC)
DAY = 86_400
SAAS = ("CRM", "NOW", "ADBE", "WDAY", "TEAM", "SNOW", "DDOG", "INTU", "HUBS")
COMPANIES = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA", "AVGO", "AMD", "MU", "MRVL", *SAAS, "AAPL")
CIKS = {symbol: f"{number:010d}" for number, symbol in enumerate(COMPANIES, start=1000)}
SYMBOLS = {
    "yahoo": {"^VIX": "VIX", "SPY": "SPY"},
    "binance": {"BTCUSDT": "BTC", "ETHUSDT": "ETH"},
    "sec": {cik: symbol for symbol, cik in CIKS.items()},
}
CANDLES = "/products/BTC-USD/candles"
METRICS = "/v4/timeseries/asset-metrics"
BITCOIN = "/api/v3/coins/bitcoin/market_chart/range"
TOTAL = "/api/v3/global/market_cap_chart"
CAPEX = "PaymentsToAcquirePropertyPlantAndEquipment"
REVENUE = "RevenueFromContractWithCustomerExcludingAssessedTax"
COVER = "EntityCommonStockSharesOutstanding"
ASKED = {
    CANDLES: {"granularity": 3600},
    METRICS: {"assets": "btc", "metrics": "PriceUSD,CapMrktCurUSD,CapMVRVCur", "page_size": 10_000},
    "/v1/realized-loss-usd": {},
    "/v1/realized-profit-usd": {},
    "/api/v3/global": {},
    TOTAL: {"days": "max"},
    BITCOIN: {"from": 0, "to": 2_000_000_000},
    "/graph/fredgraph.csv": {"id": "NASDAQ100"},
    f"/api/xbrl/companyfacts/CIK{CIKS['MSFT']}.json": {},
    "/models.json": {},
}


def ask(path: str, as_of: datetime = NOW, seed: int = 7, **params: Any) -> requests.Response:
    with requests.Session() as session:
        session.mount("https://", SampleAdapter(SYMBOLS, as_of, seed))
        return session.get(f"https://vendor.example{path}", params=params, timeout=1)


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def chain(name: str, start: str) -> list[float]:
    data: list[float] = ask("/api/series/bulk", index="day1", series=name, start=start).json()["data"]
    return data


def candles(start: str, end: str, granularity: int = DAY) -> list[list[Any]]:
    rows: list[list[Any]] = ask(CANDLES, granularity=granularity, start=start, end=end).json()
    return rows
