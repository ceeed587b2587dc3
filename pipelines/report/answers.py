"""An exhibit's rows, with what a reader must know of them: the SQL as it ran, the vendors behind, the newest day."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from pipelines.contracts import contracts
from pipelines.engines import inputs
from pipelines.report.entries import Exhibit

Columns = dict[str, list[Any]]

# Parsing every query would take longer than running it; a test holds this against the parser.
TABLE = re.compile(r"\b(?:core|marts|quality)\.\w+")


@dataclass(frozen=True)
class Answer:
    """What the published file says to an exhibit's query."""

    exhibit: Exhibit
    columns: Columns
    sql: str
    tables: list[str]
    sources: list[str]
    as_of: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def row(self, n: int) -> dict[str, Any]:
        """One row by column name."""
        return {name: values[n] for name, values in self.columns.items()}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows by column name."""
        return [self.row(n) for n in range(len(self))]


def ask(connection: duckdb.DuckDBPyConnection, exhibit: Exhibit, as_of: str) -> Answer:
    """Run an exhibit's query on the published file, whose as-of day stands in where the rows have no day."""
    result = connection.execute(exhibit.sql, exhibit.values or None)
    names = [column[0] for column in result.description or []]
    rows = result.fetchall()
    columns = {name: [row[n] for row in rows] for n, name in enumerate(names)}
    tables = sorted(set(TABLE.findall(exhibit.sql)))
    newest = newest_day(columns) if exhibit.is_chart or exhibit.kind == "cards" else None
    return Answer(exhibit, columns, filled(exhibit), tables, sources_of(connection, tables), str(newest or as_of))


def filled(exhibit: Exhibit) -> str:
    """The query as anybody can run it: values in place of their names."""
    return re.sub(r"\$(\w+)", lambda name: repr(exhibit.values[name[1]]), exhibit.sql)


def newest_day(columns: Columns) -> date | None:
    """The newest day of the rows: of `date`, or `session_date`, or the end of a period."""
    for name in ("date", "session_date", "period_end"):
        if days := [day for day in columns.get(name, []) if isinstance(day, date | datetime)]:
            return max(days)
    return None


def sources_of(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> list[str]:
    """The vendors whose data reach the tables; a source that only cross-checks another is not one of them."""
    found = connection.execute(
        "select distinct source from quality.coverage where reference_source is null and dataset in"
        " (select unnest($1)) order by source",
        [sorted(datasets_behind(tables, empty_tables(connection)))],
    )
    return [source for (source,) in found.fetchall()]


def empty_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The published tables without a row."""
    query = "select schema_name || '.' || table_name from duckdb_tables() where estimated_size = 0"
    return {name for (name,) in connection.execute(query).fetchall()}


def datasets_behind(tables: list[str], empty: set[str]) -> set[str]:
    """The raw tables that tables are made from; what is empty gave nothing."""
    waiting, seen = list(tables), set[str]()
    while waiting:
        if (name := waiting.pop()) not in seen | empty:
            seen.add(name)
            schema = name.partition(".")[0]
            waiting += inputs(name) if schema in ("core", "marts") and name in contracts() else []
    return {name.partition(".")[2] for name in seen if name.startswith(("raw.", "latest."))}
