"""What was known when, on simulated filings: against a plain computation, and against history cut short."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, stamp
from tests.fundamentals.figures import CONTRACTS, COST, EQUIPMENT, PRODUCTIVE, PROFIT, REVENUES, file

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
