"""A small plot of a mart for the UI, as SVG: a line over days, or bars of named values; contracts hold the queries."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any

from pipelines.contracts import Plot
from pipelines.warehouse import Warehouse

WIDTH, HEIGHT, LEFT, TOP = 640, 200, 60, 28
MOST_POINTS, MOST_BARS, BAR = 300, 12, 20
LINE, TEXT, GRID = "#4f43dd", "#5c6370", "#d8dae0"

Row = tuple[Any, float]


def image(warehouse: Warehouse, plot: Plot, note: str = "") -> str:
    """The plot as a Markdown image that carries its data; the words of `plot` where its query gives no rows."""
    rows = [(x, float(y)) for x, y in warehouse.rows(f"select * from ({plot.query}) order by all") if y is not None]
    if not rows:
        return f"{plot.title}: no rows"
    svg = line(rows, plot.title + note) if isinstance(rows[0][0], date) else bars(rows, plot.title + note)
    return f"![{plot.title}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def line(rows: Sequence[Row], title: str) -> str:
    """Values over days, thinned to some hundred points; the last is always there."""
    step = -(-len(rows) // MOST_POINTS)
    shown = [*rows[:-1:step], rows[-1]]
    low, high = min(y for _, y in shown), max(y for _, y in shown)
    first, last = shown[0][0], shown[-1][0]
    points = " ".join(
        f"{LEFT + (WIDTH - LEFT - 10) * part((x - first).days, (last - first).days):.1f},{height(y, low, high):.1f}"
        for x, y in shown
    )
    scale = "".join(rule(y, height(y, low, high)) for y in dict.fromkeys((low, high)))
    days = text(LEFT, HEIGHT - 6, first) + text(WIDTH - 10, HEIGHT - 6, last, "end")
    curve = f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.5"/>'
    return svg(HEIGHT, text(LEFT, 16, title), scale, days, curve)


def bars(rows: Sequence[Row], title: str) -> str:
    """Named values side by side, the largest first; those beyond the first dozen are counted in the title."""
    largest = sorted(rows, key=lambda row: -abs(row[1]))[:MOST_BARS]
    over = f" ({MOST_BARS} largest of {len(rows)})" if len(rows) > MOST_BARS else ""
    most = abs(largest[0][1])
    drawn = [text(10, 16, title + over)]
    for i, (name, value) in enumerate(largest):
        y = TOP + i * BAR
        width = 280 * part(abs(value), most)
        drawn.append(text(250, y + 13, str(name)[:40], "end"))
        drawn.append(f'<rect x="256" y="{y + 2}" width="{width:.1f}" height="{BAR - 5}" fill="{LINE}"/>')
        drawn.append(text(262 + width, y + 13, f"{value:.4g}"))
    return svg(TOP + len(largest) * BAR + 8, *drawn)


def part(value: float, whole: float) -> float:
    """A share of the whole; of nothing, all of it."""
    return value / whole if whole else 1.0


def height(y: float, low: float, high: float) -> float:
    """Where a value stands, counted from the top."""
    return HEIGHT - 28 - (HEIGHT - 28 - TOP) * part(y - low, high - low)


def rule(value: float, y: float) -> str:
    """A value's line across the plot, with the value beside it."""
    return f'<path d="M{LEFT} {y:.1f}H{WIDTH - 10}" stroke="{GRID}"/>' + text(LEFT - 6, y + 4, f"{value:.4g}", "end")


def text(x: float, y: float, words: object, anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{TEXT}">{escape(str(words))}</text>'


def svg(tall: float, *drawn: str) -> str:
    """The drawing on white, so that it reads on a dark page too."""
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{tall}" font-family="sans-serif"'
    return f'{start} font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>'
