"""Market value against revenue as it was known; amounts are in millions."""

from itertools import pairwise

import pandas as pd
import pytest

from pipelines.audit import checks_of, run_check
from tests.factories import Market, nulls, sessions_of, stamp
from tests.fundamentals.figures import COST, PROFIT, REVENUES, file
from tests.test_shares_outstanding import filing, on_cover

NAME = "marts.valuations"
SESSIONS = sessions_of("2024-01-02", "2025-12-31")
QUARTERS = [("2023-01-01", "2023-03-31", "2023-05-01"), ("2023-04-01", "2023-06-30", "2023-08-01")]
QUARTERS += [("2023-07-01", "2023-09-30", "2023-11-01"), ("2023-10-01", "2023-12-31", "2024-02-15")]
QUARTERS += [("2024-01-01", "2024-03-31", "2024-05-01"), ("2024-04-01", "2024-06-30", "2024-08-01")]
QUARTERS += [("2024-07-01", "2024-09-30", "2024-11-01"), ("2024-10-01", "2024-12-31", "2025-02-14")]
REVENUE = [100, 110, 120, 130, 140, 150, 160, 170]


def valuations(market, symbol="CRM"):
    """Rows of one symbol by session; the checks hold."""
    found = market.table(NAME, f"symbol = '{symbol}'")
    for check in checks_of(NAME):
        assert run_check(market.warehouse, check).passed, check.name
    return found.set_index("date")


def quarterly(market, symbol="CRM", amounts=REVENUE, tag=REVENUES, quarters=QUARTERS):
    """A company's quarters as filed."""
    for (start, end, filed), amount in zip(quarters, amounts, strict=False):
        file(market, symbol, filed, (tag, start, end, amount), accession=f"{symbol} {filed} {tag}")
    return market


def priced(market, symbol="CRM", value=4_600, sessions=SESSIONS):
    """A company of one share, worth so much at every close."""
    filing(market, symbol, "2020-01-02", [on_cover("2020-01-01", 1e6)])
    return market.bars(symbol, sessions, [value / 1e6] * len(sessions))


@pytest.fixture
def company():
    return priced(quarterly(Market("2025-12-31")))


# Twelve months.


def test_revenue_is_of_the_four_newest_quarters_known(company):
    found = valuations(company)
    # 100 + 110 + 120 + 130 = 460; each quarter is 40 above the one a year before, which it replaces.
    assert found.index.min() == stamp("2024-02-16")
    assert found.loc["2024-02-16":"2024-05-01", "revenue_ttm_usd"].eq(460).all()
    assert found.loc["2024-05-02":"2024-08-01", "revenue_ttm_usd"].eq(500).all()
    assert found.loc["2024-08-02":"2024-11-01", "revenue_ttm_usd"].eq(540).all()
    assert found.loc["2024-11-04":"2025-02-14", "revenue_ttm_usd"].eq(580).all()
    assert found.loc["2025-02-18":, "revenue_ttm_usd"].eq(620).all()
    assert set(found["basis"]) == {"quarters"}


def test_a_row_says_which_twelve_months_and_since_when_they_are_known(company):
    row = valuations(company).loc["2024-05-02"]
    assert (row["period_end"], row["known_from"]) == (stamp("2024-03-31"), stamp("2024-05-02"))
    row = valuations(company).loc["2024-05-01"]
    assert (row["period_end"], row["known_from"]) == (stamp("2023-12-31"), stamp("2024-02-16"))


def test_the_multiple_is_market_value_over_revenue(company):
    found = valuations(company)
    assert found.loc["2024-02-16", "market_cap_to_revenue"] == pytest.approx(10)
    assert found.loc["2024-05-02", "market_cap_to_revenue"] == pytest.approx(9.2)
    assert set(found["coverage"]) == {1}


def test_growth_is_against_the_year_before_as_both_were_known(company):
    found = valuations(company)
    assert nulls(found.loc[:"2025-02-14", "revenue_growth"])
    assert set(found.loc[:"2025-02-14", "growth_coverage"]) == {0}
    # 620 / 460 - 1.
    assert found.loc["2025-02-18":, "revenue_growth"].tolist() == pytest.approx([620 / 460 - 1] * 220)
    assert set(found.loc["2025-02-18":, "growth_coverage"]) == {1}


def test_a_restated_quarter_changes_nothing_before_its_filing(company):
    file(company, "CRM", "2024-06-03", (REVENUES, "2023-10-01", "2023-12-31", 90), form="10-Q/A")
    found = valuations(company)
    assert found.loc["2024-05-02":"2024-06-03", "revenue_ttm_usd"].eq(500).all()
    assert found.loc["2024-06-04":"2024-08-01", "revenue_ttm_usd"].eq(460).all()
    assert found.loc["2024-06-04", "known_from"] == stamp("2024-06-04")
    assert found.loc["2025-03-03", "revenue_growth"] == pytest.approx(620 / 420 - 1)


def test_a_gap_in_the_quarters_keeps_the_twelve_months_before_it():
    market = priced(quarterly(Market("2025-12-31"), quarters=[*QUARTERS[:5], *QUARTERS[6:]], amounts=REVENUE))
    found = valuations(market)
    assert set(found["period_end"]) == {stamp("2023-12-31"), stamp("2024-03-31")}


def test_twelve_months_too_old_are_no_longer_the_newest():
    market = priced(quarterly(Market("2025-12-31"), amounts=REVENUE[:4]))
    # 460 days after 31 December 2023 is 4 April 2025.
    assert valuations(market).index.max() == stamp("2025-04-04")


# Fiscal years.


def yearly(market, symbol="CRM", amounts=(400, 500), **options):
    for year, amount in zip((2023, 2024), amounts, strict=True):
        fact = (REVENUES, f"{year}-01-01", f"{year}-12-31", amount)
        file(market, symbol, f"{year + 1}-02-20", fact, form="10-K", **options)
    return market


def test_a_company_that_gives_years_only_is_measured_by_them():
    found = valuations(priced(yearly(Market("2025-12-31"))))
    assert found.loc["2024-02-21":"2025-02-20", "revenue_ttm_usd"].eq(400).all()
    assert found.loc["2025-02-21":, "revenue_ttm_usd"].eq(500).all()
    assert set(found["basis"]) == {"fiscal_year"}
    assert found.loc["2025-02-21", "revenue_growth"] == pytest.approx(0.25)


def test_a_newer_fiscal_year_goes_before_older_quarters_and_quarters_before_a_year_of_the_same_day():
    market = quarterly(Market("2025-12-31"), amounts=REVENUE[:5])
    found = valuations(priced(yearly(market, amounts=(461, 700))))
    assert found.loc["2024-02-21", ["basis", "revenue_ttm_usd"]].tolist() == ["quarters", 460]
    assert found.loc["2025-02-20", ["basis", "revenue_ttm_usd"]].tolist() == ["quarters", 500]
    assert found.loc["2025-02-21", ["basis", "revenue_ttm_usd"]].tolist() == ["fiscal_year", 700]


def test_weeks_of_53_do_not_break_the_row_of_quarters():
    ends = ["2023-01-01", "2023-04-01", "2023-07-01", "2023-09-30", "2024-01-06"]
    quarters = [(str((stamp(a) + pd.Timedelta(days=1)).date()), b, "2024-02-15") for a, b in pairwise(ends)]
    found = valuations(priced(quarterly(Market("2024-12-31"), amounts=REVENUE, quarters=quarters)))
    assert set(found["revenue_ttm_usd"]) == {460}


# Margins.


def test_gross_margin_is_of_the_same_twelve_months(company):
    quarterly(company, amounts=[40, 44, 48, 52, 70], tag=PROFIT)
    found = valuations(company)
    assert found.loc["2024-02-16", ["gross_profit_ttm_usd", "gross_margin"]].tolist() == pytest.approx([184, 0.4])
    # 44 + 48 + 52 + 70 = 214 of 500.
    assert found.loc["2024-05-02", "gross_margin"] == pytest.approx(0.428)
    assert nulls(found.loc["2024-08-02":, "gross_margin"])
    assert found.loc["2024-08-02", "margin_coverage"] == 0


def test_gross_profit_may_be_revenue_less_cost(company):
    quarterly(company, amounts=[60, 66, 72, 78], tag=COST)
    assert valuations(company).loc["2024-02-16", "gross_margin"] == pytest.approx(184 / 460)


# What is missing.


def test_revenue_stands_without_a_market_value():
    found = valuations(quarterly(Market("2025-12-31")))
    assert nulls(found["market_cap_usd"])
    assert nulls(found["market_cap_to_revenue"])
    assert set(found["coverage"]) == {0}


def test_no_multiple_without_revenue():
    found = valuations(priced(quarterly(Market("2025-12-31"), amounts=[0, 0, 0, 0])))
    assert nulls(found["market_cap_to_revenue"])
    assert nulls(found["gross_margin"])


def test_nothing_known_is_an_empty_table():
    assert priced(Market("2025-12-31")).table(NAME).empty


# Baskets.


def test_a_basket_sums_the_members_that_have_both(company):
    quarterly(company, amounts=[46] * 4, tag=PROFIT)
    priced(quarterly(company, "NOW", amounts=[10] * 8), "NOW", value=400)
    quarterly(company, "WDAY", amounts=[1_000] * 8)
    priced(company, "TEAM", value=9_000)
    found = valuations(company, "basket:saas").loc["2024-02-16"]
    assert (found["market_cap_usd"], found["revenue_ttm_usd"]) == (pytest.approx(5_000), 500)
    assert found["market_cap_to_revenue"] == pytest.approx(10)
    assert found["coverage"] == 2 / 9
    # Only CRM gives its gross profit: 184 of its 460.
    assert found["gross_margin"] == pytest.approx(0.4)
    assert found["margin_coverage"] == 1 / 9


def test_a_baskets_growth_is_of_the_members_whose_year_before_is_known(company):
    priced(quarterly(company, "NOW", amounts=[10] * 4, quarters=QUARTERS[4:]), "NOW", value=400)
    found = valuations(company, "basket:saas").loc["2025-02-18"]
    assert found["revenue_ttm_usd"] == 660
    assert found["revenue_growth"] == pytest.approx(620 / 460 - 1)
    assert found["growth_coverage"] == 1 / 9


def test_a_basket_says_its_oldest_period_newest_filing_and_mixed_basis(company):
    priced(yearly(company, "NOW"), "NOW")
    found = valuations(company, "basket:saas")
    row = found.loc["2024-05-02"]
    assert (row["period_end"], row["known_from"]) == (stamp("2023-12-31"), stamp("2024-05-02"))
    assert row["basis"] == "mixed"
    assert found.loc["2024-02-16", "basis"] == "quarters"


@pytest.mark.parametrize("day", ["2024-05-01", "2024-06-03", "2024-12-31"])
def test_rows_of_the_past_do_not_change(company, day):
    file(company, "CRM", "2024-06-03", (REVENUES, "2023-10-01", "2023-12-31", 90), form="10-Q/A")
    then = priced(Market(day), sessions=SESSIONS[day >= SESSIONS])
    for quarter, amount in zip(QUARTERS, REVENUE, strict=True):
        if quarter[2] <= day:
            quarterly(then, amounts=[amount], quarters=[quarter])
    if day >= "2024-06-03":
        file(then, "CRM", "2024-06-03", (REVENUES, "2023-10-01", "2023-12-31", 90), form="10-Q/A")
    whole = valuations(company)
    pd.testing.assert_frame_equal(valuations(then), whole[whole.index <= day])
