"""Charts with a place for each category: lying bars, upright bars, and points with their intervals."""

from typing import Any

from pipelines.report.answers import Columns
from pipelines.report.entries import Exhibit
from pipelines.report.marks import Trace, colour, level, part, spans

ROW_HEIGHT = 24


def upright_bars(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """Columns side by side, a colour for each series."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": part(exhibit.x, start, end),
            "y": part(exhibit.y, start, end),
            "marker": {"color": colour(n)},
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
        "x": part(exhibit.x, 0, n),
        "y": part(exhibit.y, 0, n),
        "marker": {"color": colour(0)},
    }
    layout = {**lying(exhibit, n), "shapes": [level(v, "x") for v in exhibit.levels]}
    return {"data": [trace], "layout": layout, "labels": exhibit.y}


def forest(exhibit: Exhibit, columns: Columns) -> dict[str, Any]:
    """A point with its interval for each category; the marked ones are diamonds."""
    marked = [row for row, is_marked in enumerate(columns[exhibit.mark]) if is_marked]
    others = [row for row, is_marked in enumerate(columns[exhibit.mark]) if not is_marked]
    looks = {"others": (others, "circle", colour(0)), exhibit.mark_name: (marked, "diamond", "--alarm")}
    layout = lying(exhibit, len(columns[exhibit.y]))
    layout["yaxis"] |= {"categoryorder": "array", "categoryarray": part(exhibit.y, 0, len(columns[exhibit.y]))}
    layout |= {"shapes": [level(0, "x")], "showlegend": True}
    traces = [points(exhibit, columns, name, *look) for name, look in looks.items() if look[0]]
    return {"data": traces, "layout": layout, "labels": exhibit.y}


def points(exhibit: Exhibit, columns: Columns, name: str, rows: list[int], symbol: str, shade: str) -> Trace:
    """Some rows as points with their intervals, which Plotly wants as distances."""
    x, low, high = (columns[name] for name in (exhibit.x, exhibit.low, exhibit.high))
    intervals = {"array": [high[row] - x[row] for row in rows], "arrayminus": [x[row] - low[row] for row in rows]}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": {"column": exhibit.x, "rows": rows},
        "y": {"column": exhibit.y, "rows": rows},
        "marker": {"symbol": symbol, "color": shade, "size": 9},
        "error_x": {"type": "data", "symmetric": False, **intervals, "color": shade, "thickness": 1.2, "width": 3},
    }


def lying(exhibit: Exhibit, n_rows: int) -> dict[str, Any]:
    """Layout of a chart with a row for each category."""
    return {
        "xaxis": {"title": {"text": exhibit.unit}, "automargin": True},
        "yaxis": {"type": "category", "automargin": True},
        "height": 110 + ROW_HEIGHT * n_rows,
        "showlegend": False,
    }
