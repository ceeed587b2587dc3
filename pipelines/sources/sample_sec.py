"""The simulated companies' quarterly filings as SEC's company facts: cash flows are of the fiscal year to date."""

from collections.abc import Callable
from datetime import date, timedelta
from math import prod
from typing import Any

import numpy as np

from pipelines.sources.sample_books import Books
from pipelines.sources.sample_filings import Filing, filings
from pipelines.sources.sample_paths import PARAMETERS, Ints
from pipelines.sources.sample_wire import Answer, Asked, as_json

CAPEX = "PaymentsToAcquirePropertyPlantAndEquipment"
REVENUE = "RevenueFromContractWithCustomerExcludingAssessedTax"
COVER_SHARES = "EntityCommonStockSharesOutstanding"
FIRST_FILED = date(2019, 1, 1)
# When a company that files its capex under another tag used this one for the last time.
LAST_USE_OF_CAPEX = (date(2017, 1, 1), date(2017, 5, 31))
UNKNOWN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)

Facts = list[dict[str, Any]]
# What a filing says of the quarters from one to before another.
Amount = Callable[[Filing, int, int], int]


def answer(asked: Asked) -> Answer:
    """Everything a company has filed so far, each filing with the figures of the year before beside its own."""
    cik = asked.tail.removeprefix("CIK").removesuffix(".json")
    symbol = asked.symbols.get(cik, "")
    if symbol not in PARAMETERS["companies"]:
        return Answer(404, UNKNOWN, "application/xml")
    facts = _facts(Books(asked.seed, symbol), int(cik), asked.as_of)
    return as_json({"cik": int(cik), "entityName": f"{symbol} (simulated)", "facts": facts})


def _facts(books: Books, cik: int, as_of: int) -> dict[str, dict[str, Any]]:
    """The figures by taxonomy and tag, under the tags that the company uses."""
    reports, company = list(filings(books, cik, as_of)), books.company
    now = [report for report in reports if report.filed >= FIRST_FILED]
    then = [report for report in reports if LAST_USE_OF_CAPEX[0] <= report.filed <= LAST_USE_OF_CAPEX[1]]
    costs = {company["cost_tag"]: books.cost} if "cost_tag" in company else {"GrossProfit": books.gross_profit}
    dollars = {
        CAPEX: _to_date(books, then, _sum(books.capex)),
        company.get("capex_tag", CAPEX): _to_date(books, now, _sum(books.capex)),
        company.get("revenue_tag", REVENUE): _both(books, now, _restated(books)),
        **{tag: _both(books, now, _sum(amounts)) for tag, amounts in costs.items()},
    }
    if "share_tag" in company:
        shares = {company["share_tag"]: _both(books, now, _mean_shares(books))}
        return {"us-gaap": _units(dollars, "USD") | _units(shares, "shares")}
    cover = {COVER_SHARES: [_cover(books, filing) for filing in now]}
    return {"dei": _units(cover, "shares"), "us-gaap": _units(dollars, "USD")}


def _units(tags: dict[str, Facts], unit: str) -> dict[str, Any]:
    return {
        tag: {"label": tag, "description": "Simulated.", "units": {unit: facts}} for tag, facts in tags.items() if facts
    }


def _to_date(books: Books, reports: list[Filing], amount: Amount) -> Facts:
    """The fiscal year to date, of the year before and this one: cash-flow statements say no more."""
    return [
        filing.fact(books, last - filing.in_year + 1, last, amount(filing, last - filing.in_year + 1, last + 1))
        for filing in reports
        for last in (filing.quarter - 4, filing.quarter)
    ]


def _both(books: Books, reports: list[Filing], amount: Amount) -> Facts:
    """The fiscal year to date and, but in the annual report, the quarter alone, as in income statements."""
    alone = [
        filing.fact(books, last, last, amount(filing, last, last + 1))
        for filing in reports
        if filing.in_year in (2, 3)
        for last in (filing.quarter - 4, filing.quarter)
    ]
    return sorted(alone + _to_date(books, reports, amount), key=lambda fact: (fact["end"], fact["filed"]))


def _sum(amounts: Ints) -> Amount:
    before = [0, *np.cumsum(amounts).tolist()]
    return lambda filing, first, end: before[end] - before[first]


def _restated(books: Books) -> Amount:
    """Revenue, of which a quarter may be shown differently a year later."""
    factors = {str(day): factor for day, factor in PARAMETERS["restated"].get(books.symbol, {}).items()}
    first_told = _sum(books.revenue)

    def amount(filing: Filing, first: int, end: int) -> int:
        is_later = end - first == 1 and end <= filing.quarter
        return round(first_told(filing, first, end) * (factors.get(books.ends[first], 1) if is_later else 1))

    return amount


def _mean_shares(books: Books) -> Amount:
    total = _sum(books.shares)
    return lambda filing, first, end: total(filing, first, end) // (end - first) // _basis(books.symbol, filing.filed)


def _basis(symbol: str, day: date) -> int:
    """How many of today's shares one of that day has become."""
    return prod(ratio for split, ratio in PARAMETERS["splits"].get(symbol, {}).items() if split > day)


def _cover(books: Books, filing: Filing) -> dict[str, Any]:
    """The count on the cover page, as of some days before the filing."""
    count = int(books.shares[filing.quarter]) // _basis(books.symbol, filing.filed)
    return {"end": str(filing.filed - timedelta(7)), "val": count, **filing.fields}
