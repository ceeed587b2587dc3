"""What the kinds of charts share.

Columns are not copied into a figure: `{"column": "date", "from": 0, "to": 1569}` stands for that slice of the exhibit's
data, `{"column": "date", "rows": [3, 5]}` for those rows, and `--name` for a colour of the stylesheet's current scheme;
report.js puts them in place.
"""

from itertools import groupby
from typing import Any

from pipelines.report.answers import Columns
from pipelines.report.entries import Exhibit

Trace = dict[str, Any]
Span = tuple[str, int, int]

N_COLOURS = 8


def spans(exhibit: Exhibit, columns: Columns) -> list[Span]:
    """Each series with the range of its rows, which the query keeps together."""
    if not exhibit.series:
        return [(exhibit.title, 0, len(columns[exhibit.x]))]
    found, start = [], 0
    for name, rows in groupby(columns[exhibit.series]):
        end = start + sum(1 for _ in rows)
        found.append((str(name), start, end))
        start = end
    return found


def part(column: str, start: int, end: int) -> Trace:
    """A slice of a column."""
    return {"column": column, "from": start, "to": end}


def colour(n: int) -> str:
    """The colour of the n-th series."""
    return f"--series-{n % N_COLOURS + 1}"


def level(value: float, axis: str) -> Trace:
    """A dotted line across the chart."""
    other = "x" if axis == "y" else "y"
    place = {f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
    return {"type": "line", **place, "line": {"color": "--muted", "width": 1, "dash": "dot"}}
