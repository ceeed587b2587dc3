"""What a vendor restates: every version stays, the change is listed and said, and the marts follow."""

import io
import json
from datetime import date, timedelta

import pytest
from rich.console import Console

from pipelines.summary import print_summary
from tests.daily import Home
from tests.published import rows
from tests.tampered import Tampered

FIRST, SECOND = "2026-02-03", "2026-02-04"
TAIL = (date(2026, 2, 1), date(2026, 2, 3))
GENESIS = date(2009, 1, 1)
REVENUE = "RevenueFromContractWithCustomerExcludingAssessedTax"


def quote_of(document):
    return document["chart"]["result"][0]["indicators"]["quote"][0]


def one_close(path, document):
    """Microsoft's close of the 30th of January, a cent lower."""
    if path.startswith("/v8/finance/chart/MSFT?"):
        times = document["chart"]["result"][0]["timestamp"]
        at = next(i for i, t in enumerate(times) if date(1970, 1, 1) + timedelta(seconds=t) == date(2026, 1, 30))
        quote_of(document)["close"][at] -= 0.01


def whole_history(path, document):
    """IBM's prices on another share basis, from the first day on."""
    if path.startswith("/v8/finance/chart/IBM?"):
        for name in ("open", "high", "low", "close"):
            quote_of(document)[name] = [value / 2 for value in quote_of(document)[name]]


def filing(path, document):
    """A new filing of the 4th of February gives Microsoft's newest revenue anew, a tenth higher."""
    if path.startswith("/api/xbrl/companyfacts/"):
        facts = document["facts"]["us-gaap"][REVENUE]["units"]["USD"]
        newest = max((f for f in facts if f["filed"] < FIRST), key=lambda f: (f["end"], f["start"]))
        changed = {"val": newest["val"] * 11 // 10, "accn": "0000000000-26-000001", "filed": SECOND}
        facts.append({**newest, **changed, "form": newest["form"] + "/A"})


def tail(path, document):
    """The newest three days of the chain, a hundredth higher."""
    if path.startswith("/api/series/bulk"):
        for cells in document:
            if cells["type"] != "Date":
                days = [GENESIS + timedelta(days=cells["start"] + i) for i in range(len(cells["data"]))]
                raised = [v * 1.01 if TAIL[0] <= d <= TAIL[1] else v for d, v in zip(days, cells["data"], strict=True)]
                cells["data"] = raised


def restated(path, body):
    """Everything at once."""
    if not body.startswith((b"{", b"[")):
        return body
    document = json.loads(body)
    for change in (one_close, whole_history, filing, tail):
        change(path, document)
    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """A home that was restated between two runs, and one that never knew anything else."""
    wire = Tampered()
    before, fresh = (Home(tmp_path_factory.mktemp(name) / "home", wire) for name in ("restated", "fresh"))
    before.run(FIRST)
    wire.spoil = restated
    before.run(SECOND)
    fresh.run(SECOND)
    yield before, fresh
    wire.close()


@pytest.fixture(scope="module")
def home(homes):
    return homes[0]


def listed(home, table, symbol):
    query = "select count(*), min(date), max(date) from core.restatements where table_name = $1 and symbol = $2"
    return rows(home.published, query, table, symbol)[0]


def test_every_version_stays(home):
    query = "select close from raw.daily_bars where symbol = 'MSFT' and date = '2026-01-30' order by load_id"
    (old,), (new,) = home.rows(query)
    assert old - new == pytest.approx(0.01)
    two = "select count(*) from (from raw.daily_bars where symbol = 'IBM' and date <= '2026-02-03') group by date"
    assert set(home.rows(two)) == {(2,)}
    query = (
        "select count(distinct accession) from raw.facts where symbol = 'MSFT' and accession = '0000000000-26-000001'"
    )
    assert home.rows(query) == [(1,)]


def test_what_was_restated_is_listed(home):
    assert listed(home, "daily_bars", "MSFT") == (1, date(2026, 1, 30), date(2026, 1, 30))
    # From the first day of history to the last that the first run knew.
    assert listed(home, "daily_bars", "IBM")[1:] == (date(2025, 9, 2), date(2026, 2, 3))
    ratio = (
        "select count(*) filter (abs(new_value / old_value - 0.5) > 1e-12) from core.restatements where symbol = 'IBM'"
    )
    assert rows(home.published, ratio) == [(0,)]
    filings = """select new_value / old_value from core.restatements
    where table_name = 'facts' and symbol = 'MSFT' and seen_at = '2026-02-04'"""
    assert rows(home.published, filings) == [(pytest.approx(1.1),)]
    metrics = rows(home.published, "select count(distinct metric) from raw.onchain where date = '2026-02-03'")[0][0]
    assert listed(home, "onchain", "BTC") == (3 * metrics, *TAIL)
    assert listed(home, "daily_bars", "SPY")[0] == 0


def test_the_tables_follow_as_if_nothing_else_had_ever_been_known(homes):
    before, fresh = homes
    assert set(before.differs_from(fresh)) == {"core.restatements"}


def test_a_world_before_the_restatement_still_shows_the_old_values(home):
    query = "select close from raw.daily_bars where symbol = 'IBM' and date = '2025-09-02' and known_at <= '2026-02-04'"
    assert home.rows(query) == rows(home.published, query)
    assert len(home.rows(query)) == 1


def said(home):
    text = io.StringIO()
    print_summary(Console(file=text, width=110), home.folder)
    return [line for line in text.getvalue().splitlines() if line.startswith("Restated")]


def test_the_summary_says_what_was_restated_since_the_run_before(homes):
    before, fresh = homes
    sessions, metrics = listed(before, "daily_bars", "IBM")[0], listed(before, "onchain", "BTC")[0]
    assert said(before) == [
        f"Restated since the last run: yahoo daily_bars IBM ({sessions} rows from 2025-09-02)",
        f"Restated since the last run: brk onchain BTC ({metrics} rows from 2026-02-01)",
        "Restated since the last run: sec facts MSFT (1 rows from 2025-12-31)",
        "Restated since the last run: yahoo daily_bars MSFT (1 rows from 2026-01-30)",
    ]
    # Filings that restate each other are no news in the first run.
    assert rows(fresh.published, "select count(*) from core.restatements where table_name = 'facts'") != [(0,)]
    assert said(fresh) == []


def test_the_next_run_has_nothing_more_to_say(homes):
    before, _ = homes
    before.run(SECOND)
    assert said(before) == []
