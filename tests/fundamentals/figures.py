"""Filings as tests write them, and the figures read back; amounts are in millions unless said otherwise."""

from tests.factories import Market
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
