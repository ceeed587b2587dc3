"""A figure that is filed again with another value keeps both, each as it was known."""

from tests.factories import Market, stamp
from tests.fundamentals.figures import EQUIPMENT, REVENUES, figures, file, values


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
