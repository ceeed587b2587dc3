"""Questions to the published file: read-only, without access to anything but that file."""

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.settings import PROJECT
from pipelines.unknown_names import explained, nearest_tables

if TYPE_CHECKING:  # `scaretrade status` must not wait for it
    import pandas as pd

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


def open_closed(file: Path) -> duckdb.DuckDBPyConnection:
    """A read-only connection that can read no other file, load no extension and change no setting."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(str(file), read_only=True, config=settings)


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """A closed connection to the published file; raises QueryError where the file cannot be opened."""
    file = published_file(home)
    try:
        return open_closed(file)
    except duckdb.IOException as error:
        raise QueryError(f"{error}. Next: {next_step(str(error))}") from error


def next_step(message: str) -> str:
    """What to do about a published file that cannot be opened."""
    if "lock" in message:
        return "close the program that has the file open for writing; there too, open it read-only (docs/sql.md)"
    return "run `scaretrade run`, which publishes a new version"


def ask(home: Path, question: str) -> "pd.DataFrame":
    """The answer to a ready-made question by name, or to SQL; raises QueryError with a suggestion."""
    if question in ready_made():
        question = (QUERIES / f"{question}.sql").read_text()
    with connect(home) as connection:
        if re.fullmatch(r"[\w.]+", question):
            raise QueryError(no_question(connection, question))
        try:
            return connection.execute(question).df()
        except duckdb.Error as error:
            raise QueryError(explained(connection, error)) from error


def no_question(connection: duckdb.DuckDBPyConnection, word: str) -> str:
    """One word that is no ready-made question: how to ask the table of that name, or the nearest question."""
    said, tables = f"no ready-made question is called {word}", nearest_tables(connection, word)
    is_table = word.split(".")[-1] in {table.split(".")[-1] for table in tables}
    if not is_table and (near := get_close_matches(word, ready_made(), n=1)):
        return f"{said}; did you mean `{near[0]}`?"
    if tables:
        return f'{said}; to see a table, ask `scaretrade query "from {tables[0]} limit 5"`'
    return f"{said}; run `scaretrade query` for the list"
