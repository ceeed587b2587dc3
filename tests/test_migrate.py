"""An older working file is brought to today's contracts with all its rows, or refused with the command that helps."""

import hashlib
from datetime import date

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.contracts import Column, contracts
from pipelines.migrate import OtherVersion, kept_contracts, migrate, stored_shapes, wanted_shape
from pipelines.warehouse import Warehouse, table_ddl
from tests.daily import Home, settings
from tests.factories import a_run
from tests.test_warehouse import bar

RUN = a_run("2026-02-05")
BARS = contracts()["raw.daily_bars"]
LOADS = contracts()["quality.loads"]


def older(contract, **columns):
    """A contract as it was: a column of another type, or (None) a column that was not there yet."""
    changed = {**contract.columns, **{name: column for name, column in columns.items() if column}}
    return contract.model_copy(
        update={"columns": {name: c for name, c in changed.items() if columns.get(name, c) is not None}}
    )


def column(kind, *, required=True):
    return Column(type=kind, description="As it was", required=required)


@pytest.fixture
def file(tmp_path):
    """A working file of today with one bar."""
    file = tmp_path / "work.duckdb"
    warehouse = Warehouse(file)
    migrate(warehouse, RUN)
    warehouse.prepare(RUN)
    warehouse.insert("raw.daily_bars", bar())
    warehouse.close()
    return file


def change(file, *statements):
    """Do something to the file as another version would have."""
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def write_as(file, contract, frame=None):
    """Put a table into the file as an older version wrote it."""
    change(file, f"drop table {contract.name}", table_ddl(contract, f"create table {contract.name}", with_key=True))
    if frame is not None:
        warehouse = Warehouse(file)
        warehouse.insert(contract.name, frame)
        warehouse.close()


def opened(file, query):
    """Open the file as a run does; the result of a query, after the file was closed and opened once more."""
    warehouse = Warehouse(file)
    try:
        migrate(warehouse, RUN)
        warehouse.prepare(RUN)
    finally:
        warehouse.close()
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def everything(file):
    with duckdb.connect(str(file), read_only=True) as connection:
        tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        return {name: connection.execute(f"from {name}").fetchall() for (name,) in tables}


def shapes_fit(file):
    warehouse = Warehouse(file)
    try:
        return stored_shapes(warehouse) == {name: wanted_shape(c) for name, c in kept_contracts().items()}
    finally:
        warehouse.close()


def test_a_file_of_today_is_left_as_it_is(file):
    assert shapes_fit(file)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    warehouse = Warehouse(file)
    migrate(warehouse, RUN)
    warehouse.close()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_column_that_was_not_there_is_added(file):
    write_as(file, older(BARS, volume=None), bar().drop(columns="volume"))
    assert not shapes_fit(file)
    assert opened(file, "select symbol, close, volume, load_id from raw.daily_bars") == [("IBM", 100.0, None, 1)]
    assert shapes_fit(file)


def test_a_column_that_was_required_may_now_be_missing(file):
    write_as(file, older(BARS, open=column("DOUBLE"), high=column("DOUBLE")), bar())
    assert opened(file, "select open, high from raw.daily_bars") == [(100.0, 120.0)]
    assert shapes_fit(file)
    warehouse = Warehouse(file)
    warehouse.insert("raw.daily_bars", bar(load_id=2, open=None).astype({"open": "float64"}))
    warehouse.close()


@pytest.mark.parametrize(
    ("table", "name", "kind", "value", "expected"),
    [
        ("quality.payloads", "size_bytes", "INTEGER", 7, 7),
        ("quality.payloads", "window_since", "DATE", date(2026, 2, 5), date(2026, 2, 5)),
        ("quality.payloads", "known_at", "DATE", date(2026, 2, 5), pd.Timestamp("2026-02-05")),
        ("quality.payloads", "url", "DOUBLE", 1.5, "1.5"),
        ("quality.payloads", "symbol", "BIGINT", 600519, "600519"),
        # The key's columns too.
        ("quality.payloads", "run_id", "INTEGER", 3, "3"),
    ],
)
def test_a_type_is_changed_where_no_value_is_lost(file, table, name, kind, value, expected):
    contract = older(contracts()[table], **{name: column(kind)})
    values = {"VARCHAR": "x", "INTEGER": 1, "BIGINT": 1, "DATE": RUN.as_of, "TIMESTAMP": pd.Timestamp("2026-02-05")}
    write_as(
        file,
        contract,
        pd.DataFrame([{n: values[c.type] for n, c in contracts()[table].columns.items()} | {name: value}]),
    )
    assert opened(file, f"select {name} from {table}") == [(expected,)]
    assert shapes_fit(file)


def test_the_key_is_enforced_after_a_migration(file):
    write_as(file, older(BARS, volume=None), bar().drop(columns="volume"))
    opened(file, "select 1")
    warehouse = Warehouse(file)
    with pytest.raises(duckdb.ConstraintException):
        warehouse.insert("raw.daily_bars", bar())
    warehouse.close()


def test_an_empty_table_can_take_any_shape(file):
    write_as(file, older(LOADS, run_id=None, rows_parsed=column("VARCHAR")))
    opened(file, "select 1")
    assert shapes_fit(file)


def test_a_table_that_was_not_there_is_made(file):
    change(file, "drop view latest.market_caps", "drop table raw.market_caps", "drop table latest.file_format")
    assert opened(file, "select count(*) from raw.market_caps") == [(0,)]
    assert shapes_fit(file)


UNREADABLE = {
    "a required column came later": lambda f: write_as(f, older(BARS, close=None), bar().drop(columns="close")),
    "text became a number": lambda f: write_as(f, older(BARS, volume=column("VARCHAR")), bar()),
    "a number lost its fraction": lambda f: write_as(
        f, older(contracts()["quality.loads"], rows_parsed=column("DOUBLE")), a_load()
    ),
    "what could be missing is required": lambda f: write_as(
        f, older(BARS, close=column("DOUBLE", required=False)), bar(close=None).astype({"close": "float64"})
    ),
    "one key more": lambda f: write_as(
        f, BARS.model_copy(update={"grain": ["symbol", "date", "close"]}), pd.concat([bar(), bar(close=1.0)])
    ),
    "another meaning": lambda f: change(f, "update latest.file_format set number = 0"),
}
NEWER = {
    "a column more": lambda f: change(f, "alter table raw.daily_bars add column mood varchar"),
    "a table more": lambda f: change(f, "create table raw.moods (mood varchar)"),
    "a higher format": lambda f: change(f, "update latest.file_format set number = 2"),
}


def a_load():
    row = {
        "load_id": 1,
        "run_id": "r",
        "source": "s",
        "dataset": "d",
        "symbol": "x",
        "known_at": pd.Timestamp("2026-02-05"),
    }
    row |= {"window_since": RUN.as_of, "window_until": RUN.as_of, "outcome": "ok", "reason": None, "rows_parsed": 0.5}
    return pd.DataFrame([row | {"rows_running": 0, "rows_rejected": 0, "rows_written": 0}])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(f, "Next: use (its own version|the version that wrote it)") for f in UNREADABLE.values()]
    + [(f, "written by a newer version.*Next: use that one") for f in NEWER.values()],
    ids=[*UNREADABLE, *NEWER],
)
def test_what_cannot_be_brought_here_is_refused_and_stays_as_it_was(file, spoil, reason):
    # A table that could be migrated comes first: it must not be touched either.
    write_as(file, older(LOADS, reason=None))
    spoil(file)
    before = everything(file)
    with pytest.raises(
        OtherVersion, match=rf"(?s)work.duckdb: .*{reason}, or `scaretrade rebuild --profile sample --home"
    ):
        opened(file, "select 1")
    assert everything(file) == before


def test_a_run_on_a_newer_file_publishes_nothing_and_says_what_helps(tmp_path):
    home = Home(tmp_path / "home")
    home.ingest("2026-02-03")
    change(home.work, "alter table raw.daily_bars add column mood varchar")
    before = everything(home.work)
    arguments = ["--profile", "sample", "--home", str(home.folder)]
    with settings(tmp_path):
        result = CliRunner().invoke(main, ["run", *arguments, "--as-of", "2026-02-05", "--since", "2025-09-02"])
        assert result.exit_code == 1
        assert (
            "raw.daily_bars has the unknown columns mood: written by a newer version. Next: use that one"
            in result.stderr
        )
        assert "Traceback" not in result.output
        assert everything(home.work) == before
        assert CliRunner().invoke(main, ["rebuild", *arguments]).exit_code == 0
        home.ingest("2026-02-05")
