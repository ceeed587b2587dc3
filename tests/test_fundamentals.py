"""Quarters and years from filings, each as it was known; amounts are in millions unless said otherwise."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, stamp
from tests.test_shares_outstanding import filing

EQUIPMENT = "us-gaap:PaymentsToAcquirePropertyPlantAndEquipment"
PRODUCTIVE = "us-gaap:PaymentsToAcquireProductiveAssets"
CONTRACTS = "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax"
REVENUES = "us-gaap:Revenues"
WITH_TAX = "us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax"
SALES = "us-gaap:SalesRevenueNet"
PROFIT = "us-gaap:GrossProfit"
COST = "us-gaap:CostOfRevenue"
COST_OF_GOODS = "us-gaap:CostOfGoodsAndServicesSold"


def file(market, symbol, filed, *facts, **options):
    """One filing's facts in USD."""
    return filing(market, symbol, filed, facts, unit="USD", **options)


def figures(market, symbol="AAPL", item="capex", period="quarter", where="true"):
    """Rows of one figure by the end of its period."""
    key = f"symbol = '{symbol}' and item = '{item}' and period = '{period}'"
    return market.table("core.fundamentals", f"{key} and ({where})")


def values(found):
    """(end of period, value, first day known) of each row."""
    ends, starts = found["period_end"].dt.date.astype(str), found["known_from"].dt.date.astype(str)
    return list(zip(ends, found["value_usd"], starts, strict=True))


def apple(as_of="2026-02-05"):
    """Apple's property and equipment of fiscal 2025 as filed: year to date."""
    market, start = Market(as_of), "2024-09-29"
    file(market, "AAPL", "2025-01-31", (EQUIPMENT, start, "2024-12-28", 2_940))
    file(market, "AAPL", "2025-05-02", (EQUIPMENT, start, "2025-03-29", 6_011))
    file(market, "AAPL", "2025-08-01", (EQUIPMENT, start, "2025-06-28", 9_473))
    file(market, "AAPL", "2025-10-31", (EQUIPMENT, start, "2025-09-27", 12_715), form="10-K")
    # The comparative of the year before comes again, with the new quarter.
    again = (EQUIPMENT, start, "2024-12-28", 2_940)
    return file(market, "AAPL", "2026-01-30", again, (EQUIPMENT, "2025-09-28", "2025-12-27", 2_373))


# Quarters out of year-to-date figures.


def test_quarters_are_differences_of_year_to_date_figures():
    found = figures(apple())
    # 6,011 - 2,940 = 3,071; 9,473 - 6,011 = 3,462; 12,715 - 9,473 = 3,242.
    assert values(found) == [
        ("2024-12-28", 2_940, "2025-02-01"),
        ("2025-03-29", 3_071, "2025-05-03"),
        ("2025-06-28", 3_462, "2025-08-02"),
        ("2025-09-27", 3_242, "2025-11-01"),
        ("2025-12-27", 2_373, "2026-01-31"),
    ]
    assert list(found["method"]) == ["reported", "difference", "difference", "difference", "reported"]
    starts = ["2024-09-29", "2024-12-29", "2025-03-30", "2025-06-29", "2025-09-28"]
    assert list(found["period_start"]) == [stamp(day) for day in starts]
    assert not found["vintages_differ"].any()
    assert found["is_latest"].all()


def test_the_year_is_reported_and_equals_its_quarters():
    year = figures(apple(), period="year")
    assert values(year) == [("2025-09-27", 12_715, "2025-11-01")]
    assert list(year["period_start"]) == [stamp("2024-09-29")]
    assert figures(apple())["value_usd"][:4].sum() == 12_715


def test_fourth_quarter_is_known_only_from_the_annual_report():
    before, after = figures(apple("2025-10-30")), figures(apple("2025-10-31"))
    assert list(before["period_end"])[-1] == stamp("2025-06-28")
    assert values(after)[-1] == ("2025-09-27", 3_242, "2025-11-01")


def test_a_reported_quarter_goes_before_a_difference():
    market, start = Market("2025-12-31"), "2025-01-01"
    file(market, "AAPL", "2025-05-01", (CONTRACTS, start, "2025-03-31", 100))
    half, quarter = (CONTRACTS, start, "2025-06-30", 221), (CONTRACTS, "2025-04-01", "2025-06-30", 120)
    file(market, "AAPL", "2025-08-01", half, quarter)
    found = figures(market, item="revenue")
    assert list(found["value_usd"]) == [100, 120]
    assert list(found["method"]) == ["reported", "reported"]


def test_a_difference_waits_for_both_figures():
    market = Market("2025-12-31")
    file(market, "AAPL", "2025-08-01", (EQUIPMENT, "2025-01-01", "2025-06-30", 221))
    assert figures(market).empty
    file(market, "AAPL", "2025-09-01", (EQUIPMENT, "2025-01-01", "2025-03-31", 100))
    assert values(figures(market))[-1] == ("2025-06-30", 121, "2025-09-02")


def test_a_missing_nine_months_figure_leaves_the_fourth_quarter_out():
    market, start = Market("2025-12-31"), "2024-01-01"
    file(market, "AAPL", "2024-08-01", (EQUIPMENT, start, "2024-06-30", 200))
    file(market, "AAPL", "2025-02-01", (EQUIPMENT, start, "2024-12-31", 440), form="10-K")
    assert figures(market).empty


def test_a_difference_as_long_as_no_quarter_is_none():
    market = Market("2025-12-31")
    file(market, "AAPL", "2024-09-01", (EQUIPMENT, "2024-01-01", "2024-08-22", 300))
    file(market, "AAPL", "2025-02-01", (EQUIPMENT, "2024-01-01", "2024-12-31", 440), form="10-K")
    assert figures(market).empty


@pytest.mark.parametrize(
    ("other_start", "second_quarter"),
    [("2019-12-29", 60), ("2020-01-05", 60), ("2019-12-22", 60), ("2020-01-06", None), ("2019-12-21", None)],
)
def test_starts_of_a_year_may_be_dated_seven_days_apart(other_start, second_quarter):
    market = Market("2020-12-31")
    file(market, "AMD", "2020-04-29", (EQUIPMENT, "2019-12-29", "2020-03-28", 50))
    file(market, "AMD", "2020-07-29", (EQUIPMENT, other_start, "2020-06-27", 110))
    found = figures(market, "AMD", where="period_end = date '2020-06-27'")
    assert list(found["value_usd"]) == ([second_quarter] if second_quarter else [])


def test_a_start_dated_otherwise_later_is_the_same_period():
    market = Market("2021-12-31")
    file(market, "AMD", "2020-04-29", (EQUIPMENT, "2019-12-29", "2020-03-28", 50))
    file(market, "AMD", "2021-04-29", (EQUIPMENT, "2020-01-01", "2020-03-28", 50))
    assert len(figures(market, "AMD")) == 1


def test_years_of_53_weeks_are_years_and_their_last_quarter_has_14_weeks():
    # Fiscal 2023 of Apple: 371 days from 2022-09-25; its first quarter had 14 weeks.
    market, start = Market("2023-12-31"), "2022-09-25"
    file(market, "AAPL", "2023-02-03", (EQUIPMENT, start, "2022-12-31", 3_787))
    file(market, "AAPL", "2023-08-04", (EQUIPMENT, start, "2023-07-01", 8_796))
    file(market, "AAPL", "2023-11-03", (EQUIPMENT, start, "2023-09-30", 10_959), form="10-K")
    assert values(figures(market, period="year"))[0][:2] == ("2023-09-30", 10_959)
    assert [row[:2] for row in values(figures(market))] == [("2022-12-31", 3_787), ("2023-09-30", 2_163)]


@pytest.mark.parametrize(
    ("days", "period"),
    [
        (69, None),
        (70, "quarter"),
        (120, "quarter"),
        (121, None),
        (181, None),
        (329, None),
        (330, "year"),
        (380, "year"),
        (381, None),
    ],
)
def test_the_length_tells_quarters_from_years(days, period):
    end = stamp("2024-12-31")
    fact = (EQUIPMENT, end - pd.Timedelta(days=days), end, 1)
    market = file(Market("2025-12-31"), "AAPL", "2025-02-01", fact, form="10-K")
    assert list(market.table("core.fundamentals")["period"]) == ([period] if period else [])


def test_trailing_twelve_months_of_a_quarterly_report_are_no_year():
    market = Market("2025-12-31")
    file(market, "AMZN", "2025-08-01", (PRODUCTIVE, "2024-07-01", "2025-06-30", 107_656))
    assert market.table("core.fundamentals").empty
    file(market, "AMZN", "2025-08-02", (PRODUCTIVE, "2024-07-01", "2025-06-30", 107_656), form="10-K")
    assert len(figures(market, "AMZN", period="year")) == 1


def test_figures_in_another_unit_are_left_out():
    market = filing(
        Market("2025-12-31"), "AAPL", "2025-02-01", [(EQUIPMENT, "2024-09-29", "2024-12-28", 1)], unit="EUR"
    )
    assert market.table("core.fundamentals").empty


# Restatements.


def restated(as_of):
    market = Market(as_of)
    first, second = (REVENUES, "2016-09-25", "2017-09-30", 395), (REVENUES, "2017-10-01", "2018-09-29", 600)
    file(market, "AAPL", "2017-11-03", first, form="10-K")
    return file(market, "AAPL", "2018-11-05", (*first[:3], 521), second, form="10-K")


def test_a_restated_year_keeps_both_values():
    found = figures(restated("2019-12-31"), item="revenue", period="year", where="period_end < '2018-01-01'")
    assert values(found) == [("2017-09-30", 395, "2017-11-04"), ("2017-09-30", 521, "2018-11-06")]
    assert list(found["is_latest"]) == [False, True]
    assert list(found["filed_date"]) == [stamp("2017-11-03"), stamp("2018-11-05")]


def test_before_the_restatement_the_first_value_is_all_there_is():
    found = figures(restated("2018-11-04"), item="revenue", period="year")
    assert list(found["value_usd"]) == [395]
    assert list(found["is_latest"]) == [True]


def test_a_filing_that_repeats_the_value_adds_no_row():
    market = Market("2025-12-31")
    for year, value in [(2021, 10), (2022, 10), (2023, 12), (2024, 12), (2025, 10)]:
        file(market, "AAPL", f"{year}-10-31", (EQUIPMENT, "2020-09-27", "2021-09-25", value), form="10-K")
    found = figures(market, period="year")
    assert [(value, day) for _, value, day in values(found)] == [
        (10, "2021-11-01"),
        (12, "2023-11-01"),
        (10, "2025-11-01"),
    ]


def test_of_two_filings_of_one_day_the_later_accession_counts():
    market = Market("2025-12-31")
    for accession, value in [("25-1", 10), ("25-3", 30), ("25-2", 20)]:
        file(market, "AAPL", "2025-02-01", (EQUIPMENT, "2024-09-29", "2024-12-28", value), accession=accession)
    assert list(figures(market)["value_usd"]) == [30]


def test_a_difference_follows_a_restatement_and_says_so():
    market = Market("2025-12-31")
    first, half = (EQUIPMENT, "2024-01-01", "2024-03-31"), (EQUIPMENT, "2024-01-01", "2024-06-30")
    file(market, "AAPL", "2024-05-01", (*first, 100))
    file(market, "AAPL", "2024-08-01", (*half, 210))
    file(market, "AAPL", "2025-05-01", (*first, 90))
    file(market, "AAPL", "2025-08-01", (*half, 195))
    found = figures(market, where="period_end = date '2024-06-30'")
    # 210 - 100; 210 - 90, the half year still as it was; 195 - 90.
    assert values(found) == [
        ("2024-06-30", 110, "2024-08-02"),
        ("2024-06-30", 120, "2025-05-02"),
        ("2024-06-30", 105, "2025-08-02"),
    ]
    assert list(found["vintages_differ"]) == [False, True, True]


def test_a_restated_year_less_nine_months_as_first_filed_says_so():
    market = Market("2025-12-31")
    year = (EQUIPMENT, "2023-01-01", "2023-12-31")
    file(market, "AAPL", "2023-11-01", (EQUIPMENT, "2023-01-01", "2023-09-30", 300))
    file(market, "AAPL", "2024-02-01", (*year, 400), form="10-K")
    file(market, "AAPL", "2025-02-01", (*year, 450), form="10-K")
    found = figures(market)
    assert list(found["value_usd"]) == [100, 150]
    assert list(found["vintages_differ"]) == [False, True]


def test_one_filing_that_restates_both_figures_is_one_vintage():
    market = Market("2025-12-31")
    first, half = (EQUIPMENT, "2024-01-01", "2024-03-31"), (EQUIPMENT, "2024-01-01", "2024-06-30")
    file(market, "AAPL", "2024-05-01", (*first, 100))
    file(market, "AAPL", "2024-08-01", (*half, 210))
    file(market, "AAPL", "2024-09-01", (*first, 90), (*half, 195), form="10-Q/A")
    found = figures(market, where="period_end = date '2024-06-30'")
    assert list(found["value_usd"]) == [110, 105]
    assert list(found["vintages_differ"]) == [False, False]


# Tags.


def amazon():
    """Amazon's way: another tag from the half year of 2017 on, the old one never used again."""
    market = Market("2019-12-31")
    file(market, "AMZN", "2017-04-28", (EQUIPMENT, "2017-01-01", "2017-03-31", 1_861))
    file(market, "AMZN", "2017-07-28", (PRODUCTIVE, "2017-01-01", "2017-06-30", 4_500))
    file(market, "AMZN", "2018-04-27", (PRODUCTIVE, "2017-01-01", "2017-03-31", 2_000))
    return file(market, "AMZN", "2018-04-27", (PRODUCTIVE, "2018-01-01", "2018-03-31", 3_100), accession="18-2")


def test_a_tag_that_a_company_stopped_using_loses():
    found = figures(amazon(), "AMZN")
    assert values(found) == [
        ("2017-03-31", 1_861, "2017-04-29"),
        ("2017-03-31", 2_000, "2018-04-28"),
        # Of the new tag alone: 4,500 - 2,000, never 4,500 - 1,861.
        ("2017-06-30", 2_500, "2018-04-28"),
        ("2018-03-31", 3_100, "2018-04-28"),
    ]
    assert list(found["tag"]) == [EQUIPMENT, PRODUCTIVE, PRODUCTIVE, PRODUCTIVE]
    assert list(found["is_latest"]) == [False, True, True, True]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([SALES, WITH_TAX, REVENUES, CONTRACTS], CONTRACTS),
        ([SALES, WITH_TAX, REVENUES], REVENUES),
        ([SALES, WITH_TAX], WITH_TAX),
        ([SALES], SALES),
    ],
)
def test_tags_of_equally_new_periods_go_in_their_order(tags, expected):
    facts = [(tag, "2024-01-01", "2024-12-31", n) for n, tag in enumerate(tags)]
    found = figures(
        file(Market("2025-12-31"), "AAPL", "2025-02-01", *facts, form="10-K"), item="revenue", period="year"
    )
    assert list(found["tag"]) == [expected]


@pytest.mark.parametrize(
    ("tags", "item"), [((PRODUCTIVE, EQUIPMENT), "capex"), ((COST_OF_GOODS, COST), "cost_of_revenue")]
)
def test_the_order_of_the_other_items(tags, item):
    facts = [(tag, "2024-01-01", "2024-12-31", 1) for tag in tags]
    found = figures(file(Market("2025-12-31"), "AAPL", "2025-02-01", *facts, form="10-K"), item=item, period="year")
    assert list(found["tag"]) == [tags[1]]


def test_the_tag_is_chosen_as_known_then():
    market, year = Market("2022-12-31"), ("2020-01-01", "2020-12-31")
    file(market, "GOOGL", "2021-02-03", (CONTRACTS, *year, 100), (REVENUES, *year, 101), form="10-K")
    file(market, "GOOGL", "2022-02-02", (REVENUES, "2021-01-01", "2021-12-31", 130), form="10-K")
    found = figures(market, "GOOGL", "revenue", "year")
    # From the second report on, the other tag is the one in use, for the year before too.
    assert values(found) == [
        ("2020-12-31", 100, "2021-02-04"),
        ("2020-12-31", 101, "2022-02-03"),
        ("2021-12-31", 130, "2022-02-03"),
    ]


def test_a_filing_about_an_old_year_does_not_make_its_tag_old():
    market, year = Market("2022-12-31"), ("2020-01-01", "2020-12-31")
    file(market, "GOOGL", "2021-02-03", (CONTRACTS, *year, 100), (REVENUES, *year, 101), form="10-K")
    file(market, "GOOGL", "2021-03-03", (CONTRACTS, "2019-01-01", "2019-12-31", 90), form="10-K/A")
    found = figures(market, "GOOGL", "revenue", "year")
    assert [row[:2] for row in values(found)] == [("2019-12-31", 90), ("2020-12-31", 100)]


def test_another_company_does_not_decide_which_tag_is_in_use():
    market, year = Market("2022-12-31"), ("2020-01-01", "2020-12-31")
    file(market, "GOOGL", "2021-02-03", (CONTRACTS, *year, 100), (REVENUES, *year, 101), form="10-K")
    file(market, "META", "2022-02-02", (REVENUES, "2021-01-01", "2021-12-31", 130), form="10-K")
    assert list(figures(market, "GOOGL", "revenue", "year")["value_usd"]) == [100]


# Gross profit.


def profits(*filings):
    market, year = Market("2026-12-31"), ("2024-01-01", "2024-12-31")
    for filed, *facts in filings:
        file(market, "META", filed, *((tag, *year, value) for tag, value in facts), form="10-K")
    return figures(market, "META", "gross_profit", "year")


def test_gross_profit_is_derived_where_it_is_not_tagged():
    found = profits(("2025-01-30", (REVENUES, 164_501), (COST, 30_161)))
    assert values(found) == [("2024-12-31", 134_340, "2025-01-31")]
    assert list(found["method"]) == ["derived"]
    assert list(found["tag"]) == [f"{REVENUES} - {COST}"]


def test_reported_gross_profit_goes_first():
    found = profits(("2025-01-30", (REVENUES, 164_501), (COST, 30_161), (PROFIT, 134_000)))
    assert list(found["value_usd"]) == [134_000]
    assert list(found["method"]) == ["reported"]


def test_derived_gross_profit_waits_for_both_and_follows_both():
    found = profits(
        ("2025-01-30", (REVENUES, 100)),
        ("2025-02-10", (COST, 40)),
        ("2025-03-10", (COST, 45)),
        ("2025-04-10", (REVENUES, 110)),
        ("2025-05-10", (REVENUES, 120), (COST, 55)),
        ("2025-06-10", (PROFIT, 66)),
        ("2025-07-10", (COST, 50)),
    )
    # 100 - 40, 100 - 45, 110 - 45; 120 - 55 is 65 again and adds none; once reported, it stays reported.
    assert [(value, day) for _, value, day in values(found)] == [
        (60, "2025-02-11"),
        (55, "2025-03-11"),
        (65, "2025-04-11"),
        (66, "2025-06-11"),
    ]
    assert list(found["method"]) == ["derived", "derived", "derived", "reported"]


def test_quarters_of_derived_gross_profit_are_of_derived_quarters():
    market = Market("2025-12-31")
    for filed, end, revenue, cost, form in [
        ("2024-10-30", "2024-09-30", 300, 120, "10-Q"),
        ("2025-02-05", "2024-12-31", 420, 170, "10-K"),
    ]:
        file(market, "META", filed, (REVENUES, "2024-01-01", end, revenue), (COST, "2024-01-01", end, cost), form=form)
    found = figures(market, "META", "gross_profit")
    # Revenue 420 - 300 less cost 170 - 120.
    assert values(found) == [("2024-12-31", 70, "2025-02-06")]
    assert list(found["method"]) == ["derived"]


# Calendar quarters.


@pytest.mark.parametrize(
    ("end", "quarter"),
    [
        ("2025-06-30", "2025-06-30"),
        ("2025-01-26", "2024-12-31"),
        ("2025-09-27", "2025-09-30"),
        ("2025-05-31", "2025-06-30"),
        ("2025-10-31", "2025-09-30"),
    ],
)
def test_calendar_quarter_of_the_companies_calendars(end, quarter):
    fact = (REVENUES, stamp(end) - pd.Timedelta(days=90), end, 1)
    found = file(Market("2026-12-31"), "NVDA", "2025-12-31", fact).table("core.fundamentals")
    assert list(found["calendar_quarter"]) == [stamp(quarter)]


def test_calendar_quarter_is_the_nearest_of_any_day():
    ends = pd.date_range("2023-01-01", "2025-12-31")
    facts = [(REVENUES, end - pd.Timedelta(days=90), end, 1) for end in ends]
    found = file(Market("2026-12-31"), "NVDA", "2026-02-01", *facts).table("core.fundamentals")
    quarter_ends = pd.date_range("2022-09-30", "2026-06-30", freq="QE").to_numpy()
    distances = np.abs(found["period_end"].to_numpy()[:, None] - quarter_ends)
    chosen = np.abs(found["period_end"] - found["calendar_quarter"]).to_numpy()
    assert len(found) == len(ends)
    assert (chosen == distances.min(axis=1)).all()
    assert set(found["calendar_quarter"]) <= set(quarter_ends)


# What was known when, on simulated filings: against a plain computation, and against history cut short.

ENDS = {1: "03-31", 2: "06-30", 3: "09-30", 4: "12-31"}
FILED = {1: "05-01", 2: "08-01", 3: "11-01", 4: "02-15"}
LAST = "2023-06-30"
COMPANIES = ["AAPL", "META", "AMZN"]
CUTS = ["2020-05-01", "2020-10-31", "2021-02-14", "2021-02-15", "2022-08-01", "2023-02-15"]


def simulated_filings(seed):
    """(symbol, filed, form, facts) of three companies: year to date, as the newest filing has it."""
    rng = np.random.default_rng(seed)
    for symbol in COMPANIES:
        tags = [EQUIPMENT, PRODUCTIVE, CONTRACTS, REVENUES, COST, *([PROFIT] if symbol == "AAPL" else [])]
        amounts = {tag: rng.integers(100, 900, (6, 4)).cumsum(axis=1) for tag in tags}
        for year, quarter in product(range(2019, 2024), ENDS):
            used = [tag for tag in tags if rng.random() < 0.7]
            facts = [f for tag in used for f in simulated_facts(rng, tag, amounts[tag], year, quarter)]
            filed = f"{year + (quarter == 4)}-{FILED[quarter]}"
            if facts and filed <= LAST:
                yield symbol, filed, "10-K" if quarter == 4 else "10-Q", facts


def simulated_facts(rng, tag, amounts, year, quarter):
    """A tag's figures in one filing: this year's and the comparative, some restated, some with the quarter."""
    for told in (year - 1, year):
        end = f"{told}-{ENDS[quarter]}"
        if rng.random() < 0.15:
            amounts[told - 2018, quarter - 1] += rng.integers(1, 50)
        yield tag, f"{told}-01-01", end, amounts[told - 2018, quarter - 1]
        if quarter in (2, 3) and tag not in (EQUIPMENT, PRODUCTIVE) and rng.random() < 0.7:
            start = stamp(f"{told}-{ENDS[quarter - 1]}") + pd.Timedelta(days=1)
            yield tag, str(start.date()), end, rng.integers(100, 900)


def simulated(last, seed):
    market = Market(last, since="2018-01-01")
    for symbol, filed, form, facts in simulated_filings(seed):
        file(market, symbol, filed, *facts, form=form)
    return market.table("core.fundamentals")


@pytest.fixture(scope="module", params=range(2))
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def whole(seed):
    return simulated(LAST, seed)


@pytest.mark.parametrize("day", CUTS)
def test_what_was_known_does_not_depend_on_what_came_later(day, whole, seed):
    then = simulated(day, seed)
    past = whole[whole["filed_date"] <= stamp(day)].reset_index(drop=True)
    assert 0 < len(then) < len(whole)
    pd.testing.assert_frame_equal(then.drop(columns="is_latest"), past.drop(columns="is_latest"))
    assert (then.groupby(["symbol", "item", "period", "period_end"])["is_latest"].sum() == 1).all()


TAGS = {
    "capex": [EQUIPMENT, PRODUCTIVE],
    "revenue": [CONTRACTS, REVENUES],
    "cost_of_revenue": [COST],
    "gross_profit": [PROFIT],
}


def plain(filings):
    """Value by item, period and end after one company's filings so far, in the words of the definition."""
    facts, found = {}, {}
    for _, _, _, rows in filings:
        for tag, start, end, value in rows:
            facts.setdefault(tag, {})[start, end] = value
    for item, tags in TAGS.items():
        used = [tag for tag in reversed(tags) if tag in facts]
        for tag in sorted(used, key=lambda tag: max(end for _, end in facts[tag])):
            found |= {(item, *key): value for key, value in periods_of(facts[tag]).items()}
    for item, *key in list(found):
        if item == "revenue" and ("cost_of_revenue", *key) in found:
            found.setdefault(("gross_profit", *key), found["revenue", *key] - found["cost_of_revenue", *key])
    return found


def periods_of(facts):
    """Quarters and years of one tag."""
    found = {}
    for (start, end), value in facts.items():
        first = f"{end[:4]}-01-01"
        quarter = next(q for q, day in ENDS.items() if end.endswith(day))
        before = facts.get((first, f"{end[:4]}-{ENDS.get(quarter - 1)}"))
        if quarter == 4:
            found["year", end] = value
        if start == first and before is not None:
            found["quarter", end] = value - before
        if quarter == 1:
            found["quarter", end] = value
    reported = {("quarter", end): value for (start, end), value in facts.items() if not start.endswith("-01-01")}
    return found | reported


@pytest.mark.parametrize("symbol", COMPANIES)
def test_values_known_after_each_filing_are_those_of_a_plain_computation(symbol, whole, seed):
    filings = [filing for filing in simulated_filings(seed) if filing[0] == symbol]
    compared = 0
    for n, (_, filed, _, _) in enumerate(filings, start=1):
        known = whole[(whole["symbol"] == symbol) & (whole["filed_date"] <= stamp(filed))]
        known = known.groupby(["item", "period", "period_end"], as_index=False).last()
        found = {(row.item, row.period, str(row.period_end.date())): row.value_usd for row in known.itertuples()}
        assert found == plain(filings[:n])
        compared += len(found)
    assert compared > 500
