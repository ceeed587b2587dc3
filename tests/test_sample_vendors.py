"""The simulated sample market in the formats of the vendors beside Yahoo, Binance and BRK."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import requests

from pipelines.sources import SOURCES
from pipelines.sources.base import Outcome, Series, Window
from pipelines.sources.sample import SAMPLE_END, SIMULATED, SampleAdapter

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


def facts(symbol: str, tag: str, taxonomy: str = "us-gaap", as_of: datetime = NOW) -> list[dict[str, Any]]:
    document = ask(f"/api/xbrl/companyfacts/CIK{CIKS[symbol]}.json", as_of).json()["facts"]
    (found,) = document[taxonomy][tag]["units"].values()
    rows: list[dict[str, Any]] = found
    return rows


def first_filed(rows: list[dict[str, Any]]) -> dict[tuple[date, date], int]:
    """The figures by period as first filed."""
    rows = sorted(rows, key=lambda row: str(row["filed"]), reverse=True)
    return {(date.fromisoformat(row["start"]), date.fromisoformat(row["end"])): row["val"] for row in rows}


def months(start: date, end: date) -> int:
    return round((end - start).days / 30.4)


def quarters(figures: dict[tuple[date, date], int]) -> dict[date, int]:
    """Figures by the end of a quarter, from the year-to-date ones."""
    alone = {}
    for start in sorted({start for start, _ in figures}):
        ends = sorted(end for first, end in figures if first == start)
        before = 0
        for end in ends if months(start, ends[0]) == 3 else []:
            alone[end] = figures[start, end] - before
            before = figures[start, end]
    return alone


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


def test_candles_are_newest_first_with_low_and_high_before_open_and_close() -> None:
    rows = candles("2026-01-05T12:00:00Z", "2026-01-07T00:00:00Z")
    # The candle that contains the start comes as well.
    assert [row[0] for row in rows] == [unix("2026-01-07"), unix("2026-01-06"), unix("2026-01-05")]
    for _, low, high, opened, close, volume in rows:
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert volume > 0


def test_a_page_has_at_most_300_candles() -> None:
    assert len(candles("2025-01-01T00:00:00Z", "2025-01-13T11:00:00Z", 3600)) == 300
    refused = ask(CANDLES, granularity=3600, start="2025-01-01T00:00:00Z", end="2025-01-13T12:00:00Z")
    assert (refused.status_code, refused.json()["message"][-7:]) == (400, "eds 300")
    newest = ask(CANDLES, granularity=DAY).json()
    assert (len(newest), newest[0][0]) == (300, unix("2026-03-31"))
    assert ask("/products/SOL-USD/candles", granularity=DAY).status_code == 404


def test_a_candle_appears_when_it_has_ended() -> None:
    assert ask(CANDLES, EARLY, granularity=3600).json()[0][0] == unix("2023-05-10T19:00:00")
    assert ask(CANDLES, EARLY, granularity=DAY).json()[0][0] == unix("2023-05-09")
    before = candles("2023-05-09T00:00:00Z", "2023-05-10T19:00:00Z", 3600)
    assert ask(CANDLES, EARLY, granularity=3600).json()[: len(before)] == before


def test_daily_candles_are_aggregates_of_the_hourly_ones() -> None:
    hours = np.array(candles("2026-02-03T00:00:00Z", "2026-02-03T23:00:00Z", 3600)[::-1])
    (day,) = candles("2026-02-03T00:00:00Z", "2026-02-03T00:00:00Z")
    assert day[1:5] == [hours[:, 1].min(), hours[:, 2].max(), hours[0, 3], hours[-1, 4]]
    assert day[5] == pytest.approx(hours[:, 5].sum(), abs=0.001)


def test_dollars_and_tethers_differ_by_a_slowly_varying_spread() -> None:
    dollars = np.array([row[4] for row in candles("2025-08-01T00:00:00Z", "2026-03-31T00:00:00Z")[::-1]])
    params = {"symbol": "BTCUSDT", "interval": "1d", "startTime": unix("2025-08-01") * 1000}
    tethers = np.array([float(row[4]) for row in ask("/api/v3/klines", **params).json()])
    spread = dollars / tethers - 1
    assert 1e-4 < np.abs(spread).max() < 0.01
    # A few basis points to each side, and from one day to the next at most two.
    assert np.abs(np.diff(spread)).max() < 2e-4 < np.ptp(spread)


def test_market_cap_over_mvrv_is_the_realized_cap() -> None:
    rows = ask(METRICS, **ASKED[METRICS], start_time="2026-01-30", end_time="2026-02-03").json()["data"]
    assert [row["time"] for row in rows] == [
        f"2026-{day}T00:00:00.000000000Z" for day in ("01-30", "01-31", "02-01", "02-02", "02-03")
    ]
    assert {type(row[name]) for row in rows for name in ("PriceUSD", "CapMrktCurUSD", "CapMVRVCur")} == {str}
    realized = [float(row["CapMrktCurUSD"]) / float(row["CapMVRVCur"]) for row in rows]
    np.testing.assert_allclose(realized, chain("realized_cap", "2026-01-30")[:5], rtol=1e-9)
    assert [float(row["PriceUSD"]) for row in rows] == chain("price", "2026-01-30")[:5]


@pytest.mark.parametrize(
    ("paging_from", "pages"),
    [("start", ["01-30 01-31", "02-01 02-02", "02-03"]), ("end", ["02-02 02-03", "01-31 02-01", "01-30"])],
)
def test_coinmetrics_pages(paging_from: str, pages: list[str]) -> None:
    params = {"assets": "btc", "metrics": "PriceUSD", "start_time": "2026-01-30", "end_time": "2026-02-03"}
    found, token = [], {}
    for _ in pages:
        answer = ask(METRICS, **params, page_size=2, paging_from=paging_from, **token).json()
        found.append(" ".join(row["time"][5:10] for row in answer["data"]))
        token = {"next_page_token": answer.get("next_page_token")}
        assert ("next_page_url" in answer) == (token["next_page_token"] is not None)
    assert found == pages
    assert token == {"next_page_token": None}


def test_coinmetrics_refusals() -> None:
    paid = ask(METRICS, assets="btc", metrics="PriceUSD,CapRealUSD")
    assert (paid.status_code, paid.json()["error"]["type"]) == (403, "forbidden")
    for params in ({"assets": "zzz", "metrics": "PriceUSD"}, {"assets": "btc", "metrics": "Nothing"}):
        unknown = ask(METRICS, **params)
        assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "bad_parameter")


@pytest.mark.parametrize(
    ("kind", "field", "sign"), [("loss", "realizedLossUsd", -1), ("profit", "realizedProfitUsd", 1)]
)
def test_the_second_provider_gives_nearly_the_same_flows(kind: str, field: str, sign: int) -> None:
    rows = ask(f"/v1/realized-{kind}-usd", startday="2025-12-01", endday="2026-02-28").json()
    assert rows[0] | {field: ""} == {"d": "2025-12-01", "unixTs": unix("2025-12-01"), field: ""}
    assert len(rows) == 31 + 31 + 28
    theirs = np.array([float(row[field]) for row in rows])
    ours = np.diff(chain(f"realized_{kind}_cumulative", "2025-11-30"))[: len(rows)]
    ratio = sign * theirs / ours
    assert abs(ratio.mean() - 0.97) < 0.005
    assert 0 < ratio.std() < 0.02


def test_bgeometrics_pages_and_bounds() -> None:
    asked = {"startday": "2026-01-01", "endday": "2026-01-05", "size": 2}
    pages = [[row["d"][-2:] for row in ask("/v1/realized-loss-usd", **asked, page=n).json()] for n in range(4)]
    assert pages == [["01", "02"], ["03", "04"], ["05"], []]
    assert ask("/v1/realized-loss-usd", EARLY).json()[-1]["d"] == "2023-05-09"
    assert ask("/v1/realized-loss-usd", startday="2019-01-01", endday="2020-01-02").json() == []
    assert ask("/v1/realized-nothing").status_code == 404


def test_a_coin_at_midnight_is_worth_the_close_of_the_day_before() -> None:
    chart = ask(BITCOIN, **{"from": unix("2026-02-01"), "to": unix("2026-02-03")}).json()
    closes = chain("price", "2026-01-31")
    assert chart["prices"] == [[unix(f"2026-02-0{day}") * 1000, closes[day - 1]] for day in (1, 2, 3)]
    times = [[at for at, _ in chart[name]] for name in ("prices", "market_caps", "total_volumes")]
    assert times[0] == times[1] == times[2]
    assert min(value for _, value in chart["market_caps"]) > 1e12
    assert ask("/api/v3/coins/nothing/market_chart/range", **{"from": 0, "to": 1}).json() == {"error": "coin not found"}
    assert ask("/api/v3/simple/price").status_code == 404


def test_a_chart_ends_with_the_present() -> None:
    prices = ask(BITCOIN, EARLY, **{"from": unix("2023-05-09"), "to": unix("2023-05-11")}).json()["prices"]
    assert [at // 1000 for at, _ in prices] == [unix("2023-05-09"), unix("2023-05-10"), int(EARLY.timestamp())]
    hours = ask("/api/v3/klines", EARLY, symbol="BTCUSDT", interval="1h", limit=1).json()
    assert prices[-1][1] == float(hours[-1][4])


def test_the_whole_market_is_the_coins_and_a_bit_more() -> None:
    chart = ask(TOTAL, days="max").json()["market_cap_chart"]
    snapshot = ask("/api/v3/global").json()["data"]
    assert chart["market_cap"][0][0] == unix("2020-01-03") * 1000
    assert chart["market_cap"][-1] == [int(NOW.timestamp()) * 1000, snapshot["total_market_cap"]["usd"]]
    assert snapshot["updated_at"] == NOW.timestamp()
    bitcoin = ask(BITCOIN, **{"from": 0, "to": unix("2026-04-01")}).json()["market_caps"]
    share = np.array([cap for _, cap in bitcoin]) / np.array([cap for _, cap in chart["market_cap"]])
    assert 0.3 < share.min() < share.max() < 0.8
    assert snapshot["market_cap_percentage"]["btc"] == pytest.approx(100 * share[-1])
    year = ask(TOTAL, days=365).json()["market_cap_chart"]["market_cap"]
    assert year == chart["market_cap"][-366:]


def test_nobody_has_seen_the_market_before_its_first_hour() -> None:
    assert ask("/api/v3/global", datetime(2020, 1, 2, 0, 30, tzinfo=UTC)).status_code == 404
    assert ask(TOTAL, datetime(2019, 1, 2, tzinfo=UTC)).json()["market_cap_chart"]["market_cap"] == []


def test_index_levels_have_weekdays_without_a_session_empty() -> None:
    response = ask("/graph/fredgraph.csv", id="VIXCLS,SP500", cosd="2026-01-16", coed="2026-01-20")
    assert response.headers["Content-Type"] == "application/csv"
    header, *lines = response.text.splitlines()
    assert header == "observation_date,VIXCLS,SP500"
    # The 17th and 18th are a weekend, the 19th is Martin Luther King's day.
    assert [line.split(",")[0] for line in lines] == ["2026-01-16", "2026-01-19", "2026-01-20"]
    assert lines[1] == "2026-01-19,,"
    for symbol, column, points in (("^VIX", 1, 1), ("SPY", 2, 10)):
        params = {"period1": unix("2026-01-16"), "period2": unix("2026-01-21")}
        quote = ask(f"/v8/finance/chart/{symbol}", **params).json()["chart"]["result"][0]["indicators"]["quote"][0]
        levels = [float(lines[i].split(",")[column]) for i in (0, 2)]
        np.testing.assert_allclose(levels, np.array(quote["close"]) * points, atol=0.005)


def test_index_levels_appear_when_the_day_has_ended() -> None:
    assert ask("/graph/fredgraph.csv", EARLY, id="VIXCLS").text.splitlines()[-1].startswith("2023-05-09,")
    assert ask("/graph/fredgraph.csv", id="VIXCLS").text.splitlines()[-1].startswith("2026-03-31,")
    unknown = ask("/graph/fredgraph.csv", id="NOTHING")
    assert (unknown.status_code, unknown.text[0]) == (404, "<")


@pytest.mark.parametrize("symbol", COMPANIES)
def test_cash_flows_are_of_the_year_to_date_and_add_up(symbol: str) -> None:
    tag = "PaymentsToAcquireProductiveAssets" if symbol == "AMZN" else CAPEX
    figures = first_filed(facts(symbol, tag))
    lengths = Counter(months(start, end) for start, end in figures)
    assert set(lengths) == {3, 6, 9, 12}
    alone = quarters(figures)
    assert len(alone) >= 4 * 7
    assert min(alone.values()) > 0
    for start, end in figures:
        assert figures[start, end] == sum(value for at, value in alone.items() if start < at <= end) or end not in alone


@pytest.mark.parametrize("symbol", COMPANIES)
def test_income_is_of_the_quarter_and_the_year_to_date_but_for_the_last_quarter(symbol: str) -> None:
    figures = first_filed(facts(symbol, "Revenues" if symbol == "GOOGL" else REVENUE))
    # Of the first years shown not every quarter is: they are there as years before.
    years = [(start, end) for start, end in figures if months(start, end) == 12 and end.year >= 2020]
    assert len(years) in (6, 7)
    for start, end in years:
        inside = sorted(period for period in figures if start <= period[0] and period[1] <= end)
        alone = [period for period in inside if months(*period) == 3]
        assert [months(start, last) for _, last in alone] == [3, 6, 9]
        assert sum(figures[period] for period in alone) == figures[start, alone[-1][1]]
        assert figures[start, alone[-1][1]] < figures[start, end]


@pytest.mark.parametrize("symbol", COMPANIES)
def test_every_filing_shows_the_year_before_and_nothing_filed_later(symbol: str) -> None:
    rows = facts(symbol, "Revenues" if symbol == "GOOGL" else REVENUE, as_of=EARLY)
    assert max(row["filed"] for row in rows) <= "2023-05-09"
    assert min(row["filed"] for row in rows).startswith("2019-")
    for accession in {row["accn"] for row in rows}:
        ends = sorted({date.fromisoformat(row["end"]) for row in rows if row["accn"] == accession})
        filed = date.fromisoformat(next(row["filed"] for row in rows if row["accn"] == accession))
        assert [round((ends[1] - ends[0]).days / 365.25, 1), len(ends)] == [1.0, 2]
        assert 26 <= (filed - ends[1]).days <= 40
        assert filed.weekday() < 5
    later = facts(symbol, "Revenues" if symbol == "GOOGL" else REVENUE)
    assert [row for row in later if row["filed"] <= "2023-05-09"] == rows


def test_fiscal_years_end_in_their_own_months() -> None:
    ends = {}
    for symbol in COMPANIES:
        rows = facts(symbol, "Revenues" if symbol == "GOOGL" else REVENUE)
        ends[symbol] = {date.fromisoformat(row["end"]).month for row in rows if row["fp"] == "FY"}
    own = {"MSFT": 6, "AAPL": 9, "NVDA": 1, "CRM": 1, "ORCL": 5, "ADBE": 11, "INTU": 7}
    assert ends == {symbol: {own.get(symbol, 12)} for symbol in COMPANIES}


def test_one_figure_is_restated() -> None:
    restated = []
    for symbol in COMPANIES:
        by_period: dict[tuple[str, str], list[int]] = {}
        for row in facts(symbol, "Revenues" if symbol == "GOOGL" else REVENUE):
            by_period.setdefault((row["start"], row["end"]), []).append(row["val"])
        restated += [(symbol, *period, values) for period, values in by_period.items() if len(set(values)) > 1]
    ((symbol, start, end, (before, after)),) = restated
    assert (symbol, start, end) == ("WDAY", "2023-01-01", "2023-03-31")
    assert after == round(before * 1.01)


def test_cost_and_share_tags_are_those_of_each_company() -> None:
    for symbol in COMPANIES:
        document = ask(f"/api/xbrl/companyfacts/CIK{CIKS[symbol]}.json").json()
        assert document["entityName"] == f"{symbol} (simulated)"
        tags = set(document["facts"]["us-gaap"])
        cost = {"GOOGL": "CostOfRevenue", "META": "CostOfRevenue", "AMZN": "CostOfGoodsAndServicesSold"}
        assert cost.get(symbol, "GrossProfit") in tags
        assert ("GrossProfit" in tags) == (symbol not in cost)
        assert ("dei" in document["facts"]) == (symbol not in ("GOOGL", "META"))
        assert ("WeightedAverageNumberOfDilutedSharesOutstanding" in tags) == (symbol in ("GOOGL", "META"))


def test_an_abandoned_tag_stays_in_the_file() -> None:
    rows = facts("AMZN", CAPEX)
    assert max(row["end"] for row in rows) == "2017-03-31"
    assert min(row["end"] for row in facts("AMZN", "PaymentsToAcquireProductiveAssets")) > "2017-03-31"


@pytest.mark.parametrize(
    ("symbol", "day", "ratio"),
    [
        ("NVDA", "2024-06-10", 10),
        ("NVDA", "2021-07-20", 4),
        ("AMZN", "2022-06-06", 20),
        ("AAPL", "2020-08-31", 4),
    ],
)
def test_share_counts_are_on_the_basis_of_the_filing_day(symbol: str, day: str, ratio: int) -> None:
    rows = sorted(facts(symbol, COVER, "dei"), key=lambda row: str(row["filed"]))
    steps = {b["filed"]: b["val"] / a["val"] for a, b in pairwise(rows)}
    crossing = min(filed for filed in steps if filed >= day)
    assert steps[crossing] == pytest.approx(ratio, rel=0.02)
    assert all("start" not in row and row["end"] < row["filed"] for row in rows)


def test_average_share_counts_of_the_year_before_are_on_the_new_basis() -> None:
    rows = [r for r in facts("GOOGL", "WeightedAverageNumberOfDilutedSharesOutstanding") if r["end"] == "2021-06-30"]
    first, second = sorted((r["filed"], r["val"]) for r in rows if r["start"] == "2021-04-01")
    # The second filing is of July 2022, after the split of 20 to 1.
    assert (first[0][:4], second[0][:7]) == ("2021", "2022-07")
    assert second[1] == pytest.approx(20 * first[1], rel=1e-6)


def test_hyperscalers_spend_over_200_billion_in_2025() -> None:
    spent: dict[int, int] = {}
    for symbol in ("MSFT", "GOOGL", "META"):
        for end, value in quarters(first_filed(facts(symbol, CAPEX))).items():
            spent[end.year] = spent.get(end.year, 0) + value
    assert spent[2025] > 200e9
    assert spent[2025] / spent[2024] > 1.3 < spent[2024] / spent[2023]


@pytest.mark.parametrize("symbol", SAAS)
def test_software_margins_fall_and_growth_slows(symbol: str) -> None:
    revenue, profit = (first_filed(facts(symbol, tag)) for tag in (REVENUE, "GrossProfit"))
    years = sorted((end, revenue[start, end], profit[start, end]) for start, end in revenue if months(start, end) == 12)
    margin = {end.year: gross / total for end, total, gross in years}
    total = {end.year: value for end, value, _ in years}
    assert -0.04 < margin[2025] - margin[2020] < -0.002
    assert 1 < total[2025] / total[2024] < total[2023] / total[2022]


def test_an_unknown_company_is_not_found() -> None:
    missing = ask("/api/xbrl/companyfacts/CIK0000000001.json")
    assert (missing.status_code, missing.headers["Content-Type"], missing.text[:5]) == (404, "application/xml", "<?xml")


def test_models_are_marked_as_simulated_and_appear_when_released() -> None:
    models = ask("/models.json").json()
    assert len(models) == 40
    assert all(key == entry["id"] and entry["name"].startswith("Simulated model ") for key, entry in models.items())
    assert {key.split("/")[0] for key in models} == {"lab-a", "lab-b", "lab-c", "lab-d"}
    lengths = Counter(len(entry.get("release_date", "")) for entry in models.values())
    assert lengths == {10: 37, 7: 1, 0: 2}
    days = [entry["release_date"] for entry in models.values() if len(entry.get("release_date", "")) == 10]
    assert days == sorted(days)
    assert "2022-12" <= days[0] < days[-1] <= "2026-03-31"
    early = ask("/models.json", EARLY).json()
    assert 0 < len(early) < 40
    assert max(entry.get("release_date", "") for entry in early.values()) <= "2023-05-09"
    assert early.items() <= models.items()


def test_answers_are_complete_documents() -> None:
    for path, params in ASKED.items():
        response = ask(path, NOW + timedelta(days=400), **params)
        assert response.status_code == 200
        assert path.endswith(".csv") or json.loads(response.text)
