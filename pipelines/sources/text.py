"""What the vendors of plain text share: strict reading of CSV files and of written dates."""

from collections.abc import Sequence

import pandas as pd
import requests

from pipelines.sources.answers import schema_drift
from pipelines.sources.base import Outcome, Request
from pipelines.sources.http import classify as classify_http
from pipelines.sources.parsing import check, written_days

# Servers that name CSV otherwise, such as application/csv, must not refuse.
ACCEPT = {"Accept": "text/csv, */*;q=0.5"}


def classify(response: requests.Response) -> Outcome:
    """An answer that ends inside a line is cut off, and its last number may be as well."""
    outcome = classify_http(response)
    return Outcome.TRANSIENT if outcome is Outcome.OK and not response.content.endswith(b"\n") else outcome


def columns(body: bytes, request: Request) -> dict[str, tuple[str, ...]]:
    """The columns by their names in the header, in its order; every line must be whole and as long as the header."""
    header, *rows = [line.split(",") for line in _lines(body, request)]
    check(len(set(header)) == len(header), request, f"the header '{','.join(header)[:80]}' repeats a name")
    check({len(row) for row in rows} <= {len(header)}, request, f"a line has not {len(header)} fields")
    values = list(zip(*rows, strict=True)) or [()] * len(header)
    return dict(zip(header, values, strict=True))


def _lines(body: bytes, request: Request) -> list[str]:
    check(body.endswith(b"\n"), request, f"the answer ends inside a line ({len(body)} bytes)")
    try:
        return body.decode("utf-8-sig").replace("\r\n", "\n").split("\n")[:-1]
    except UnicodeDecodeError:
        pass
    raise schema_drift(request, "the answer is not UTF-8 text")


def rising_days(labels: Sequence[str], form: str, what: str, request: Request) -> pd.DatetimeIndex:
    """Dates of which each is later than the one before, so that none comes twice."""
    dates = written_days(labels, form, what, request)
    check(dates.is_monotonic_increasing and dates.is_unique, request, f"'{what}' does not rise from line to line")
    return dates
