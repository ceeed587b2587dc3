"""What a verification says of one thing that it looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Finding:
    """One check: what it looked at, whether it held, and what it found."""

    subject: str
    passed: bool
    said: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'} {self.subject}: {self.said}"


def readable(subject: str, check: Callable[[], Finding]) -> Finding:
    """A check's finding, which is a failure where the file cannot be read."""
    try:
        return check()
    except duckdb.Error as error:
        return Finding(subject, False, first_line(error))


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the query it quotes."""
    return str(error).splitlines()[0]
