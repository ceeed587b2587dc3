"""Writes the report of a published file."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.report.answers import Answer, ask
from pipelines.report.entries import sections
from pipelines.report.figures import figure
from pipelines.report.packing import packed
from pipelines.report.words import described, kind, newest_rows, shown, verdicts

PAGE = "index.html"


def write_report(file: Path, folder: Path) -> Path:
    """Write the page that shows a published file, into a folder that is made; returns the page.

    It reads nothing but the file, so that page and file cannot disagree.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        meta = dict(connection.execute("select key, value from meta").fetchall())
        asked = [(s, [ask(connection, e, meta["as_of"]) for e in s.exhibits]) for s in sections()]
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / PAGE
    page.write_text(rendered(meta, asked), encoding="utf-8")
    return page


def rendered(meta: dict[str, str], asked: list[Any]) -> str:
    """The page as HTML; whatever comes from data or YAML is escaped on its way in."""
    scripts = [plotly_script(), own_file("report.js")]
    answers = [answer for _, found in asked for answer in found]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            meta=meta,
            is_simulated=meta["data"] == "simulated",
            sections=asked,
            data={a.exhibit.id: payload(a) for a in answers},
            style=own_file("report.css"),
            scripts=scripts,
            script_hashes=[hashed(script) for script in scripts],
        )
    )


def payload(answer: Answer) -> dict[str, Any]:
    """What report.js draws and offers for download."""
    drawn = figure(answer) if answer.exhibit.is_chart and answer else None
    return {"columns": packed(answer.columns), "figure": drawn}


@cache
def environment() -> Environment:
    """Templates that escape by default and know no undefined name."""
    made = Environment(loader=PackageLoader("pipelines.report", "."), autoescape=True, undefined=StrictUndefined)
    made.trim_blocks = made.lstrip_blocks = True
    made.filters |= {
        "shown": shown,
        "described": described,
        "newest_rows": newest_rows,
        "verdicts": verdicts,
        "kind": kind,
    }
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "default": str}
    return made


@cache
def own_file(name: str) -> str:
    """A file of this package."""
    return files("pipelines.report").joinpath(name).read_text(encoding="utf-8")


@cache
def plotly_script() -> str:
    """Plotly's browser library as the Python package ships it; the package's own imports are slow and not needed."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def hashed(script: str) -> str:
    """A script's source expression for the page's content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
