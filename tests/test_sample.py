"""The simulated sample market: well formed, reproducible, and with the episodes it promises."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests

from pipelines.sources.sample import SAMPLE_END, SAMPLE_START, SampleAdapter

NOW = datetime(2026, 4, 2, tzinfo=UTC)
COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "ADA", "DOGE")
SAAS = ("CRM", "NOW", "ADBE", "WDAY", "TEAM", "SNOW", "DDOG", "INTU", "HUBS")
CHIPS = ("NVDA", "AVGO", "AMD", "TSM", "MU", "MRVL", "SMH", "SOXX")
HYPERSCALERS = ("MSFT", "GOOGL", "AMZN", "META", "ORCL")
SHARES = (*HYPERSCALERS, *CHIPS, *SAAS, "AAPL", "GOOG", "IBM", "TRI", "PLTR", "SPY", "QQQ", "IGV", "XLK")
SYMBOLS = {
    "yahoo": {"^VIX": "VIX", **{symbol: symbol for symbol in SHARES}},
    "binance": {f"{coin}USDT": coin for coin in COINS},
}
CHAIN = "date,price,market_cap,supply,realized_cap,realized_price,realized_loss_cumulative,realized_profit_cumulative"
MS = 1000


class Vendor:
    """The sample market asked as the pipeline asks: over a session, by URL."""

    def __init__(self, as_of: datetime = NOW, seed: int = 7) -> None:
        self.session = requests.Session()
        self.session.mount("https://", SampleAdapter(SYMBOLS, as_of, seed))

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(f"https://vendor.example{path}", params=params, timeout=1)

    def chart(self, symbol: str, **params: Any) -> dict[str, Any]:
        params = {"period1": 0, "period2": 2_000_000_000, "interval": "1d", "events": "div,splits"} | params
        result: dict[str, Any] = self.get(f"/v8/finance/chart/{symbol}", **params).json()["chart"]["result"][0]
        return result

    def bars(self, symbol: str) -> pd.DataFrame:
        chart = self.chart(symbol)
        days = pd.to_datetime(chart["timestamp"], unit="s").normalize()
        adjclose = chart["indicators"]["adjclose"][0]["adjclose"]
        return pd.DataFrame(chart["indicators"]["quote"][0] | {"adjclose": adjclose}, index=days)

    def klines(self, symbol: str, interval: str) -> list[list[Any]]:
        rows: list[list[Any]] = []
        start = int(datetime(2020, 1, 2, tzinfo=UTC).timestamp()) * MS
        while page := self.get("/api/v3/klines", symbol=symbol, interval=interval, startTime=start, limit=1000).json():
            rows += page
            start = page[-1][0] + 1
        return rows

    def chain(self, **params: Any) -> pd.DataFrame:
        answer = self.get("/api/series/bulk", index="day1", series=CHAIN, **params).json()
        columns = {name: series["data"] for name, series in zip(CHAIN.split(","), answer, strict=True)}
        return pd.DataFrame(columns).set_index("date").set_axis(pd.to_datetime(columns["date"]))


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture(scope="module")
def hours(vendor: Vendor) -> pd.Series:
    """Bitcoin's hourly closes by the end of the hour."""
    rows = vendor.klines("BTCUSDT", "1h")
    ends = pd.to_datetime([row[6] + 1 for row in rows], unit="ms")
    return pd.Series([float(row[4]) for row in rows], index=ends)


def at_close(vendor: Vendor, hours: pd.Series, symbol: str) -> pd.DataFrame:
    """Log returns between New York closes of a share and of Bitcoin."""
    bars = vendor.bars(symbol)
    ends = (
        pd.DatetimeIndex(bars.index + np.timedelta64(16, "h"))
        .tz_localize("America/New_York")
        .tz_convert("UTC")
        .tz_localize(None)
    )
    coin = hours.reindex(ends).to_numpy()
    return pd.DataFrame({"share": bars["close"], "coin": coin}, index=bars.index).dropna().apply(np.log).diff()


def rolling(returns: pd.DataFrame) -> pd.Series:
    return returns["share"].rolling(30).corr(returns["coin"])


def change(closes: pd.Series, since: str = "2026-01-14", until: str = "2026-02-11") -> float:
    return float(closes[until] / closes[since] - 1)


def fingerprint(as_of: datetime, seed: int) -> list[bytes]:
    vendor = Vendor(as_of, seed)
    return [
        vendor.get("/v8/finance/chart/NVDA", period1=0, period2=2_000_000_000, events="div,splits").content,
        vendor.get("/api/v3/klines", symbol="ETHUSDT", interval="1h", limit=1000).content,
        vendor.get("/api/series/bulk", index="day1", series=CHAIN).content,
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    assert fingerprint(NOW, 7) == fingerprint(NOW, 7)
    assert all(a != b for a, b in zip(fingerprint(NOW, 7), fingerprint(NOW, 8), strict=True))


def test_an_earlier_instant_sees_a_prefix_of_the_same_paths(vendor: Vendor) -> None:
    early = Vendor(datetime(2023, 5, 10, 20, 30, tzinfo=UTC))
    then, now = early.bars("CRM"), vendor.bars("CRM")
    assert then.index[-1] == pd.Timestamp("2023-05-10")
    pd.testing.assert_frame_equal(then, now[: len(then)])
    hourly, chain = early.klines("ETHUSDT", "1h"), early.chain()
    assert hourly[-1][6] == datetime(2023, 5, 10, 20, tzinfo=UTC).timestamp() * MS - 1
    assert hourly == vendor.klines("ETHUSDT", "1h")[: len(hourly)]
    assert chain.index[-1] == pd.Timestamp("2023-05-09")
    pd.testing.assert_frame_equal(chain.dropna(), vendor.chain().dropna()[: len(chain.dropna())])


def test_a_session_appears_when_it_has_closed() -> None:
    closing = datetime(2023, 5, 10, 20, 0, tzinfo=UTC)
    assert Vendor(closing).bars("SPY").index[-1] == pd.Timestamp("2023-05-10")
    assert Vendor(closing.replace(hour=19)).bars("SPY").index[-1] == pd.Timestamp("2023-05-09")


def test_yahoo_format(vendor: Vendor) -> None:
    response = vendor.get("/v8/finance/chart/^VIX", period1=0, period2=2_000_000_000)
    assert response.headers["X-Simulated"] == "yes"
    assert response.headers["Content-Type"].startswith("application/json")
    chart = vendor.chart("MSFT", period1=1_583_400_000, period2=1_583_800_000)
    # 2020-03-05 and 06 open at 14:30 UTC; New York's clocks go forward on the 8th.
    assert chart["timestamp"] == [1_583_418_600, 1_583_505_000, 1_583_760_600]
    assert chart["meta"]["dataGranularity"] == "1d"
    assert chart["meta"]["exchangeTimezoneName"] == "America/New_York"
    assert chart["meta"]["currentTradingPeriod"]["regular"]["end"] <= NOW.timestamp()
    assert {len(column) for column in chart["indicators"]["quote"][0].values()} == {3}
    assert "timestamp" not in vendor.chart("MSFT", period1=1_900_000_000)


def test_binance_format(vendor: Vendor) -> None:
    start, end = 1_577_923_200_000, 1_578_096_000_000
    page = vendor.get("/api/v3/klines", symbol="BTCUSDT", interval="1d", startTime=start, endTime=end).json()
    assert [(row[0], row[6]) for row in page] == [
        (start + 86_400_000 * i, start + 86_400_000 * (i + 1) - 1) for i in (0, 1, 2)
    ]
    assert {len(row) for row in page} == {12}
    assert all(isinstance(cell, str) for row in page for cell in row[1:6])
    assert len(vendor.get("/api/v3/klines", symbol="BTCUSDT", interval="1h").json()) == 500


def test_chain_format(vendor: Vendor) -> None:
    params = {"index": "day1", "series": "date,price", "start": "2020-01-01", "end": "2020-01-04"}
    dates, prices = vendor.get("/api/series/bulk", **params).json()
    assert dates["data"] == ["2020-01-01", "2020-01-02", "2020-01-03"]
    assert dates["start"] == (date(2020, 1, 1) - date(2009, 1, 1)).days
    assert prices["type"] == "Dollars"
    assert prices["data"][0] is None
    assert prices["data"][1] > 0


def test_what_is_not_simulated_is_unknown(vendor: Vendor) -> None:
    missing = vendor.get("/v8/finance/chart/ZZZZ")
    assert (missing.status_code, missing.json()["chart"]["error"]["code"]) == (404, "Not Found")
    coin = vendor.get("/api/v3/klines", symbol="ZZZUSDT", interval="1d")
    assert (coin.status_code, coin.json()["code"]) == (400, -1121)
    assert vendor.get("/api/series/bulk", index="day1", series="nothing").status_code == 404
    assert vendor.get("/elsewhere").status_code == 404


@pytest.mark.parametrize("symbol", [*SHARES, "^VIX"])
def test_share_bars_are_consistent(vendor: Vendor, symbol: str) -> None:
    bars = vendor.bars(symbol)
    assert len(bars) == 1569
    assert (bars.index[0].date(), bars.index[-1].date()) == (SAMPLE_START, SAMPLE_END)
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] > 0).all()
    assert symbol == "^VIX" or (bars["volume"] > 0).all()


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_days_are_aggregates_of_hours(vendor: Vendor, coin: str) -> None:
    by_day: dict[int, list[list[Any]]] = defaultdict(list)
    for row in vendor.klines(f"{coin}USDT", "1h"):
        by_day[row[0] // 86_400_000 * 86_400_000].append(row)
    days = vendor.klines(f"{coin}USDT", "1d")
    assert [row[0] for row in days] == list(by_day)
    for day in days:
        parts = [[Decimal(cell) for cell in row[1:6]] for row in by_day[day[0]]]
        opens, highs, lows, closes, volumes = zip(*parts, strict=True)
        assert [Decimal(x) for x in day[1:6]] == [opens[0], max(highs), min(lows), closes[-1], sum(volumes)]


@pytest.mark.parametrize("coin", COINS)
def test_coin_bars_are_consistent(vendor: Vendor, coin: str) -> None:
    rows = np.array([row[1:6] for row in vendor.klines(f"{coin}USDT", "1d")], dtype=float)
    assert len(rows) == (SAMPLE_END - SAMPLE_START).days + 1
    opened, high, low, close, volume = rows.T
    assert (low <= np.minimum(opened, close)).all()
    assert (high >= np.maximum(opened, close)).all()
    assert min(low.min(), volume.min()) > 0


def test_early_closes_are_sessions(vendor: Vendor) -> None:
    early = Vendor(datetime(2025, 11, 28, 18, tzinfo=UTC))
    assert early.bars("SPY").index[-1] == pd.Timestamp("2025-11-28")
    assert pd.Timestamp("2025-12-24") in vendor.bars("SPY").index
    assert pd.Timestamp("2025-12-25") not in vendor.bars("SPY").index


def test_adjusted_closes_follow_from_the_dividends(vendor: Vendor) -> None:
    chart, bars = vendor.chart("IBM"), vendor.bars("IBM")
    paid = {item["date"]: item["amount"] for item in chart["events"]["dividends"].values()}
    assert 22 <= len(paid) <= 25
    factor = np.ones(len(bars))
    for i, stamp in enumerate(chart["timestamp"]):
        if stamp in paid:
            factor[:i] *= 1 - paid[stamp] / bars["close"].iloc[i - 1]
    np.testing.assert_allclose(bars["adjclose"], bars["close"] * factor, atol=1e-6)


@pytest.mark.parametrize(("symbol", "day", "ratio"), [("NVDA", "2024-06-10", 10), ("AMZN", "2022-06-06", 20)])
def test_prices_are_on_the_share_basis_of_the_instant(vendor: Vendor, symbol: str, day: str, ratio: int) -> None:
    before = Vendor(datetime.fromisoformat(day).replace(tzinfo=UTC)).bars(symbol)
    after = vendor.bars(symbol)[: len(before)]
    np.testing.assert_allclose(before["close"], after["close"] * ratio, rtol=1e-9)
    np.testing.assert_allclose(before["volume"], after["volume"] / ratio, rtol=1e-4)
    splits = vendor.chart(symbol)["events"]["splits"].values()
    assert f"{ratio}:1" in [split["splitRatio"] for split in splits]


def test_crypto_falls_in_early_2026(hours: pd.Series) -> None:
    days = hours["2026-01-01":"2026-03-01"].resample("D").last()
    assert (days / days.rolling("28D").max() - 1).min() <= -0.30
    assert change(days) <= -0.30


@pytest.mark.parametrize("symbol", ["IGV", *SAAS])
def test_software_falls_in_early_2026(vendor: Vendor, symbol: str) -> None:
    assert -0.36 < change(vendor.bars(symbol)["close"]) < -0.25


@pytest.mark.parametrize("symbol", [*CHIPS, *HYPERSCALERS])
def test_chips_and_hyperscalers_fall_less(vendor: Vendor, symbol: str) -> None:
    assert -0.25 < change(vendor.bars(symbol)["close"]) < -0.15


def test_vix_rises_in_the_stress(vendor: Vendor) -> None:
    vix = vendor.bars("^VIX")["close"]
    assert vix["2026-01-20":"2026-02-20"].max() > 1.5 * vix["2025-11-01":"2026-01-10"].median()


def test_bitcoin_couples_to_software_in_the_stress(vendor: Vendor, hours: pd.Series) -> None:
    correlation = rolling(at_close(vendor, hours, "IGV"))
    assert correlation["2026-02-13"] > 0.5
    assert correlation["2026-02-13"] > correlation["2025-11"].max() + 0.25


def test_bitcoin_is_coupled_in_2022_and_decoupled_in_2023(vendor: Vendor, hours: pd.Series) -> None:
    correlation = rolling(at_close(vendor, hours, "QQQ"))
    assert correlation["2022-03":"2022-10"].mean() > 0.4
    calm = correlation["2023-04":"2023-12"] < 0.3
    assert calm.groupby((~calm).cumsum()).sum().max() >= 63
    assert change(vendor.bars("QQQ")["close"], "2021-12-30", "2022-10-14") < -0.25
    assert change(hours.resample("D").last(), "2021-12-30", "2022-10-14") < -0.4


def test_closes_in_step_correlate_more_than_calendar_days(vendor: Vendor, hours: pd.Series) -> None:
    aligned = at_close(vendor, hours, "QQQ")
    midnight = hours.reindex(aligned.index + pd.Timedelta(days=1)).to_numpy()
    naive = pd.Series(midnight, index=aligned.index).apply(np.log).diff()
    assert aligned["share"].corr(aligned["coin"]) > aligned["share"].corr(naive) + 0.03


def test_realized_losses_spike(vendor: Vendor) -> None:
    chain = vendor.chain(start="2020-01-02")
    assert chain["realized_loss_cumulative"].iloc[0] == 0
    week = chain["realized_loss_cumulative"].diff().rolling(7).mean()
    usual = chain["realized_loss_cumulative"].diff().rolling(365).median().shift(1)
    peak = str(week.idxmax())
    assert "2026-01-25" < peak < "2026-02-20"
    assert 5 < week[peak] / usual[peak] < 10
    summer = week["2022-05":"2022-08"].max()
    assert summer > 3 * usual["2022-05"].median()
    assert summer < 0.7 * week[peak]


def test_realized_cap_is_conserved(vendor: Vendor) -> None:
    chain = vendor.chain(start="2020-01-02")
    flows = chain.diff().iloc[1:]
    loss, profit = flows["realized_loss_cumulative"], flows["realized_profit_cumulative"]
    assert min(loss.min(), profit.min()) > 0
    issued = flows["supply"] * chain["price"].iloc[1:]
    gap = profit - loss + issued - flows["realized_cap"]
    assert (gap.abs() < 2e-4 * chain["realized_cap"].iloc[1:]).all()
    assert (loss >= -flows["realized_cap"] - 2e-4 * chain["realized_cap"].iloc[1:]).all()
    np.testing.assert_allclose(chain["realized_price"], chain["realized_cap"] / chain["supply"], atol=0.01)
    np.testing.assert_allclose(chain["market_cap"], chain["price"] * chain["supply"], atol=1)


def test_the_block_reward_halves(vendor: Vendor) -> None:
    mined = vendor.chain(start="2020-01-02")["supply"].diff().round(6)
    assert mined["2024-04-19"] == 144 * 6.25
    assert mined["2024-04-20"] == 144 * 3.125
