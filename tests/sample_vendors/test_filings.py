"""Companies' filings: periods, restatements, tags, share counts, and what they spend and earn."""

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.sample_vendors.vendor import CAPEX, CIKS, COMPANIES, COVER, EARLY, NOW, REVENUE, SAAS, ask


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
