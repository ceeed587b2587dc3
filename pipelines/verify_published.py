"""Whether the published version is what the working file holds: the database, and the Parquet files beside it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb

from pipelines.contracts import Contract, stored_columns, stored_tables
from pipelines.findings import Finding, first_line, readable
from pipelines.publish import current_version
from pipelines.quoting import quoted
from pipelines.settings import Profile
from pipelines.warehouse import Warehouse


def verify_published(warehouse: Warehouse, home: Path, profile: Profile) -> Iterator[Finding]:
    """Every published table is the working file's, and its Parquet file has as many rows."""
    version = current_version(home)
    if version is None or version["profile"] != profile:
        yield Finding("published", True, "nothing of this profile is published")
        return
    file = home / "market.duckdb"
    if not file.exists():
        yield Finding("published", False, f"{file} is missing. Next: `scaretrade run` publishes it anew")
        return
    yield Finding("published", True, f"run {version['run_id']}, as of {version['as_of']}")
    try:
        warehouse.execute(f"attach '{quoted(file)}' as published (read_only)")
        is_current = set(stored_tables()) <= warehouse.tables() and runs(warehouse, "") == runs(warehouse, "published.")
    except duckdb.Error as error:
        yield Finding("published", False, f"{first_line(error)}. Next: `scaretrade run` publishes it anew")
        return
    if not is_current:
        yield Finding("published", True, "not compared: the working file was changed since. The next run publishes it")
    for contract in stored_tables().values():
        copy = partial(verify_copy, warehouse, contract, home / "parquet", compare=is_current)
        yield readable(f"published {contract.name}", copy)


def runs(warehouse: Warehouse, database: str) -> set[str]:
    """Every run that left a trace in a file."""
    tables = ("quality.loads", "quality.check_results")
    traces = " union ".join(f"select run_id from {database}{table}" for table in tables)
    return {run for (run,) in warehouse.rows(traces)}


def verify_copy(warehouse: Warehouse, contract: Contract, parquet: Path, *, compare: bool) -> Finding:
    """Whether a published table has the working one's rows, and its Parquet file as many."""
    published, faults = f"published.{contract.name}", []
    if compare and (n := rows_apart(warehouse, contract, published)):
        faults.append(f"{n} rows differ from the working file")
    file = parquet / (contract.name.replace(".", "/") + ".parquet")
    if file.exists():
        counts = [f"select count(*) from {source}" for source in (published, f"read_parquet('{quoted(file)}')")]
        there, copied = (warehouse.scalar(count) for count in counts)
        faults += [f"{copied} rows in Parquet, {there} in the published file"] * (there != copied)
    else:
        faults.append(f"{file} is missing")
    return Finding(f"published {contract.name}", not faults, "; ".join(faults) or "as written")


def rows_apart(warehouse: Warehouse, contract: Contract, published: str) -> int:
    """How many rows of a table are in one of the two files only."""
    columns = ", ".join(f'"{name}"' for name in stored_columns(contract))
    both = [f"select {columns} from {table}" for table in (contract.name, published)]
    apart = " union all ".join(f"(from ({a}) except all from ({b}))" for a, b in (both, reversed(both)))
    return int(warehouse.scalar(f"select count(*) from ({apart})"))
