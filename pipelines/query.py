"""Questions to the published file: read-only, without access to anything but that file."""

import re
from difflib import get_close_matches
from pathlib import Path

import duckdb
import pandas as pd

from pipelines.settings import PROJECT

QUERIES = PROJECT / "warehouse" / "queries"


class QueryError(Exception):
    """A question that could not be answered, with the next step."""


def ready_made() -> dict[str, str]:
    """Names of the ready-made questions and what each answers."""
    return {p.stem: p.read_text().splitlines()[0].removeprefix("-- ") for p in sorted(QUERIES.glob("*.sql"))}


def published_file(home: Path) -> Path:
    """The file that SQL users open; raises QueryError when nothing has been published yet."""
    file = home / "market.duckdb"
    if not file.exists():
        raise QueryError(f"nothing is published in {home} yet. Next: run `make run` (sample) or `make live`")
    return file


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the published file that can read no other file and load no extension."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(str(published_file(home)), read_only=True, config=settings)


def ask(home: Path, question: str) -> pd.DataFrame:
    """The answer to a ready-made question by name, or to SQL; raises QueryError with a suggestion."""
    sql = (QUERIES / f"{question}.sql").read_text() if question in ready_made() else question
    if re.fullmatch(r"\w+", question) and question not in ready_made():
        near = get_close_matches(question, ready_made(), n=1)
        hint = f"did you mean `{near[0]}`?" if near else "run `scaretrade query` for the list"
        raise QueryError(f"no ready-made question is called {question}; {hint}")
    with connect(home) as connection:
        try:
            return connection.execute(sql).df()
        except duckdb.Error as error:
            raise QueryError(f"{error}{suggestion(connection, str(error))}") from error


def suggestion(connection: duckdb.DuckDBPyConnection, message: str) -> str:
    """What to ask instead: of a table that is read from other files, or by a name that was not found."""
    if message.startswith("Permission Error") and "spent_outputs" in message:
        return (
            "\nraw.spent_outputs stands in Parquet files of its own, which this command does not open."
            " Next: ask raw.spent_coin_days, its sums by day, or open the published file with DuckDB"
        )
    missing = re.search(r'name "?([\w.]+)"? does not exist', message)
    if not missing:
        return ""
    names = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    known = {full.split(".")[1]: full for (full,) in names}
    near = get_close_matches(missing[1].split(".")[-1], known, n=1)
    return f"\nDid you mean {known[near[0]]}?" if near else ""
