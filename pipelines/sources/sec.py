"""SEC EDGAR: figures that companies tagged in their filings, with the day of each filing. Asks who is calling."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import requests

from pipelines.sources.base import Key, Outcome, Request, Series, Window
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, document, frame, member, numbers, only, written_days

NAME = "sec"
BASE_URL = "https://data.sec.gov"
# The limit of 10 counts all machines of a user together.
REQUESTS_PER_SECOND: float = 5.0
HEADERS: Mapping[str, str] = {}
TERMS = "US-government public information; name a contact, at most 10 requests a second over all machines."
# The contact travels in the user agent of every request.
KEYS = (Key("SCARETRADE_CONTACT"),)
WHOLE = frozenset({"facts"})

# What is read of a company's some hundred tags, with the unit it is in.
TAGS: Mapping[str, str] = {
    "us-gaap:PaymentsToAcquirePropertyPlantAndEquipment": "USD",
    "us-gaap:PaymentsToAcquireProductiveAssets": "USD",
    "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax": "USD",
    "us-gaap:Revenues": "USD",
    "us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax": "USD",
    "us-gaap:SalesRevenueNet": "USD",
    "us-gaap:GrossProfit": "USD",
    "us-gaap:CostOfRevenue": "USD",
    "us-gaap:CostOfGoodsAndServicesSold": "USD",
    "us-gaap:WeightedAverageNumberOfDilutedSharesOutstanding": "shares",
    "dei:EntityCommonStockSharesOutstanding": "shares",
}
# Figures at a moment; all others are over a period.
_MOMENTS = frozenset({"dei:EntityCommonStockSharesOutstanding"})
_KEY = ["tag", "unit", "start_date", "end_date", "accession"]


def build_requests(series: Series, window: Window) -> list[Request]:
    """All facts of one company, by its ten-digit CIK."""
    return [Request(NAME, series, f"/api/xbrl/companyfacts/CIK{series.vendor_symbol}.json", {}, window)]


def classify(response: requests.Response) -> Outcome:
    """Refusals are web pages told apart by their words; the one for a missing contact names the rate as well."""
    outcome = classify_http(response)
    if outcome is not Outcome.CHALLENGE:
        return outcome
    if b"Undeclared Automated Tool" in response.content:
        return Outcome.AUTH
    return Outcome.RATE_LIMITED if b"Request Rate Threshold Exceeded" in response.content else outcome


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """Every filing's figures of the tags above, whenever filed: later years are computed from earlier filings.

    The vendor's `fy` and `fp` describe the filing and `frame` marks only some facts, so none of them is used.
    """
    answer = document(body, request)
    cik = member(answer, "cik", int, request)
    check(f"{cik:010d}" == request.series.vendor_symbol, request, f"the answer is of the company {cik}")
    taxonomies = member(answer, "facts", dict, request)
    found = {tag: _facts(taxonomies, tag, request) for tag in TAGS}
    tags = [tag for tag, facts in found.items() for _ in facts]
    rows = _rows(tags, [fact for facts in found.values() for fact in facts], request).drop_duplicates()
    check(not rows.duplicated(_KEY).any(), request, "one filing gives two figures of the same tag and period")
    return {"facts": rows.reset_index(drop=True)}


def _facts(taxonomies: dict[str, Any], tag: str, request: Request) -> list[Any]:
    """The facts of a tag in its unit; none where the company does not use it."""
    node = taxonomies
    for name in tag.split(":"):
        if name not in node:
            return []
        node = member(node, name, dict, request)
    units = member(node, "units", dict, request)
    facts: list[Any] = member(units, TAGS[tag], list, request) if TAGS[tag] in units else []
    only(facts, {dict}, tag, request)
    strange = [fact for fact in facts if ("start" in fact) == (tag in _MOMENTS)]
    check(not strange, request, f"'{tag}' is at a moment where it should be over a period, or the reverse")
    return facts


def _rows(tags: Sequence[str], facts: Sequence[Mapping[str, Any]], request: Request) -> pd.DataFrame:
    texts = {key: _column(facts, key, {str}, request) for key in ("end", "accn", "form", "filed")}
    start = [fact.get("start", fact["end"]) for fact in facts]
    dates = {key: written_days(texts[key], "%Y-%m-%d", key, request) for key in ("end", "filed")}
    started = written_days(start, "%Y-%m-%d", "start", request)
    check(bool((started <= dates["end"]).all()), request, "a period ends before it starts")
    columns = {
        "tag": tags,
        "unit": [TAGS[tag] for tag in tags],
        "start_date": started,
        "end_date": dates["end"],
        "accession": texts["accn"],
        "value": numbers(_column(facts, "val", {int, float}, request), "val", request),
        "form": texts["form"],
        "filed_date": dates["filed"],
    }
    return frame("facts", request, columns)


def _column(facts: Sequence[Mapping[str, Any]], key: str, kinds: set[type], request: Request) -> list[Any]:
    """One field of every fact, in the types it must have."""
    check(all(key in fact for fact in facts), request, f"a fact has no '{key}'")
    values = [fact[key] for fact in facts]
    only(values, kinds, key, request)
    return values
