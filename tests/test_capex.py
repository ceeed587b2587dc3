"""Capital expenditure by quarter, twelve months, fiscal and calendar year; amounts are in millions."""

import pytest

from pipelines.audit import checks_of, run_check
from tests.factories import Market, stamp
from tests.fundamentals.figures import EQUIPMENT, REVENUES, apple, file

NAME = "marts.capex"


def capex(market, symbol, period, where="true"):
    """Rows of one symbol and kind of period; the checks hold."""
    found = market.table(NAME, f"symbol = '{symbol}' and period = '{period}' and ({where})")
    for check in checks_of(NAME):
        assert run_check(market.warehouse, check).passed, check.name
    return found


def known(found):
    """(end of period, amount, first day known) of each row."""
    ends, starts = found["period_end"].dt.date.astype(str), found["known_from"].dt.date.astype(str)
    return list(zip(ends, found["capex_usd"], starts, strict=True))


ENDS = ["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31"]
FILED = ["2025-04-25", "2025-07-24", "2025-10-30", "2026-02-05"]


def year_to_date(market, symbol, quarters, start="2025-01-01", ends=ENDS, filed=FILED):
    """A company's cash flow of a year as filed, of as many quarters as given."""
    total = 0
    for amount, end, day in zip(quarters, ends, filed, strict=False):
        total += amount
        file(market, symbol, day, (EQUIPMENT, start, end, total), form="10-K" if end == ends[3] else "10-Q")
    return market


ALPHABET = [17_197, 22_446, 23_953, 27_851]


def annual(market, symbol, filed, start, end, amount):
    return file(market, symbol, filed, (EQUIPMENT, start, end, amount), form="10-K")


# One company.


def test_apples_fiscal_2025_is_its_quarters():
    market = apple()
    (row,) = capex(market, "AAPL", "fiscal_year").to_dict("records")
    assert row["capex_usd"] == 12_715 == 2_940 + 3_071 + 3_462 + 3_242
    assert (row["period_end"], row["year"], row["basis"]) == (stamp("2025-09-27"), 2025, "fiscal_year")
    assert (row["filed_date"], row["known_from"]) == (stamp("2025-10-31"), stamp("2025-11-01"))
    quarters = capex(market, "AAPL", "quarter")
    assert list(quarters["capex_usd"]) == [2_940, 3_071, 3_462, 3_242, 2_373]
    assert set(quarters["basis"]) == {"quarters"}
    assert quarters["is_latest"].all()


def test_twelve_months_end_with_every_quarter_once_four_are_known():
    # 12,715 - 2,940 + 2,373 = 12,148 up to December.
    assert known(capex(apple(), "AAPL", "ttm")) == [
        ("2025-09-27", 12_715, "2025-11-01"),
        ("2025-12-27", 12_148, "2026-01-31"),
    ]


def test_the_calendar_year_is_the_four_quarters_nearest_to_it():
    found = capex(apple(), "AAPL", "calendar_year")
    # 3,071 + 3,462 + 3,242 + 2,373 from 29 December 2024 to 27 December 2025.
    assert known(found) == [("2025-12-27", 12_148, "2026-01-31")]
    assert list(found["year"]) == [2025]
    assert list(found["calendar_quarter"]) == [stamp("2025-12-31")]


def test_alphabets_2025_is_both_its_fiscal_and_the_calendar_year():
    market = year_to_date(Market("2026-02-10"), "GOOGL", ALPHABET)
    for period, basis in [("calendar_year", "quarters"), ("ttm", "quarters"), ("fiscal_year", "fiscal_year")]:
        found = capex(market, "GOOGL", period, "year = 2025")
        assert known(found) == [("2025-12-31", 91_447, "2026-02-06")]
        assert list(found["basis"]) == [basis]


def test_a_fiscal_year_that_is_the_calendar_year_needs_no_quarters():
    market = annual(Market("2026-02-10"), "META", "2026-01-29", "2025-01-01", "2025-12-31", 69_691)
    found = capex(market, "META", "calendar_year")
    assert known(found) == [("2025-12-31", 69_691, "2026-01-30")]
    assert list(found["basis"]) == ["fiscal_year"]
    assert capex(market, "META", "quarter").empty


def test_another_fiscal_year_without_quarters_gives_no_calendar_year():
    market = annual(Market("2026-02-10"), "MSFT", "2025-07-30", "2024-07-01", "2025-06-30", 64_551)
    assert capex(market, "MSFT", "calendar_year").empty
    assert known(capex(market, "MSFT", "fiscal_year")) == [("2025-06-30", 64_551, "2025-07-31")]
    assert known(capex(market, "MSFT", "ttm")) == [("2025-06-30", 64_551, "2025-07-31")]


def test_quarters_not_in_a_row_are_no_twelve_months():
    market = Market("2026-02-10")
    starts = ["2024-10-01", "2025-01-01", "2025-07-01", "2025-10-01"]
    for start, end in zip(starts, ["2024-12-31", "2025-03-31", "2025-09-30", "2025-12-31"], strict=True):
        file(market, "GOOGL", "2026-02-01", (EQUIPMENT, start, end, 10))
    assert len(capex(market, "GOOGL", "quarter")) == 4
    assert capex(market, "GOOGL", "ttm").empty
    assert capex(market, "GOOGL", "calendar_year").empty


def test_other_figures_are_not_capex():
    assert (
        file(Market("2026-02-10"), "GOOGL", "2026-02-05", (REVENUES, "2025-10-01", "2025-12-31", 9)).table(NAME).empty
    )


# As known on a day.


def restated():
    """A first quarter of 17,197 that the filing of a year later gives as 17,000."""
    market = year_to_date(Market("2026-06-30"), "GOOGL", ALPHABET)
    file(market, "GOOGL", "2026-04-28", (EQUIPMENT, "2025-01-01", "2025-03-31", 17_000))
    return market


def test_a_restated_quarter_is_seen_before_and_after():
    found = capex(restated(), "GOOGL", "quarter", "period_end = '2025-03-31'")
    assert known(found) == [("2025-03-31", 17_197, "2025-04-26"), ("2025-03-31", 17_000, "2026-04-29")]
    assert list(found["is_latest"]) == [False, True]
    assert list(found["known_until"].dropna()) == [stamp("2026-04-29")]


@pytest.mark.parametrize(("day", "quarter"), [("2026-04-28", 17_197), ("2026-04-29", 17_000)])
def test_what_was_known_on_a_day_can_be_asked(day, quarter):
    then = f"known_from <= '{day}' and (known_until > '{day}' or known_until is null)"
    found = capex(restated(), "GOOGL", "quarter", f"{then} and period_end = '2025-03-31'")
    assert list(found["capex_usd"]) == [quarter]


def test_twelve_months_follow_the_restatement_of_a_quarter():
    # The half year stayed as filed, so that the second quarter takes what the first gave up.
    market = restated()
    assert list(capex(market, "GOOGL", "quarter", "period_end = '2025-06-30'")["capex_usd"]) == [22_446, 22_643]
    assert known(capex(market, "GOOGL", "ttm", "year = 2025 and is_latest")) == [("2025-12-31", 91_447, "2026-02-06")]
    file(market, "GOOGL", "2026-05-05", (EQUIPMENT, "2025-04-01", "2025-06-30", 22_000))
    assert known(capex(market, "GOOGL", "calendar_year")) == [
        ("2025-12-31", 91_447, "2026-02-06"),
        # 17,000 + 22,000 + 23,953 + 27,851.
        ("2025-12-31", 90_804, "2026-05-06"),
    ]


# Baskets.


def hyperscalers():
    """Alphabet by quarters, Meta by its year, Microsoft by its fiscal year to June; Amazon and Oracle unknown."""
    market = year_to_date(Market("2026-02-10"), "GOOGL", ALPHABET)
    annual(market, "META", "2026-01-29", "2025-01-01", "2025-12-31", 69_691)
    return annual(market, "MSFT", "2025-07-30", "2024-07-01", "2025-06-30", 64_551)


BASKET = "basket:hyperscalers"


def test_a_sum_grows_with_the_filings_and_says_how_many_it_counts():
    found = capex(hyperscalers(), BASKET, "calendar_year")
    assert known(found) == [("2025-12-31", 69_691, "2026-01-30"), ("2025-12-31", 161_138, "2026-02-06")]
    assert list(found["coverage"]) == [1 / 5, 2 / 5]
    assert list(found["basis"]) == ["fiscal_year", "mixed"]
    assert list(found["is_latest"]) == [False, True]


def test_fiscal_years_are_summed_by_the_year_they_end_in():
    found = capex(hyperscalers(), BASKET, "fiscal_year", "is_latest")
    # 64,551 + 69,691 + 91,447: the three are over 200 billion.
    assert known(found) == [("2025-12-31", 225_689, "2026-02-06")]
    assert list(found["coverage"]) == [3 / 5]
    assert list(found["basis"]) == ["fiscal_year"]


def test_quarters_are_summed_by_calendar_quarter():
    market = year_to_date(Market("2026-02-10"), "GOOGL", ALPHABET)
    ends, filed = ["2024-08-31", "2024-11-30", "2025-02-28"], ["2024-09-10", "2024-12-10", "2025-03-11"]
    year_to_date(market, "ORCL", [2_303, 3_970, 5_862], "2024-06-01", [*ends, "2025-05-31"], filed)
    found = capex(market, BASKET, "quarter", "year = 2025")
    # The quarter end nearest to 28 February is 31 March.
    assert known(found)[:2] == [("2025-03-31", 5_862, "2025-03-12"), ("2025-03-31", 23_059, "2025-04-26")]
    assert list(found["coverage"]) == [1 / 5, 2 / 5, 1 / 5, 1 / 5, 1 / 5]


def test_a_restatement_moves_the_sum_and_not_its_coverage():
    market = restated()
    file(market, "META", "2025-05-01", (EQUIPMENT, "2025-01-01", "2025-03-31", 12_941))
    found = capex(market, BASKET, "quarter", "period_end = '2025-03-31'")
    assert list(found["capex_usd"]) == [17_197, 17_197 + 12_941, 17_000 + 12_941]
    assert list(found["coverage"]) == [1 / 5, 2 / 5, 2 / 5]


def test_quarters_that_follow_a_years_figure_change_its_basis():
    market = annual(Market("2026-06-30"), "GOOGL", "2026-02-05", "2025-01-01", "2025-12-31", 91_447)
    for end, amount in zip(ENDS, ALPHABET, strict=True):
        first = stamp(end).to_period("Q").start_time.date().isoformat()
        file(market, "GOOGL", "2026-03-01", (EQUIPMENT, first, end, amount), form="10-K/A")
    found = capex(market, BASKET, "calendar_year")
    assert list(found["basis"]) == ["fiscal_year", "quarters"]
    assert list(found["capex_usd"]) == [91_447, 91_447]
    assert list(found["coverage"]) == [1 / 5, 1 / 5]


def test_no_filings_is_an_empty_table():
    assert Market("2026-02-10").table(NAME).empty
