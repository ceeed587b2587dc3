"""An older working file is brought to today's contracts where nothing can be lost by it; any other is refused.

Derived tables need none of this: other contracts than those they were made by make them whole.
"""

import logging
from dataclasses import dataclass

import duckdb

from pipelines.contracts import Contract, stored_columns, stored_key, stored_tables
from pipelines.settings import Run
from pipelines.warehouse import BOOKKEEPING, Warehouse, table_ddl

# Raise it when stored values change their meaning while columns and types stay: files of another number are refused.
FORMAT = 1
LOSSLESS = {("INTEGER", "BIGINT"), ("INTEGER", "DOUBLE"), ("DATE", "TIMESTAMP")}
log = logging.getLogger("scaretrade")


class OtherVersion(Exception):
    """The working file was written by another version of the code and cannot be used as it is."""


@dataclass(frozen=True)
class Shape:
    """What a table looks like: column to type and whether it may be null, and the primary key."""

    columns: dict[str, tuple[str, bool]]
    key: list[str]


def kept_contracts() -> dict[str, Contract]:
    """The tables that outlive a run: raw and bookkeeping."""
    return {name: c for name, c in stored_tables().items() if c.schema_name == "raw" or name in BOOKKEEPING}


def wanted_shape(contract: Contract) -> Shape:
    """What a table looks like by its contract."""
    key = stored_key(contract) if contract.storage == "versions" else []
    columns = stored_columns(contract).items()
    return Shape({name: (c.type, not c.required and name not in key) for name, c in columns}, key)


def stored_shapes(warehouse: Warehouse) -> dict[str, Shape]:
    """What the file's raw and bookkeeping tables look like."""
    shapes: dict[str, Shape] = {}
    for table, column, kind, nullable in warehouse.rows(
        "select schema_name || '.' || table_name, column_name, data_type, is_nullable from duckdb_columns()"
        " where database_name = current_database() and schema_name in ('raw', 'quality') and table_oid in"
        " (select table_oid from duckdb_tables() where database_name = current_database()) order by column_index"
    ):
        if table.startswith("raw.") or table in BOOKKEEPING:
            shapes.setdefault(table, Shape({}, [])).columns[column] = (kind, nullable)
    for table, key in warehouse.rows(
        "select schema_name || '.' || table_name, constraint_column_names from duckdb_constraints()"
        " where database_name = current_database() and constraint_type = 'PRIMARY KEY'"
    ):
        if table in shapes:
            shapes[table].key.extend(key)
    return shapes


def migrate(warehouse: Warehouse, run: Run) -> None:
    """Bring every kept table to its contract, all or none; raises OtherVersion and changes nothing."""
    kept, shapes = kept_contracts(), stored_shapes(warehouse)
    try:
        with warehouse.transaction():
            refuse_other_format(warehouse)
            for name, shape in shapes.items():
                refuse_unknown(name, shape)
                if shape != wanted_shape(kept[name]):
                    bring(warehouse, kept[name], shape)
    except OtherVersion as other:
        command = f"`scaretrade rebuild --profile {run.profile} --home {run.home}`"
        raise OtherVersion(
            f"{run.state / 'work.duckdb'}: {other}, or {command} makes it anew from the landing"
        ) from other


def refuse_other_format(warehouse: Warehouse) -> None:
    """Compare the file's number with this version's, and write it into a file that has none yet."""
    warehouse.execute("create schema if not exists latest")
    warehouse.execute("create table if not exists latest.file_format as select $1 as number", [FORMAT])
    found = warehouse.scalar("select number from latest.file_format")
    if found > FORMAT:
        raise OtherVersion(f"written by a newer version (format {found}, this one writes {FORMAT}). Next: use that one")
    if found < FORMAT:
        raise OtherVersion(f"its values mean something else (format {found}, now {FORMAT}). Next: use its own version")


def refuse_unknown(name: str, shape: Shape) -> None:
    """What no contract knows was put there by a newer version, which may rely on it."""
    contract = kept_contracts().get(name)
    unknown = [] if contract is None else sorted(set(shape.columns) - set(stored_columns(contract)))
    if contract is None or unknown:
        what = f"{name} has the unknown columns {', '.join(unknown)}" if contract else f"{name} is an unknown table"
        raise OtherVersion(f"{what}: written by a newer version. Next: use that one")


def bring(warehouse: Warehouse, contract: Contract, shape: Shape) -> None:
    """Write a table anew in its contract's shape, with all its rows; an empty one can take any shape."""
    has_rows = warehouse.scalar(f"select exists (from {contract.name})")
    wanted = wanted_shape(contract)
    for name, (kind, _) in wanted.columns.items():
        had = shape.columns.get(name, (kind, True))[0]
        if has_rows and had != kind and kind != "VARCHAR" and (had, kind) not in LOSSLESS:
            raise OtherVersion(f"{contract.name}.{name} was {had} and is {kind}. Next: use the version that wrote it")
    warehouse.execute(f"create or replace temp table former as from {contract.name}")
    warehouse.execute(f"drop table {contract.name}")
    warehouse.execute(table_ddl(contract, f"create table {contract.name}", with_key=bool(wanted.key)))
    try:
        warehouse.execute(f"insert into {contract.name} by name from former")
    except duckdb.ConstraintException as error:
        reason = str(error).splitlines()[0]
        raise OtherVersion(
            f"{contract.name}: its rows do not fit ({reason}). Next: use the version that wrote it"
        ) from error
    warehouse.execute("drop table former")
    log.info("%s brought to this version's contract", contract.name)
