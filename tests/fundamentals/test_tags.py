"""The tag that a company uses for a figure, as known then."""

import pytest

from tests.factories import Market
from tests.fundamentals.figures import (
    CONTRACTS,
    COST,
    COST_OF_GOODS,
    EQUIPMENT,
    PRODUCTIVE,
    REVENUES,
    SALES,
    WITH_TAX,
    figures,
    file,
    values,
)


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
