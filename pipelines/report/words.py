"""Values and charts in words: what a table cell, a caption and a screen reader say."""

import math
from collections import Counter
from datetime import date, datetime
from typing import Any

from pipelines.report.answers import Answer
from pipelines.report.figures import spans

MISSING = "–"
MOST_ROWS = 20


def shown(value: Any) -> str:
    """A cell's text: no None, no midnight, no needless digits."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)


def newest_rows(answer: Answer) -> list[dict[str, Any]]:
    """The rows that stand for a chart in words: each series' last one, else the last twenty."""
    rows = answer.rows
    if answer.exhibit.kind == "lines" and rows:
        return [rows[end - 1] for _, _, end in spans(answer.exhibit, answer.columns)]
    return rows[::-1][:MOST_ROWS]


def described(answer: Answer) -> str:
    """A chart for those who do not see it."""
    exhibit = answer.exhibit
    named = exhibit.series or (exhibit.y if exhibit.kind != "lines" else "")
    value = exhibit.y if exhibit.kind == "lines" or exhibit.series else exhibit.x
    newest = "; ".join(
        f"{f'{row[named]} ' if named else ''}{shown(row[value])}" for row in newest_rows(answer)[:10]
    )
    return f"Chart: {exhibit.title}, {exhibit.unit}, as of {answer.as_of}. Newest: {newest}."


def verdicts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many claims have each verdict."""
    return dict(Counter(row["verdict"] for row in rows).most_common())
