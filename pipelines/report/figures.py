"""Charts as Plotly figures in plain dictionaries.

Long columns are not copied into a figure: `{"column": "date", "from": 0, "to": 1569}` stands for that slice of the
exhibit's data, and `--name` for a colour of the stylesheet's current scheme; report.js puts both in place.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from pipelines.report.answers import Answer, Columns
from pipelines.report.entries import Exhibit

Trace = dict[str, Any]
Span = tuple[str, int, int]

N_COLOURS = 8
SHADED = ("coupled", "inverse")
ROW_HEIGHT = 24


def figure(answer: Answer) -> dict[str, Any]:
    """Traces, shapes and layout of a chart with rows."""
    exhibit, columns = answer.exhibit, answer.columns
    draw: dict[str, Callable[[Exhibit, Columns], dict[str, Any]]] = {
        "lines": lines,
        "bars": upright_bars if exhibit.series else bars,
        "forest": forest,
    }
    return draw[exhibit.kind](exhibit, columns)


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


def spans(exhibit: Exhibit, columns: Columns) -> list[Span]:
    """Each series with the range of its rows, which the query keeps together."""
    if exhibit.series is None:
        return [(exhibit.title, 0, len(columns[exhibit.x]))]
    found, start = [], 0
    for name, rows in groupby(columns[exhibit.series]):
        end = start + sum(1 for _ in rows)
        found.append((str(name), start, end))
        start = end
    return found


def line(exhibit: Exhibit, columns: Columns, span: Span, n: int) -> Iterator[Trace]:
    """The traces of one series: the band below, the line, the marks above."""
    name, start, end = span
    colour = f"--series-{n % N_COLOURS + 1}"

    def part(column: str) -> Trace:
        return {"column": column, "from": start, "to": end}

    common = {"type": "scatter", "x": part(exhibit.x), "legendgroup": name}
    if exhibit.low and exhibit.high:
        band = {**common, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        yield {**band, "y": part(exhibit.low), "showlegend": False, "name": "low"}
        filled = {"fill": "tonexty", "fillcolor": "--band", "name": "95 % interval", "legendgroup": "interval"}
        yield {**band, "y": part(exhibit.high), **filled}
    yield {**common, "mode": "lines", "y": part(exhibit.y), "name": name, "line": {"color": colour, "width": 1.8}}
    if exhibit.mark:
        marked = [i for i in range(start, end) if columns[exhibit.mark][i]]
        if marked:
            yield {
                **common,
                "mode": "markers",
                "name": f"{name}, {exhibit.mark_name}",
                "x": [str(columns[exhibit.x][i]) for i in marked],
                "y": [columns[exhibit.y][i] for i in marked],
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


def rectangle(colour: str, start: str, end: str) -> Trace:
    """A shape over the whole height."""
    place = {"type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1}
    return {**place, "fillcolor": colour, "line": {"width": 0}, "layer": "below"}


def key(state: str) -> Trace:
    """The legend's entry of a shade."""
    marker = {"symbol": "square", "size": 12, "color": f"--{state}"}
    return {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "marker": marker, "name": state}


def level(value: float, axis: str) -> Trace:
    """A dotted line across the chart."""
    other = "x" if axis == "y" else "y"
    place = {f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
    return {"type": "line", **place, "line": {"color": "--muted", "width": 1, "dash": "dot"}}


def upright_bars(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """Columns side by side, a colour for each series."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": {"column": exhibit.x, "from": start, "to": end},
            "y": {"column": exhibit.y, "from": start, "to": end},
            "marker": {"color": f"--series-{n % N_COLOURS + 1}"},
        }
        for n, (name, start, end) in enumerate(spans(exhibit, columns))
    ]
    layout = {
        "xaxis": {"type": "category", "categoryorder": "category ascending"},
        "yaxis": {"title": {"text": exhibit.unit}},
        "showlegend": True,
    }
    return {"data": traces, "layout": layout}


def bars(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """One lying bar for each category."""
    n = len(columns[exhibit.y])
    trace = {
        "type": "bar",
        "orientation": "h",
        "name": exhibit.title,
        "x": {"column": exhibit.x, "from": 0, "to": n},
        "y": {"column": exhibit.y, "from": 0, "to": n},
        "marker": {"color": "--series-1"},
    }
    layout = {**lying(exhibit, n), "shapes": [level(v, "x") for v in exhibit.levels]}
    return {"data": [trace], "layout": layout, "labels": exhibit.y}


def forest(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """A point with its interval for each category; the marked ones are diamonds."""
    assert exhibit.low and exhibit.high and exhibit.mark
    rows = list(zip(*(columns[c] for c in (exhibit.x, exhibit.y, exhibit.low, exhibit.high, exhibit.mark)), strict=True))
    traces = []
    for is_marked, name in ((False, "other events"), (True, exhibit.mark_name)):
        kept = [row for row in rows if bool(row[4]) is is_marked]
        look = {"symbol": "diamond" if is_marked else "circle", "color": "--alarm" if is_marked else "--series-1"}
        error = {
            "type": "data",
            "symmetric": False,
            "array": [high - x for x, _, _, high, _ in kept],
            "arrayminus": [x - low for x, _, low, _, _ in kept],
            "color": look["color"],
            "thickness": 1.2,
            "width": 3,
        }
        place = {"x": [row[0] for row in kept], "y": [row[1] for row in kept]}
        traces.append({"type": "scatter", "mode": "markers", **place, "name": name, "error_x": error,
                       "marker": {**look, "size": 9}})  # fmt: skip
    layout = lying(exhibit, len(rows))
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": [row[1] for row in rows]}
    layout |= {"shapes": [level(0, "x")], "showlegend": True}
    return {"data": [t for t in traces if t["x"]], "layout": layout, "labels": exhibit.y}


def lying(exhibit: Exhibit, n_rows: int) -> dict[str, Any]:
    """Layout of a chart with a row for each category."""
    return {
        "xaxis": {"title": {"text": exhibit.unit}, "automargin": True},
        "yaxis": {"type": "category", "automargin": True},
        "height": 110 + ROW_HEIGHT * n_rows,
        "showlegend": False,
    }
