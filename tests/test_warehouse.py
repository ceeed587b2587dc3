"""The working file: raw tables that keep every version, views of what is known, and tables replaced whole or not."""

from datetime import UTC, date, datetime

import duckdb
import pandas as pd
import pytest

from pipelines.contracts import contracts
from pipelines.engines import PYTHON_MODELS, ContractBroken, build
from pipelines.settings import Profile, new_run
from pipelines.warehouse import Warehouse
from tests.factories import Market, a_run, days

BARS = contracts()["raw.daily_bars"]
FIRST, SECOND, THIRD = "2026-02-04 00:00", "2026-02-05 00:00", "2026-02-06 00:00"


def a_run_at(moment, **options):
    clock = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return new_run("test", Profile.LIVE, options.get("home", a_run("2026-02-05").home), None, date(2025, 1, 1), clock)


def bar(known_at=FIRST, load_id=1, close=100.0, **values):
    row = {
        "symbol": "IBM",
        "date": pd.Timestamp("2026-02-03"),
        "open": 100.0,
        "high": 120.0,
        "low": 80.0,
        "close": close,
        "close_adjusted_vendor": 99.0,
        "volume": 10.0,
        "source": "yahoo",
        "known_at": pd.Timestamp(known_at),
        "load_id": load_id,
        "payload_id": "payload",
    }
    frame = pd.DataFrame([row | values])
    nullable = ["close_adjusted_vendor", "volume"]
    return frame.astype(dict.fromkeys(nullable, "float64"))


@pytest.fixture
def warehouse():
    opened = Warehouse(":memory:")
    opened.prepare(a_run("2026-02-05"))
    yield opened
    opened.close()


def stored(warehouse):
    return warehouse.rows("select load_id, close from raw.daily_bars order by load_id")


def latest(warehouse):
    return warehouse.rows("select close from latest.daily_bars")


def test_a_new_row_is_stored_and_an_unchanged_one_is_not(warehouse):
    assert warehouse.append_versions(BARS, bar()) == 1
    assert warehouse.append_versions(BARS, bar(SECOND, 2)) == 0
    assert stored(warehouse) == [(1, 100.0)]


def test_a_changed_value_is_a_new_version(warehouse):
    warehouse.append_versions(BARS, bar())
    assert warehouse.append_versions(BARS, bar(SECOND, 2, close=101.0)) == 1
    assert stored(warehouse) == [(1, 100.0), (2, 101.0)]
    assert latest(warehouse) == [(101.0,)]


def test_a_value_that_returns_is_a_third_version(warehouse):
    for load_id, (known_at, close) in enumerate([(FIRST, 100.0), (SECOND, 101.0), (THIRD, 100.0)], start=1):
        assert warehouse.append_versions(BARS, bar(known_at, load_id, close)) == 1
    assert stored(warehouse) == [(1, 100.0), (2, 101.0), (3, 100.0)]


@pytest.mark.parametrize(
    ("column", "before", "after", "written"),
    [
        # The vendor's adjusted close has a tolerance of 1e-5 of its value: floats are rounded differently each day.
        ("close_adjusted_vendor", 100.0, 100.0009, 0),
        ("close_adjusted_vendor", 100.0, 99.9991, 0),
        ("close_adjusted_vendor", 100.0, 100.0011, 1),
        ("close_adjusted_vendor", 100.0, 99.9989, 1),
        ("close_adjusted_vendor", None, 100.0, 1),
        ("close_adjusted_vendor", 100.0, None, 1),
        ("close_adjusted_vendor", None, None, 0),
        # A close has none.
        ("close", 100.0, 100.0000001, 1),
        ("volume", None, 0.0, 1),
        ("volume", 0.0, None, 1),
        ("volume", None, None, 0),
    ],
)
def test_what_counts_as_a_change(warehouse, column, before, after, written):
    warehouse.append_versions(BARS, bar(**{column: before}))
    assert warehouse.append_versions(BARS, bar(SECOND, 2, **{column: after})) == written
    assert len(warehouse.restated_symbols(BARS, bar(THIRD, 3, **{column: after}))) == 0


def test_a_change_beside_a_missing_value_is_seen(warehouse):
    warehouse.append_versions(BARS, bar(close_adjusted_vendor=None))
    assert warehouse.append_versions(BARS, bar(SECOND, 2, close=101.0, close_adjusted_vendor=None)) == 1


def test_restated_symbols_are_those_whose_known_rows_differ(warehouse):
    warehouse.append_versions(BARS, pd.concat([bar(), bar(symbol="TRI"), bar(symbol="AMD")]))
    incoming = pd.concat(
        [bar(SECOND, 2, 101.0), bar(SECOND, 2, symbol="TRI"), bar(SECOND, 2, symbol="AMD", date=pd.Timestamp(FIRST))]
    )
    assert warehouse.restated_symbols(BARS, incoming) == {"IBM"}


def test_an_empty_frame_writes_nothing(warehouse):
    warehouse.append_versions(BARS, bar())
    assert warehouse.append_versions(BARS, bar(SECOND, 2).iloc[:0]) == 0


def test_two_sources_are_two_series(warehouse):
    warehouse.append_versions(BARS, bar())
    assert warehouse.append_versions(BARS, bar(SECOND, 2, source="tiingo")) == 1
    assert warehouse.scalar("select count(*) from latest.daily_bars") == 2


def test_older_knowledge_loaded_later_does_not_override_newer(warehouse):
    warehouse.append_versions(BARS, bar(SECOND, 1, close=101.0))
    assert warehouse.append_versions(BARS, bar(FIRST, 2, close=100.0)) == 1
    assert latest(warehouse) == [(101.0,)]
    warehouse.prepare(a_run("2026-02-03"))
    assert latest(warehouse) == [(100.0,)]


def test_of_two_loads_at_one_instant_the_later_load_counts(warehouse):
    warehouse.append_versions(BARS, bar(FIRST, 2, close=102.0))
    warehouse.insert("raw.daily_bars", bar(FIRST, 1, close=101.0))
    assert latest(warehouse) == [(102.0,)]
    assert warehouse.append_versions(BARS, bar(FIRST, 3, close=102.0)) == 0


def test_latest_views_show_nothing_dated_after_the_as_of_day(warehouse):
    warehouse.append_versions(BARS, pd.concat([bar(), bar(date=pd.Timestamp("2026-02-04"))]))
    hour = {"symbol": "BTC", "start_at": pd.Timestamp("2026-02-03 23:00"), "open": 1.0, "high": 1.0, "low": 1.0}
    hour |= {"close": 1.0, "volume": 1.0, "source": "binance", "known_at": pd.Timestamp(FIRST), "load_id": 1}
    hours = pd.DataFrame([hour, hour | {"start_at": pd.Timestamp("2026-02-04 00:00")}]).assign(payload_id="p")
    warehouse.append_versions(contracts()["raw.hourly_bars"], hours)
    warehouse.prepare(a_run("2026-02-03"))
    assert warehouse.rows("select date::varchar from latest.daily_bars") == [("2026-02-03",)]
    assert warehouse.rows("select start_at::varchar from latest.hourly_bars") == [("2026-02-03 23:00:00",)]


def test_latest_views_show_nothing_that_was_not_known(warehouse):
    warehouse.append_versions(BARS, bar("2026-02-04 12:00:00"))
    warehouse.prepare(a_run_at("2026-02-04 11:59:59"))
    assert latest(warehouse) == []
    warehouse.prepare(a_run_at("2026-02-04 12:00:00"))
    assert latest(warehouse) == [(100.0,)]


def test_a_restated_close_is_seen_as_it_was_known_and_is_listed():
    market = Market("2026-02-05")
    sessions = ["2026-02-02", "2026-02-03"]
    market.bars("IBM", sessions, [100.0, 104.0], known_at=FIRST)
    market.bars("IBM", sessions[1:], [103.0], known_at=SECOND, load_id=2)
    seen = {}
    for moment in (FIRST, SECOND):
        market.run = a_run_at(moment)
        market.warehouse.prepare(market.run)
        market.built.clear()
        prices = market.table("core.prices", "symbol = 'IBM'")
        listed = market.table("core.restatements")[["date", "item", "old_value", "new_value", "seen_at"]]
        seen[moment] = (prices["close"].tolist(), listed.to_numpy().tolist())
    restated = [pd.Timestamp("2026-02-03"), "close", 104.0, 103.0, pd.Timestamp(SECOND)]
    assert seen == {FIRST: ([100.0, 104.0], []), SECOND: ([100.0, 103.0], [restated])}


def test_a_new_version_of_another_column_is_no_restated_close():
    market = Market("2026-02-05")
    market.bars("IBM", ["2026-02-03"], [100.0], known_at=FIRST)
    market.bars("IBM", ["2026-02-03"], [100.0], low=[99.0], known_at=SECOND, load_id=2)
    assert market.table("core.restatements").empty


@pytest.mark.parametrize("table", ["raw.dividends", "raw.splits", "raw.onchain"])
def test_every_kind_of_value_is_listed_when_restated(table):
    market = Market("2026-02-05")
    for load_id, known_at in enumerate([FIRST, SECOND], start=1):
        load = {"known_at": known_at, "load_id": load_id}
        if table == "raw.dividends":
            market.dividend("IBM", "2026-02-03", 1.0 * load_id, **load)
        elif table == "raw.splits":
            market.split("IBM", "2026-02-03", 1.0 * load_id, **load)
        else:
            market.onchain(["2026-02-03"], {"realized_loss_usd": [1.0 * load_id]}, **load)
    listed = market.table("core.restatements")
    assert listed[["table_name", "old_value", "new_value"]].to_numpy().tolist() == [[table[4:], 1.0, 2.0]]


def test_values_restated_twice_at_one_instant_keep_one_row_a_key():
    market = Market("2026-02-05")
    for load_id, (known_at, close) in enumerate([(FIRST, 100.0), (SECOND, 101.0), (SECOND, 102.0)], start=1):
        market.bars("IBM", ["2026-02-03"], [close], known_at=known_at, load_id=load_id)
    listed = market.table("core.restatements")
    assert listed[["old_value", "new_value"]].to_numpy().tolist() == [[100.0, 102.0]]


def test_the_primary_key_refuses_a_second_row_of_one_load(warehouse):
    warehouse.insert("raw.daily_bars", bar())
    with pytest.raises(duckdb.ConstraintException, match=r"(?i)duplicate key|primary key"):
        warehouse.insert("raw.daily_bars", bar(close=101.0))
    assert stored(warehouse) == [(1, 100.0)]


def test_a_transaction_is_all_or_nothing(warehouse):
    def half():
        with warehouse.transaction():
            warehouse.insert("raw.daily_bars", bar())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert stored(warehouse) == []
    with warehouse.transaction():
        warehouse.insert("raw.daily_bars", bar())
    assert stored(warehouse) == [(1, 100.0)]


def with_null(frame):
    return frame.assign(name=None)


def with_missing_column(frame):
    return frame.drop(columns="kind")


def with_strange_column(frame):
    return frame.assign(sector="software")


def with_text_for_a_flag(frame):
    return frame.assign(is_correlation_base="perhaps")


@pytest.mark.parametrize("spoil", [with_null, with_missing_column, with_strange_column, with_text_for_a_flag])
def test_a_python_model_that_breaks_its_contract_leaves_the_old_table(warehouse, monkeypatch, spoil):
    run = a_run("2026-02-05")
    build(warehouse, run, "core.instruments")
    before = warehouse.rows("select * from core.instruments order by symbol")
    good = PYTHON_MODELS["core.instruments"]
    monkeypatch.setitem(PYTHON_MODELS, "core.instruments", lambda w, r: spoil(good(w, r)))
    with pytest.raises((ContractBroken, duckdb.Error)):
        build(warehouse, run, "core.instruments")
    assert warehouse.rows("select * from core.instruments order by symbol") == before != []


def test_a_sql_model_that_breaks_its_contract_leaves_the_old_table():
    market = Market("2026-02-05").bars("IBM", ["2026-02-02", "2026-02-03"], [100.0, 101.0])
    before = market.table("marts.drawdowns", "symbol = 'IBM'")
    # The price model trusts its input; a table upstream that lost a column must not take the mart with it.
    market.warehouse.execute("alter table core.prices drop column close")
    with pytest.raises(ContractBroken, match=r"marts\.drawdowns: the query does not fit its contract"):
        build(market.warehouse, market.run, "marts.drawdowns")
    pd.testing.assert_frame_equal(market.rows("marts.drawdowns", "symbol = 'IBM'"), before)


def test_a_null_in_a_required_column_of_a_sql_model_is_named():
    market = Market("2026-02-05").bars("IBM", ["2026-02-02", "2026-02-03"], [100.0, 101.0])
    before = market.table("marts.drawdowns", "symbol = 'IBM'")
    for column in ("close", "close_adjusted"):
        market.warehouse.execute(f"alter table core.prices alter column {column} drop not null")
    market.warehouse.execute("update core.prices set close = null, close_adjusted = null where date = '2026-02-02'")
    with pytest.raises(ContractBroken, match=r"marts\.drawdowns: .*NOT NULL"):
        build(market.warehouse, market.run, "marts.drawdowns")
    pd.testing.assert_frame_equal(market.rows("marts.drawdowns", "symbol = 'IBM'"), before)


def test_the_file_keeps_its_rows_when_reopened(tmp_path):
    for expected in (1, 0):
        opened = Warehouse(tmp_path / "work.duckdb", memory_limit="500MB")
        opened.prepare(a_run("2026-02-05"))
        assert opened.append_versions(BARS, bar()) == expected
        opened.close()


def test_calendar_days_run_from_the_first_day_of_history_to_the_last_that_ended(warehouse):
    warehouse.prepare(a_run("2026-02-05", "2026-01-30"))
    found = warehouse.frame("select day from latest.calendar_days order by day")["day"].tolist()
    assert found == days("2026-01-30", 7).tolist()
