"""Quarters and years out of year-to-date figures."""

import pandas as pd
import pytest

from tests.factories import Market, stamp
from tests.fundamentals.figures import CONTRACTS, EQUIPMENT, PRODUCTIVE, apple, figures, file, values
from tests.test_shares_outstanding import filing


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
