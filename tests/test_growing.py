"""Tables that grow by what they lack are always those that their models make of all raw rows.

Seeded months of a small market: days come in any order, some series late or not at all; bars are restated, dividends
and splits come, an as-of day goes back, runs are repeated. Beside it the same rows are made whole after each load.
"""

from dataclasses import replace
from datetime import date, timedelta
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from pipelines import growing
from pipelines.batch import Batch, SeriesLoad
from pipelines.calendars import sessions
from pipelines.confirmations import confirm_later
from pipelines.contracts import contracts
from pipelines.engines import ContractBroken, build, upstream
from pipelines.growing import Lack, lack_of
from pipelines.sources.base import Outcome, Series, Window
from pipelines.sql_engine import DUCKDB
from pipelines.store import load_rows
from pipelines.warehouse import Warehouse, table_ddl
from tests.factories import a_run, needed

UNIVERSE = """
sources:
  equity: {daily_bars: yahoo}
  crypto: {daily_bars: binance}
instruments:
  A: {name: In no basket, kind: equity}
  B: {name: In no basket, kind: equity}
  C: {name: In no basket, kind: equity}
  D: {name: In no basket, kind: equity}
  E: {name: In no basket, kind: equity}
  F: {name: In no basket, kind: equity}
  G: {name: In no basket, kind: equity}
  ONE: {name: Of a basket, kind: equity}
  BOTH: {name: Of two baskets, kind: equity}
  TWO: {name: Of the other, kind: equity}
  BTC:
    name: Bitcoin
    kind: crypto
    vendor_symbols: {binance: BTCUSDT, coinbase: BTC-USD}
    datasets: {hourly_bars: coinbase}
baskets:
  first: {name: First, members: [ONE, BOTH]}
  second: {name: Second, members: [BOTH, TWO]}
correlation_bases: [BTC]
"""
GROWING = [name for name, contract in contracts().items() if contract.look_back_days is not None]
EQUITIES = ["A", "B", "C", "D", "E", "F", "G", "ONE", "BOTH", "TWO"]
SEEDS = range(3)
FIRST, LAST = date(2025, 3, 3), date(2025, 9, 30)
SOURCE = {"hourly_bars": "coinbase", "BTC": "binance"}


@pytest.fixture(autouse=True)
def universe(tmp_path, monkeypatch):
    (tmp_path / "universe.yaml").write_text(UNIVERSE)
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(tmp_path / "universe.yaml"))


class Vendor:
    """What it would say of every day, until it changes its mind."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.days = pd.DatetimeIndex(sessions(FIRST, LAST)["date"])
        self.tables = {"daily_bars": self.bars(), "hourly_bars": self.hours()}
        self.tables["dividends"] = pd.DataFrame({"symbol": [], "date": self.days[:0], "amount_usd": []})
        self.tables["splits"] = pd.DataFrame({"symbol": [], "date": self.days[:0], "numerator": [], "denominator": []})

    def walk(self, n):
        return (100 * np.exp(self.random.normal(0, 0.02, n).cumsum())).round(2)

    def bars(self):
        every_day = pd.date_range(FIRST, LAST)
        found = []
        for symbol in [*EQUITIES, "BTC"]:
            dates = every_day if symbol == "BTC" else self.days[self.random.random(len(self.days)) > 0.03]
            closes = self.walk(len(dates))
            found.append(pd.DataFrame({"symbol": symbol, "date": dates, "close": closes, "volume": 1.0}))
        return pd.concat(found, ignore_index=True)

    def hours(self):
        starts = pd.date_range(FIRST, pd.Timestamp(LAST) + timedelta(hours=23), freq="h")
        starts = starts[(starts.hour >= 17) & (self.random.random(len(starts)) > 0.1)]
        closes = self.walk(len(starts))
        bars = dict.fromkeys(("open", "high", "low", "close"), closes)
        return pd.DataFrame({"symbol": "BTC", "start_at": starts, "volume": 1.0, **bars})

    def change(self, today):
        """Once in a while a restated bar, a dividend or a split, of any day until today and a little later."""
        table = str(
            self.random.choice(["daily_bars", "hourly_bars", "dividends", "dividends", "splits", "splits", "none"])
        )
        until = pd.Timestamp(today) + timedelta(days=3)
        if table in ("daily_bars", "hourly_bars"):
            day = contracts()[f"raw.{table}"].day_column
            rows = self.tables[table]
            row = self.random.choice(rows.index[rows[day] <= until])
            rows.loc[row, "close"] += 0.5
        elif table != "none":
            known, newest = self.days[self.days <= until], self.random.choice([4, 4, 4, len(self.days)])
            row = {"symbol": str(self.random.choice(EQUITIES)), "date": self.random.choice(known[-newest:])}
            row |= {"amount_usd": 0.7} if table == "dividends" else {"numerator": 2.0, "denominator": 1.0}
            added = pd.concat([self.tables[table], pd.DataFrame([row])], ignore_index=True)
            self.tables[table] = added.drop_duplicates(["symbol", "date"])

    def answer(self, today):
        """What it gives of each table's series asked for, most of them of the last days only."""
        for table, rows in self.tables.items():
            days = rows[contracts()[f"raw.{table}"].day_column].dt.normalize()
            since = pd.Series(
                {
                    s: self.random.choice([5, 10, 10, 10, 10, 10, 10, 10, 10, 400, 0])
                    for s in sorted(rows["symbol"].unique())
                },
                dtype=float,
            )
            age = (pd.Timestamp(today) - days).dt.days
            yield table, rows[(age >= 0) & (age < rows["symbol"].map(since))]


def load(warehouse, run, table, rows):
    """Store what a vendor gave, as `pipelines.store` does once it has judged it."""
    contract = contracts()[f"raw.{table}"]
    for source, given in rows.groupby(rows["symbol"].map(lambda s: SOURCE.get(table) or SOURCE.get(s, "yahoo"))):
        batch = Batch(source, run)
        load_id = warehouse.scalar("select coalesce(max(load_id), 0) + 1 from quality.loads")
        for symbol, found in given.groupby("symbol"):
            series, since = Series(symbol, symbol, contract.dataset), found[contract.day_column].min().date()
            batch.loads[series] = SeriesLoad(series, Window(since, run.as_of, run.now), outcome=Outcome.OK)
        known = {"source": source, "known_at": pd.Timestamp(run.now.replace(tzinfo=None)), "load_id": load_id}
        frame = given.reindex(columns=list(contract.columns)).assign(**known, payload_id="payload")
        warehouse.append_versions(contract, frame.astype(dict.fromkeys(missing(contract, frame), "float64")))
        confirm_later(warehouse, batch, contract, load_id)
        warehouse.insert("quality.loads", load_rows(batch, load_id, None))


def missing(contract, frame):
    return [c for c, column in contract.columns.items() if column.type == "DOUBLE" and frame[c].isna().all()]


def make(warehouse, run):
    """Make the tables that grow and what they read; how much each lacked."""
    lacks = {}
    for name in needed(*GROWING):
        if name in GROWING:
            lacks[name] = lack_of(warehouse, run, contracts()[name], upstream(name))
        build(warehouse, run, name)
    return lacks


def forget(warehouse):
    """Let the next make whole."""
    for name in growing.notes(warehouse):
        warehouse.execute(f"comment on table {name} is null")


def rows_of(warehouse, name):
    return warehouse.frame(f"select * from {name} order by {contracts()[name].quoted_grain}")


def compare(grown, whole):
    """All rows the same, to the last bit."""
    for name in GROWING:
        pd.testing.assert_frame_equal(rows_of(grown, name), rows_of(whole, name), check_exact=True, obj=name)


def days_asked(random):
    """As-of days: mostly the next, at times the same again, some days later, or some back."""
    day = FIRST + timedelta(days=70)
    while True:
        yield day
        day += timedelta(days=int(random.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 12, 0, -2])))


def history(seed, steps):
    """The two warehouses after each load, and what the tables that grow lacked."""
    vendor, grown, whole = Vendor(seed), Warehouse(":memory:"), Warehouse(":memory:")
    for today in islice(days_asked(vendor.random), steps):
        run = a_run(today, FIRST)
        for _ in range(2):
            vendor.change(today)
        given = list(vendor.answer(today))
        for warehouse in (grown, whole):
            warehouse.prepare(run)
            for table, rows in given:
                load(warehouse, run, table, rows)
        # At times a run ends before its tables are made.
        if vendor.random.random() < 0.85:
            forget(whole)
            assert set(make(whole, run).values()) == {None}
            yield grown, whole, make(grown, run)
    grown.close()
    whole.close()


def grow(seed):
    """Compare after each load; what the tables that grow lacked."""
    lacks = []
    for grown, whole, lack in history(seed, 14):
        compare(grown, whole)
        lacks += lack.values()
    return lacks


@pytest.mark.parametrize("seed", SEEDS)
def test_a_table_that_grew_is_the_one_made_whole(seed):
    lacks = grow(seed)
    some = [lack for lack in lacks if lack]
    assert len(some) > len(lacks) / 4
    assert any("basket:first" in lack.whole for lack in some)
    assert any(not lack.whole for lack in some)


MISTAKES = {
    "no look-back": ("core.returns", {"look_back_days": 0}),
    "dividends move no history": ("raw.dividends", {"moves_history": False}),
    "splits move no history": ("raw.splits", {"moves_history": False}),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_contract_that_promises_too_much_is_found_out(monkeypatch, mistake):
    name, promise = mistake
    monkeypatch.setitem(contracts(), name, contracts()[name].model_copy(update=promise))
    with pytest.raises(AssertionError, match="are different"):
        [grow(seed) for seed in SEEDS]


def test_baskets_forgotten_when_a_member_changes_are_found_out(monkeypatch):
    monkeypatch.setattr(growing, "together", lambda symbols, members: symbols)
    with pytest.raises(AssertionError, match="are different"):
        [grow(seed) for seed in SEEDS]


@pytest.fixture
def made():
    """A warehouse as of a day, its tables made."""
    warehouse, run = Warehouse(":memory:"), a_run("2025-05-12", FIRST)
    warehouse.prepare(run)
    for table, rows in Vendor(0).answer(run.as_of):
        load(warehouse, run, table, rows)
    make(warehouse, run)
    yield warehouse
    warehouse.close()


def lack_as_of(warehouse, day, since=FIRST):
    run, name = a_run(day, since), "core.returns"
    warehouse.prepare(run)
    return lack_of(warehouse, run, contracts()[name], upstream(name))


def test_a_later_day_lacks_only_itself(made):
    assert lack_as_of(made, "2025-05-13") == Lack(date(2025, 5, 13), [])


def test_an_earlier_day_another_first_day_other_code_or_another_universe_lacks_everything(made, tmp_path, monkeypatch):
    assert lack_as_of(made, "2025-05-11") is None
    assert lack_as_of(made, "2025-05-13", date(2025, 3, 4)) is None
    with monkeypatch.context() as patch:
        patch.setattr(growing, "CODE", "other code")
        assert lack_as_of(made, "2025-05-13") is None
    (tmp_path / "other.yaml").write_text(UNIVERSE.replace("members: [ONE, BOTH]", "members: [ONE, TWO]"))
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(tmp_path / "other.yaml"))
    assert lack_as_of(made, "2025-05-13") is None


def test_a_day_that_fails_leaves_the_table_and_what_is_noted_of_it(made):
    noted = growing.notes(made)
    before = rows_of(made, "core.returns")
    made.execute("alter table core.sessions drop column session_number")
    run = a_run("2025-05-13", FIRST)
    made.prepare(run)
    with pytest.raises(ContractBroken, match=r"core\.returns"):
        build(made, run, "core.returns")
    pd.testing.assert_frame_equal(rows_of(made, "core.returns"), before)
    assert growing.notes(made) == noted


def test_a_table_made_of_older_ones_is_made_whole_in_the_next_run(made):
    """As when somebody materializes it alone in the UI: it would go on from a day that its inputs do not have yet."""
    alone = replace(a_run("2025-05-15", FIRST), run_id="alone")
    made.prepare(alone)
    build(made, alone, "core.returns")
    assert lack_as_of(made, "2025-05-20") is None


def test_a_table_that_other_code_has_replaced_is_made_whole(made):
    """The release before, which knows nothing of notes, makes it anew."""
    made.execute(table_ddl(contracts()["core.returns"], "create or replace table core.returns"))
    assert lack_as_of(made, "2025-05-13") is None


def test_a_table_that_another_engine_made_is_made_whole(made):
    class Other:
        def select(self, warehouse, contract):
            return DUCKDB.select(warehouse, contract)

    run = a_run("2025-05-13", FIRST)
    made.prepare(run)
    build(made, run, "core.returns", Other())
    assert lack_as_of(made, "2025-05-14") is None
