"""The working DuckDB file: schemas from the contracts, and raw tables that keep every version of a row."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipelines.calendars import last_complete_day, last_complete_session
from pipelines.chain.partitions import folder_of, rows_in_place
from pipelines.contracts import Column, Contract, contracts, stored_columns, stored_key
from pipelines.settings import Run

BOOKKEEPING = ("quality.payloads", "quality.loads", "quality.rejected_rows", "quality.check_results")


class Warehouse:
    """The one writing connection of a run."""

    def __init__(self, file: Path | str, memory_limit: str | None = None, *, read_only: bool = False) -> None:
        self.connection = duckdb.connect(str(file), read_only=read_only)
        # DuckDB's own bar appears on slow machines, also under --quiet.
        self.connection.execute("set enable_progress_bar = false")
        if memory_limit:
            self.connection.execute("set memory_limit = $1", [memory_limit])

    def close(self) -> None:
        """Release the file."""
        self.connection.close()

    @contextmanager
    def beside(self) -> Iterator["Warehouse"]:
        """A second connection to the same file, with transactions of its own."""
        other = copy(self)
        with self.connection.cursor() as other.connection:
            yield other

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def execute(self, statement: str, params: list[Any] | None = None) -> None:
        """Run DDL or DML."""
        self.connection.execute(statement, params or [])

    def frame(self, query: str, params: list[Any] | None = None) -> pd.DataFrame:
        """The result of a query as a frame."""
        return self.connection.execute(query, params or []).df()

    def rows(self, query: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The result of a query as tuples."""
        return self.connection.execute(query, params or []).fetchall()

    def scalar(self, query: str, params: list[Any] | None = None) -> Any:
        """The first value of a query's result."""
        return self.rows(query, params)[0][0]

    def tables(self) -> set[str]:
        """The names of the file's tables."""
        query = "select schema_name || '.' || table_name from duckdb_tables() where database_name = current_database()"
        return {name for (name,) in self.rows(query)}

    def insert(self, table: str, frame: pd.DataFrame) -> None:
        """Append a frame's rows by column name."""
        self.connection.register("incoming", frame)
        self.execute(f"insert into {table} by name select * from incoming")
        self.connection.unregister("incoming")

    def prepare(self, run: Run) -> None:
        """Make what every run needs: schemas, raw and bookkeeping tables, and the views of what is known now."""
        with self.transaction():
            for schema in ("raw", "latest", "core", "marts", "quality"):
                self.execute(f"create schema if not exists {schema}")
            for name, contract in contracts().items():
                if contract.keeps_versions or name in BOOKKEEPING:
                    self.execute(table_ddl(contract, f"create table if not exists {name}", with_key=True))
                elif contract.storage == "days":
                    self.execute(table_ddl(contract, f"create table if not exists {name}"))
            self.execute(f"create or replace view raw.spent_outputs as {rows_in_place(folder_of(run.state))}")
            self._set_window(run)
            for contract in contracts().values():
                if contract.keeps_versions:
                    self.execute(latest_view(contract))

    def _set_window(self, run: Run) -> None:
        """What SQL models know of the run: its instant, and the days that had ended by then."""
        self.execute(
            "create or replace table latest.run_window as select $1::date as as_of, $2::timestamp as known_until,"
            " $3::date as last_complete_day, $4::date as last_complete_session",
            [
                run.as_of,
                run.now.replace(tzinfo=None),
                last_complete_day(run.now),
                last_complete_session(run.now),
            ],
        )
        self.execute(
            "create or replace table latest.calendar_days as"
            " select unnest(generate_series($1::timestamp, $2::timestamp, interval 1 day))::date as day",
            [run.since, last_complete_day(run.now)],
        )

    def append_versions(self, contract: Contract, frame: pd.DataFrame) -> int:
        """Store the rows that are new or differ from the version known until then; returns how many."""
        self.connection.register("incoming", frame)
        before = self.scalar(f"select count(*) from {contract.name}")
        self.execute(
            f"insert into {contract.name} by name select i.* from incoming as i"
            f" left join ({known_version(contract)}) as k on {same_key(contract)}"
            f" where k.load_id is null or {differs(contract)}"
        )
        self.connection.unregister("incoming")
        return int(self.scalar(f"select count(*) from {contract.name}")) - int(before)

    def restated_symbols(self, contract: Contract, frame: pd.DataFrame) -> set[str]:
        """Symbols whose overlap disagrees with what is stored: their history has been rewritten."""
        self.connection.register("incoming", frame)
        found = self.rows(
            f"select distinct i.symbol from incoming as i join ({known_version(contract)}) as k"
            f" on {same_key(contract)} where {differs(contract)}"
        )
        self.connection.unregister("incoming")
        return {symbol for (symbol,) in found}


def clear_leftovers(state: Path) -> None:
    """Remove what a killed run or rebuild left beside the working file, except its log: that holds finished loads."""
    for leftover in state.glob("work.duckdb.new*"):
        leftover.unlink()
    shutil.rmtree(state / "work.duckdb.tmp", ignore_errors=True)


def table_ddl(contract: Contract, statement: str, *, with_key: bool = False) -> str:
    """`create table` with the contract's columns, their not-null rules and, if asked, the primary key."""
    return ddl(statement, stored_columns(contract), stored_key(contract) if with_key else [])


def ddl(statement: str, columns: dict[str, Column], key: Sequence[str] = ()) -> str:
    """`create table` with columns, their not-null rules and a primary key."""
    parts = [f'"{name}" {column.type}{" not null" if column.required else ""}' for name, column in columns.items()]
    if key:
        parts.append(f"primary key ({', '.join(key)})")
    return f"{statement} ({', '.join(parts)})"


def latest_view(contract: Contract) -> str:
    """A view of each row's newest version known at the run's instant, none dated after its as-of day."""
    key = ", ".join([*contract.grain, "source"])
    return (
        f"create or replace view latest.{contract.name.split('.')[1]} as select t.* from {contract.name} as t"
        f" cross join latest.run_window as w"
        f" where t.known_at <= w.known_until and t.{contract.day_column}::date <= w.as_of"
        f" qualify row_number() over (partition by {key} order by t.known_at desc, t.load_id desc) = 1"
    )


def known_version(contract: Contract) -> str:
    """The newest stored version of each key of `incoming` at the incoming rows' instant.

    Where the day is part of the key, it is sought among the incoming rows' days only.
    """
    key, day = [*contract.grain, "source"], contract.day_column
    days = f" and v.{day} between (select min({day}) from incoming) and (select max({day}) from incoming)"
    columns = ", ".join(f"v.{c}" for c in [*contract.columns, "source", "load_id"])
    return (
        f"select {columns} from {contract.name} as v"
        f" where v.known_at <= (select max(known_at) from incoming)"
        f"{days if day in contract.grain else ''}"
        f" and v.symbol in (select distinct symbol from incoming)"
        f" qualify row_number() over (partition by {', '.join(f'v.{c}' for c in key)}"
        " order by v.known_at desc, v.load_id desc) = 1"
    )


def same_key(contract: Contract) -> str:
    """Join condition of incoming rows (i) to known versions (k)."""
    return " and ".join(f"i.{c} = k.{c}" for c in [*contract.grain, "source"])


def differs(contract: Contract) -> str:
    """Condition that an incoming row (i) says something else than the known one (k), beyond the column's tolerance."""

    def one(name: str) -> str:
        tolerance = contract.columns[name].tolerance
        if not tolerance:
            return f"i.{name} is distinct from k.{name}"
        return f"(i.{name} is null) <> (k.{name} is null) or abs(i.{name} - k.{name}) > {tolerance} * abs(k.{name})"

    return "(" + " or ".join(one(name) for name in contract.value_columns) + ")"
