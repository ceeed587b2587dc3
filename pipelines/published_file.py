"""The published DuckDB file: copies of the tables, each row with the run that publishes it, and what the file is."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines.chain.partitions import folder_of, rows_in_place
from pipelines.contracts import Contract, contracts, published_columns
from pipelines.query import open_closed
from pipelines.quoting import quoted
from pipelines.settings import Run
from pipelines.warehouse import Warehouse, ddl

SIMULATED = "SIMULATED sample data, not a market. "
COPIED = """select schema_name || '.' || table_name from duckdb_tables() where database_name = 'published'"""


def unfinished_version(run: Run) -> Path:
    """The folder in which a run makes its version until it is whole."""
    return run.home / "versions" / f"{run.run_id}.unfinished"


@contextmanager
def closed_copy(
    warehouse: Warehouse, run: Run, names: Collection[str], *, fresh: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Some tables as this run will publish them, in the file that it will publish, shut off from everything else.

    A run's file is made by who asks first, or anew where `fresh`.
    """
    folder = unfinished_version(run)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        folder.mkdir(parents=True)
        try:
            with attached(warehouse, folder / "market.duckdb") as beside:
                copy_tables(beside, run, names)
        except BaseException:
            shutil.rmtree(folder)
            raise
    with open_closed(folder / "market.duckdb") as connection:
        yield connection


def finish_file(warehouse: Warehouse, run: Run, published_at: str) -> None:
    """Copy the tables that the run's file does not have yet, and say what it is."""
    with attached(warehouse, unfinished_version(run) / "market.duckdb") as beside:
        there = {name for (name,) in beside.rows(COPIED)}
        copy_tables(beside, run, contracts().keys() - there)
        write_meta(beside, run, published_at)


@contextmanager
def attached(warehouse: Warehouse, file: Path) -> Iterator[Warehouse]:
    """The warehouse, with a file for DuckDB 1.2 and later beside it as `published`: filled whole or not at all."""
    with warehouse.beside() as beside:
        beside.execute(f"attach '{quoted(file)}' as published (storage_version 'v1.2.0')")
        try:
            with beside.transaction():
                yield beside
        finally:
            beside.execute("detach published")


def copy_tables(warehouse: Warehouse, run: Run, names: Collection[str]) -> None:
    """Copy tables with comments on every table and column."""
    for contract in (c for name, c in contracts().items() if name in names):
        warehouse.execute(f"create schema if not exists published.{contract.schema_name}")
        copy_table(warehouse, run, contract)
        comment(warehouse, run, contract)


def copy_table(warehouse: Warehouse, run: Run, contract: Contract) -> None:
    """Copy a table; what is read in place is far too large for that, so that its view goes on reading it there."""
    target = f"published.{contract.name}"
    if contract.storage == "in_place":
        warehouse.execute(f"create view {target} as {published_rows(rows_in_place(folder_of(run.state)), run)}")
    else:
        warehouse.execute(ddl(f"create table {target}", published_columns(contract)))
        warehouse.execute(f"insert into {target} by name {published_rows(f'from {contract.name}', run)}")


def published_rows(rows: str, run: Run) -> str:
    """A query for a table's rows, each with the run that publishes them."""
    return f"select *, '{quoted(run.run_id)}' as published_run_id from ({rows})"


def write_meta(warehouse: Warehouse, run: Run, published_at: str) -> None:
    """The `meta` table: what a reader must know before quoting a number."""
    facts = {
        "run_id": run.run_id,
        "data": "simulated" if run.is_simulated else "vendors",
        "note": SIMULATED.strip() if run.is_simulated else "Market data as given by the vendors named in source",
        "profile": run.profile.value,
        "as_of": str(run.as_of),
        "history_since": str(run.since),
        "published_at": published_at,
    }
    warehouse.execute("create table published.main.meta (key varchar primary key, value varchar not null)")
    for key, value in facts.items():
        warehouse.execute("insert into published.main.meta values ($1, $2)", [key, value])
    note = (SIMULATED if run.is_simulated else "") + "What this file is: run, profile, as-of day"
    warehouse.execute(f"comment on table published.main.meta is '{quoted(note)}'")


def comment(warehouse: Warehouse, run: Run, contract: Contract) -> None:
    """Put the contract's descriptions into the file; of simulated tables they begin by saying so."""
    text = (SIMULATED if run.is_simulated else "") + contract.description
    kind = "view" if contract.storage == "in_place" else "table"
    warehouse.execute(f"comment on {kind} published.{contract.name} is '{quoted(text)}'")
    for name, column in published_columns(contract).items():
        warehouse.execute(f"comment on column published.{contract.name}.\"{name}\" is '{quoted(column.comment)}'")
