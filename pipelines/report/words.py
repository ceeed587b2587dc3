"""Values and charts in words: what a table cell, a caption and a screen reader say."""

import math
from collections import Counter
from datetime import date, datetime
from typing import Any, get_args

from pipelines.claims import Verdict
from pipelines.report.answers import Answer
from pipelines.report.marks import spans

MISSING = "\N{EN DASH}"
MOST_ROWS = 20


def shown(value: Any) -> str:
    """A cell's text: no None, no midnight, no needless digits."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)


def kind(value: Any) -> str:
    """A cell's style."""
    if isinstance(value, date):
        return "day"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else "text"


def newest_rows(answer: Answer) -> list[dict[str, Any]]:
    """The rows that stand for a chart in words: each series' last one, else the last twenty."""
    if answer.exhibit.kind == "lines":
        return [answer.row(end - 1) for _, _, end in spans(answer.exhibit, answer.columns)]
    return answer.rows[::-1][:MOST_ROWS]


def described(answer: Answer) -> str:
    """A chart for those who do not see it."""
    exhibit = answer.exhibit
    named = exhibit.series or (exhibit.y if exhibit.kind != "lines" else "")
    value = exhibit.y if exhibit.kind == "lines" or exhibit.series else exhibit.x
    newest = "; ".join(f"{f'{row[named]} ' if named else ''}{shown(row[value])}" for row in newest_rows(answer)[:10])
    return f"Chart: {exhibit.title}, {exhibit.unit}, as of {answer.as_of}. Newest: {newest}."


def verdicts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many claims have each verdict, the best first."""
    counts = Counter(row["verdict"] for row in rows)
    return {verdict: counts[verdict] for verdict in get_args(Verdict)}
