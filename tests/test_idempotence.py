"""Whatever was asked before and in whatever order, the tables are those of one run."""

from datetime import UTC, date, datetime
from functools import partial

import pytest
import responses

from pipelines.contracts import contracts, stored_key, stored_tables
from pipelines.settings import Profile, new_run
from pipelines.warehouse import BOOKKEEPING
from tests.daily import SINCE, Home
from tests.ingest.vendors import binance
from tests.ingest.world import BTC, DAYS, World

DAY, LATER = "2026-02-05", "2025-12-01"
BEFORE = {
    "twice": [(DAY, SINCE)],
    "overlapping": [("2026-02-02", SINCE), ("2026-02-04", SINCE)],
    "back and forth": [(DAY, SINCE), ("2026-02-02", SINCE), ("2026-02-04", SINCE)],
    "after 40 days": [("2025-12-27", SINCE)],
    "backfill": [("2026-02-04", LATER), (DAY, LATER)],
}


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """One run on nothing."""
    home = Home(tmp_path_factory.mktemp("once") / "home")
    home.run(DAY)
    return home


@pytest.mark.parametrize("runs", BEFORE.values(), ids=BEFORE)
def test_runs_before_change_no_table(once, tmp_path, runs):
    home = Home(tmp_path / "home")
    for as_of, since in runs:
        assert home.ingest(as_of, since) == []
    home.run(DAY)
    assert home.differs_from(once) == {}
    assert repeated(home) == []


def repeated(home):
    """Tables with two rows of a key."""
    stored = {
        name: stored_key(c) for name, c in stored_tables().items() if c.schema_name == "raw" or name in BOOKKEEPING
    }
    latest = {f"latest.{n[4:]}": [*c.grain, "source"] for n, c in contracts().items() if c.keeps_versions}
    query = "select count(*) - count(distinct ({})) from {}"
    return [t for t, key in (stored | latest).items() if home.rows(query.format(", ".join(key), t)) != [(0,)]]


# Knowledge that comes out of order


CHANGED = date(2026, 1, 28)


@pytest.fixture
def world(tmp_path):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield World(tmp_path, wire)


def closing(closes, path, asked):
    """Binance, whose 28th of January closes at what `closes` says of the last day asked for."""
    until = datetime.fromtimestamp(int(asked["endTime"]) / 1000, UTC).date()
    rows = binance(DAYS, path, asked)
    at = datetime(2026, 1, 28, tzinfo=UTC).timestamp() * 1000
    return [[*row[:4], closes(until) if row[0] == at else row[4], *row[5:]] for row in rows]


def seen(world, as_of):
    """The close of the 28th of January as known at the end of a day."""
    world.warehouse.prepare(new_run("test", Profile.LIVE, world.folder, date.fromisoformat(as_of), date(2026, 1, 2)))
    ((close,),) = world.warehouse.rows("select close from latest.daily_bars where date = $1", [CHANGED])
    return close


def test_older_knowledge_that_comes_late_does_not_hide_what_a_later_answer_confirmed(world):
    """Given as 28, as 29 on the 3rd of February, and as 28 again: in whatever order the three days are asked."""
    world.vendor = partial(closing, lambda until: "29" if until == date(2026, 2, 3) else "28")
    for as_of in ("2026-02-02", "2026-02-05", "2026-02-03"):
        world.run("binance", BTC, as_of=as_of)
    assert [seen(world, f"2026-02-0{n}") for n in (2, 3, 4, 5, 6)] == [28.0, 29.0, 29.0, 28.0, 28.0]
    # What no later run asked for is not confirmed by it.
    count = "select count(*) from raw.daily_bars where date = $1"
    assert world.warehouse.rows(count, [CHANGED]) == [(3,)]
    for as_of in ("2026-02-03", "2026-02-05", "2026-02-02"):
        world.run("binance", BTC, as_of=as_of)
    assert world.warehouse.rows(count, [CHANGED]) == [(3,)]


def test_a_run_that_did_not_ask_for_a_day_confirms_nothing_of_it(world):
    world.vendor = partial(closing, lambda until: "29" if until == date(2026, 2, 3) else "28")
    world.run("binance", BTC, as_of="2026-02-02")
    world.run("binance", BTC, as_of="2026-02-05", since="2026-02-01")
    world.run("binance", BTC, as_of="2026-02-03")
    assert [seen(world, f"2026-02-0{n}") for n in (2, 3, 5)] == [28.0, 29.0, 29.0]
