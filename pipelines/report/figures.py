"""Charts as Plotly figures in plain dictionaries; marks.py says what stands in them for data and colours."""

from typing import Any

from pipelines.report.answers import Answer
from pipelines.report.categories import bars, forest, upright_bars
from pipelines.report.lines import lines


def figure(answer: Answer) -> dict[str, Any]:
    """Traces and layout of a chart that has rows, with what report.js has to know of its columns."""
    exhibit, columns = answer.exhibit, answer.columns
    if exhibit.kind == "lines":
        return lines(exhibit, columns)
    if exhibit.kind == "forest":
        return forest(exhibit, columns)
    return upright_bars(exhibit, columns) if exhibit.series else bars(exhibit, columns)
