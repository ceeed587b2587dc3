"""Gross profit as tagged, or derived from revenue and its cost."""

from tests.factories import Market
from tests.fundamentals.figures import COST, PROFIT, REVENUES, figures, file, values


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
