"""What the writer of a question may have meant by a name that the published file does not have."""

import re
from difflib import get_close_matches

import duckdb

# The database's words for a name that it does not know.
NO_TABLE = re.compile(r'Table with name "?(.+?)"? does not exist')
NO_COLUMN = re.compile(r'(?:Referenced column "([^"]+)" not found|does not have a column named "([^"]+)")')
IN_PLACE = (
    "raw.spent_outputs stands in Parquet files of its own, which this command does not open."
    " Next: ask raw.spent_coin_days, its sums by day, or open the published file with DuckDB"
)
CANDIDATES = re.compile(r"Candidate bindings: .*")


def explained(connection: duckdb.DuckDBPyConnection, error: duckdb.Error) -> str:
    """The database's message; for an unknown name, what may have been meant, the next step, and where it stands."""
    message = str(error)
    if found := NO_TABLE.search(message):
        said = no_table(connection, found[1])
    elif found := NO_COLUMN.search(message):
        said = no_column(connection, found[1] or found[2], message)
    elif message.startswith("Permission Error") and "spent_outputs" in message:
        said = IN_PLACE
    else:
        return message
    place = message.find("\nLINE ")
    return said + (f"\n{message[place:]}" if place >= 0 else "")


def no_table(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """An unknown table, and those of the nearest name with their schemas."""
    near = " or ".join(nearest_tables(connection, name))
    meant = f" Did you mean {near}?" if near else ""
    return f"No table is called {name}.{meant} Next: `scaretrade tables` lists them"


def nearest_tables(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Full names of the tables whose own name is nearest, whatever their schema."""
    rows = connection.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
    near = get_close_matches(name.lower().split(".")[-1], {table for _, table in rows}, n=1)
    return [table if schema == "main" else f"{schema}.{table}" for schema, table in rows if table in near]


def no_column(connection: duckdb.DuckDBPyConnection, name: str, message: str) -> str:
    """An unknown column: the nearest of the tables asked, or the tables that have it."""
    offered = re.findall(r'"([^"]+)"', "".join(CANDIDATES.findall(message)))
    near = get_close_matches(name.lower(), offered, n=1)
    owners = [] if near else tables_with(connection, name)
    more = [f"{len(owners) - 3} more"] if len(owners) > 3 else []
    named = ", ".join(owners[:3] + more)
    meant = f" Did you mean {near[0]}?" if near else f" It is a column of {named}." if owners else ""
    step = "Next: `scaretrade tables --columns` lists every column"
    return f"No column of the tables asked is called {name}.{meant} {step}"


def tables_with(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    """Full names of the tables that have a column."""
    query = "select schema_name || '.' || table_name from duckdb_columns() where column_name = lower($1) order by 1"
    return [table for (table,) in connection.execute(query, [column]).fetchall()]
