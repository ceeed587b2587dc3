"""What the report shows, from `warehouse/report.yaml`: sections of exhibits, each one query and a way to show it."""

from functools import cache
from pathlib import Path
from typing import Literal

from pipelines.settings import PROJECT
from pipelines.strict import Strict, read_yaml

REPORT_FILE = PROJECT / "warehouse" / "report.yaml"
QUERY_FOLDERS = (PROJECT / "warehouse" / "report_queries", PROJECT / "warehouse" / "queries")
CHARTS = ("lines", "bars", "forest")


class Exhibit(Strict):
    """One chart or table. `x`, `y`, `series`, `low`, `high`, `mark` and `shade` name columns of the query.

    `lines` draws y over the days of x, with a band from low to high, marks where `mark` is true and spells of `shade`
    behind; `bars` draws numbers x of the categories y, or upright numbers y of categories x where there are series;
    `forest` draws numbers x of the categories y with their intervals.
    """

    id: str
    kind: Literal["cards", "table", "ledger", "lines", "bars", "forest"]
    title: str
    unit: str
    meaning: str
    query: str
    values: dict[str, str | int] = {}
    x: str = ""
    y: str = ""
    series: str = ""
    low: str = ""
    high: str = ""
    mark: str = ""
    mark_name: str = ""
    shade: str = ""
    levels: list[float] = []
    nothing: str = "The data hold nothing to show here."

    @property
    def is_chart(self) -> bool:
        """Whether it is drawn; the others are HTML."""
        return self.kind in CHARTS

    @property
    def sql(self) -> str:
        """Its query, with `$names` for the values."""
        return query_file(self.query).read_text(encoding="utf-8").strip()


class Section(Strict):
    """A part of the page."""

    id: str
    title: str
    intro: str
    exhibits: list[Exhibit]


def query_file(name: str) -> Path:
    """The file of a query; raises FileNotFoundError."""
    for folder in QUERY_FOLDERS:
        if (file := folder / f"{name}.sql").exists():
            return file
    raise FileNotFoundError(f"{REPORT_FILE}: no query is called {name}. Next: write {QUERY_FOLDERS[0] / name}.sql")


@cache
def sections() -> tuple[Section, ...]:
    """The report's sections in order; raises pydantic.ValidationError."""
    return tuple(Section.model_validate(section) for section in read_yaml(REPORT_FILE))
