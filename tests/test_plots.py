"""The small plots: where a value stands, what is labelled, and what cannot be drawn."""

from base64 import b64decode
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from pipelines.contracts import Plot
from pipelines.plots import image
from pipelines.warehouse import Warehouse

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def warehouse():
    made = Warehouse(":memory:")
    yield made
    made.close()


def drawn(warehouse, query, title="Title"):
    found = image(warehouse, Plot(title=title, query=query))
    return ElementTree.fromstring(b64decode(found.split("base64,")[1].rstrip(")")))  # noqa: S314 - our own drawing


def texts(root):
    return [text.text for text in root.iter(f"{SVG}text")]


def points(root):
    return [tuple(map(float, p.split(","))) for p in root.find(f"{SVG}polyline").get("points").split()]


def test_a_line_spans_the_plot_from_its_first_to_its_last_day_and_its_lowest_to_its_highest_value(warehouse):
    # Unordered; day 2 of 0, 2 and 8 is a quarter of the way, and 5 is half way from 0 to 10.
    query = (
        "select * from (values (date '2026-01-09', 10.0), (date '2026-01-01', 0.0), (date '2026-01-03', 5.0)) t(d, v)"
    )
    root = drawn(warehouse, query)
    (x0, y0), (x1, y1), (x2, y2) = points(root)
    assert (x0, x2, y0, y2) == (60, 630, 172, 28)
    assert x1 == pytest.approx(60 + 570 / 4, abs=0.05)
    assert y1 == pytest.approx((172 + 28) / 2, abs=0.05)
    assert texts(root) == ["Title", "0", "10", "2026-01-01", "2026-01-09"]


def test_a_long_line_is_thinned_but_keeps_its_ends(warehouse):
    query = "select date '2020-01-01' + i::integer as d, i from range(1000) t(i)"
    root = drawn(warehouse, query)
    assert 200 <= len(points(root)) <= 301
    assert {"2020-01-01", str(date(2020, 1, 1) + timedelta(days=999)), "0", "999"} <= set(texts(root))


def test_a_flat_line_and_a_single_day_are_drawn(warehouse):
    assert len(points(drawn(warehouse, "select date '2026-01-01' as d, 1.0 as v"))) == 1
    assert texts(drawn(warehouse, "select date '2026-01-01' + i::integer as d, 1.0 as v from range(3) t(i)"))[1:2] == [
        "1"
    ]


def test_bars_are_named_sorted_by_size_and_counted_where_left_out(warehouse):
    root = drawn(warehouse, "select 'a < b' as n, -2 as v union all select 'c', 1")
    assert texts(root) == ["Title", "a < b", "-2", "c", "1"]
    background, *widths = [rectangle.get("width") for rectangle in root.iter(f"{SVG}rect")]
    assert (background, widths) == ("100%", ["280.0", "140.0"])
    many = drawn(warehouse, "select i::varchar as n, i from range(1, 31) t(i)")
    assert texts(many)[0] == "Title (12 largest of 30)"


def test_a_plot_without_rows_says_so(warehouse):
    assert image(warehouse, Plot(title="Claims", query="select 'a' as n, 1 as v where false")) == "Claims: no rows"
    assert image(warehouse, Plot(title="Claims", query="select 'a' as n, null as v")) == "Claims: no rows"
