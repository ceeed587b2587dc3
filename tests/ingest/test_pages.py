"""Pages are asked to the end and no further."""

from datetime import date, timedelta
from functools import partial

import pytest

from tests.ingest.vendors import bgeometrics, binance, coinbase, coinmetrics
from tests.ingest.world import DAYS, days_from

PAGED = [
    # vendor, days it has, how many days are asked, answers of each page
    pytest.param(binance, 1300, 1300, [1000, 300], id="binance-partial-last-page"),
    pytest.param(binance, 1000, 1000, [1000], id="binance-exactly-full-page"),
    pytest.param(binance, 300, 1300, [0, 300], id="binance-empty-page-before-the-listing"),
    pytest.param(coinbase, 300, 300, [299, 1], id="coinbase-partial-last-page"),
    pytest.param(coinbase, 598, 598, [299, 299], id="coinbase-exactly-full-pages"),
    pytest.param(coinbase, 10, 598, [0, 10], id="coinbase-empty-page-before-the-listing"),
    pytest.param(bgeometrics, 1300, 1300, [1000, 300] * 2, id="bgeometrics-partial-last-page"),
    pytest.param(bgeometrics, 1000, 1000, [1000] * 2, id="bgeometrics-exactly-full-page"),
    pytest.param(coinmetrics, 900, 900, [400, 400, 100], id="coinmetrics-partial-last-page"),
    pytest.param(coinmetrics, 800, 800, [400, 400], id="coinmetrics-exactly-full-page"),
    pytest.param(partial(coinmetrics, until_empty=True), 800, 800, [400, 400, 0], id="coinmetrics-empty-last-page"),
]
TABLES = {"binance": "daily_bars", "coinbase": "daily_bars", "bgeometrics": "onchain", "coinmetrics": "onchain"}
VALUES = {"daily_bars": "close", "onchain": "value"}


@pytest.mark.parametrize(("vendor", "there", "wanted", "pages"), PAGED)
def test_pages_are_asked_to_the_end_and_no_further(world, vendor, there, wanted, pages):
    name = getattr(vendor, "func", vendor).__name__
    last = date(2026, 2, 5)
    days = days_from(str(last - timedelta(days=there - 1)), there)
    sizes = []

    def answer(path, asked):
        page = vendor(days, path, asked)
        sizes.append(len(page["data"] if isinstance(page, dict) else page))
        return page

    world.vendor, table = answer, TABLES[name]
    vendor_symbol = "btc" if name == "coinmetrics" else "BTC-USD"
    world.run(name, [("BTC", "crypto", vendor_symbol, [table])], since=str(last - timedelta(days=wanted - 1)))
    assert sizes == pages
    assert len({call.url for call in world.calls}) == len(pages)
    # Every day once for each metric, with its own value: the day of the month.
    n_metrics = 2 if name == "bgeometrics" else 1
    found = world.warehouse.rows(f"select date, {VALUES[table]} from raw.{table} order by date")
    assert found == [(day, float(day.day)) for day in days for _ in range(n_metrics)]
    assert world.loads("outcome, rows_written") == [("ok", there * n_metrics)]


def test_a_full_page_that_ends_early_is_followed_by_an_empty_one(world):
    """BGeometrics shows its newest days late: a full page then does not reach the day asked for."""
    days = days_from("2023-01-01", 1000)
    world.vendor = partial(bgeometrics, days)
    world.run("bgeometrics", [("BTC", "crypto", "BTC", ["onchain"])], since="2023-01-01")
    # The 1000th day is the 26th of September 2025: 730 days to the end of 2024, with its 29th of February 731, and 269.
    assert days[-1] == date(2025, 9, 26)
    assert world.asked("startday") == ["2023-01-01", "2025-09-27"] * 2
    assert world.loads("outcome, rows_written") == [("ok", 2000)]


def test_a_series_of_which_a_page_fails_is_not_stored_in_part(world):
    def vendor(path, asked):
        # ETH's second page is the fourth request.
        is_broken = len(world.calls) == 4
        return (400, {}, '{"code": -1100}') if is_broken else binance(DAYS, path, asked)

    world.vendor = vendor
    coins = [(s, "crypto", f"{s}USDT", ["daily_bars"]) for s in ("BTC", "ETH", "SOL")]
    world.run("binance", coins, since="2022-06-01")
    assert world.loads("symbol, outcome") == [("BTC", "ok"), ("ETH", "schema_drift"), ("SOL", "ok")]
    counted = world.warehouse.rows("select symbol, count(*) from raw.daily_bars group by symbol order by symbol")
    assert counted == [("BTC", len(DAYS)), ("SOL", len(DAYS))]
