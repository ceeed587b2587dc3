"""Lines over time, with bands, marks and shaded spells."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pipelines.report.answers import Columns
from pipelines.report.entries import Exhibit
from pipelines.report.marks import Span, Trace, colour, level, part, spans

SHADED = ("coupled", "inverse")


def lines(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """A line for each series over time, with its band, marks and shaded spells."""
    traces = [trace for n, span in enumerate(spans(exhibit, columns)) for trace in line(exhibit, columns, span, n)]
    shapes = [level(value, "y") for value in exhibit.levels]
    if exhibit.shade:
        shapes += shaded(columns[exhibit.x], columns[exhibit.shade])
        traces += [key(state) for state in SHADED if state in columns[exhibit.shade]]
    layout = {
        "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": exhibit.unit}},
        "hovermode": "x unified",
        "showlegend": len(traces) > 1,
        "shapes": shapes,
    }
    return {"data": traces, "layout": layout, "time": exhibit.x}


def line(exhibit: Exhibit, columns: Columns, span: Span, n: int) -> Iterator[Trace]:
    """The traces of one series: the band below, the line, the marks above."""
    name, start, end = span
    common = {"type": "scatter", "x": part(exhibit.x, start, end), "legendgroup": name}
    if exhibit.low:
        band = {**common, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "name": "95 % interval"}
        yield {**band, "y": part(exhibit.low, start, end), "showlegend": False}
        yield {**band, "y": part(exhibit.high, start, end), "fill": "tonexty", "fillcolor": "--band"}
    look = {"color": colour(n), "width": 1.8}
    yield {**common, "mode": "lines", "y": part(exhibit.y, start, end), "name": name, "line": look}
    if marked := [row for row in range(start, end) if exhibit.mark and columns[exhibit.mark][row]]:
        yield {**common, **marks(exhibit, marked), "name": f"{name}, {exhibit.mark_name}"}


def marks(exhibit: Exhibit, rows: list[int]) -> Trace:
    """Diamonds on the rows that are marked."""
    return {
        "mode": "markers",
        "x": {"column": exhibit.x, "rows": rows},
        "y": {"column": exhibit.y, "rows": rows},
        "marker": {"color": "--alarm", "size": 8, "symbol": "diamond", "line": {"color": "--text", "width": 1}},
        "hoverinfo": "skip",
    }


def shaded(days: list[Any], states: list[str | None]) -> list[Trace]:
    """A rectangle behind each spell of a shaded state."""
    shapes, start = [], 0
    for state, rows in groupby(states):
        end = start + sum(1 for _ in rows)
        if state in SHADED:
            until = days[min(end, len(days) - 1)]
            shapes.append(rectangle(f"--{state}", str(days[start]), str(until)))
        start = end
    return shapes


def rectangle(shade: str, start: str, end: str) -> Trace:
    """A shape over the whole height."""
    place = {"type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1}
    return {**place, "fillcolor": shade, "line": {"width": 0}, "layer": "below"}


def key(state: str) -> Trace:
    """The legend's entry of a shade."""
    marker = {"symbol": "square", "size": 12, "color": f"--{state}"}
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "marker": marker, "name": state}
