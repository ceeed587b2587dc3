"""What the UI shows of a table, from its contract and its rows: one function each, so that no asset repeats it."""

from datetime import timedelta
from typing import Any

import dagster as dg

from pipelines.contracts import Contract, contracts, stored_columns
from pipelines.plots import image
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse

OWNERS = ["team:scaretrade"]
# One scheduled run may be late; a second missed one counts as stale.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))


def table_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns for Dagster's column schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=not column.required),
            )
            for name, column in stored_columns(contract).items()
        ]
    )


def definition_metadata(contract: Contract) -> dict[str, Any]:
    """Column schema, table name and, of a SQL model, its text."""
    metadata: dict[str, Any] = {
        "dagster/column_schema": table_schema(contract),
        "dagster/table_name": contract.name,
        "grain": ", ".join(contract.grain),
    }
    if contract.sql_file.exists():
        metadata["sql"] = dg.MetadataValue.md(f"```sql\n{contract.sql_file.read_text()}\n```")
    return metadata


def row_metadata(warehouse: Warehouse, table: str, note: str = "") -> dict[str, Any]:
    """Row count, the first and last day of a table, and a small plot of a mart with a note in its title."""
    contract = contracts()[table]
    days = [n for n, c in contract.columns.items() if c.type == "DATE"]
    day = days[0] if days else "null"
    rows, first, last = warehouse.rows(f"select count(*), min({day}), max({day}) from {table}")[0]
    found: dict[str, Any] = {"dagster/row_count": rows}
    if first is not None:
        found |= {"first_date": str(first), "last_date": str(last)}
    if contract.plot:
        found["plot"] = dg.MetadataValue.md(image(warehouse, contract.plot, note))
    return found


def dependencies(tables: frozenset[str]) -> list[dg.AssetKey]:
    """Asset keys of what a model reads: models by table, raw data by the sources that feed it."""
    keys = set()
    for table in tables:
        schema, name = table.split(".")
        if schema in ("core", "marts", "quality"):
            keys.add((schema, name))
        elif f"raw.{name}" in contracts():
            keys |= {("raw", asset) for asset in feeding(contracts()[f"raw.{name}"])}
    return [dg.AssetKey(list(key)) for key in sorted(keys)]


def feeding(contract: Contract) -> set[str]:
    """What fills a raw table: the sources whose series do, or the asset of counted spent outputs."""
    if not contract.keeps_versions:
        return {"spent_outputs"}
    universe = load_universe()
    wanted = [universe.datasets(i) for i in universe.instruments.values()]
    return {source for datasets in wanted for source in datasets.get(contract.dataset, [])}
