"""A table's contract, read from the YAML beside its SQL: it feeds DDL, comments, checks, the UI and the README."""

from functools import cache
from pathlib import Path
from typing import Literal

from pipelines.settings import PROJECT
from pipelines.strict import Strict, read_yaml

MODELS = PROJECT / "warehouse" / "models"
Severity = Literal["critical", "warning"]
# How a raw table is kept: every version of every row, whole days as they are now, or files that are read in place.
Storage = Literal["versions", "days", "in_place"]


class Column(Strict):
    """One column: DuckDB type, meaning, unit and the values it may hold."""

    type: Literal["VARCHAR", "DOUBLE", "DATE", "TIMESTAMP", "BIGINT", "INTEGER", "BOOLEAN"]
    description: str
    unit: str | None = None
    required: bool = True
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: list[str] | None = None
    tolerance: float = 0.0

    @property
    def comment(self) -> str:
        """Meaning and unit in one sentence."""
        return f"{self.description} [{self.unit}]" if self.unit else self.description


class Pair(Strict):
    """A row rule: `greater` is at least `lesser`, where both are known."""

    greater: str
    lesser: str
    severity: Severity = "critical"


class Plot(Strict):
    """A small plot for the UI: a query of two columns, days or names and their values."""

    title: str
    query: str


class Contract(Strict):
    """One table: grain, columns, rules. `inputs` lists what a Python model reads; SQL models say it themselves.
    `group` is where the UI shows a table if not under its schema.

    Of a raw table, `day` names the column that dates a row if it is not called date or start_at; rows of a
    snapshot hold at the moment they were taken, so that none of them is of a day still running. A row that
    `moves_history` changes what is derived of earlier days.

    A derived table with `look_back_days` grows by new days: see `pipelines.growing`.
    """

    description: str
    grain: list[str]
    columns: dict[str, Column]
    pairs: list[Pair] = []
    inputs: list[str] = []
    plot: Plot | None = None
    group: str | None = None
    future_columns: list[str] = []
    max_rejected_fraction: float = 0.01
    carried_by: str | None = None
    day: str | None = None
    is_snapshot: bool = False
    moves_history: bool = False
    look_back_days: int | None = None
    storage: Storage = "versions"
    name: str = ""

    @property
    def dataset(self) -> str:
        """What a series is asked for to fill this raw table: dividends come with the daily bars, for one."""
        return self.carried_by or self.name.split(".")[1]

    @property
    def day_column(self) -> str:
        """The column that dates a raw row: nothing dated after the as-of day is used."""
        return self.day or ("start_at" if "start_at" in self.columns else "date")

    @property
    def schema_name(self) -> str:
        """The schema, which is also the folder."""
        return self.name.split(".")[0]

    @property
    def keeps_versions(self) -> bool:
        """Whether it is a raw table that vendors' payloads fill, version by version."""
        return self.schema_name == "raw" and self.storage == "versions"

    @property
    def sql_file(self) -> Path:
        """Where the SQL model stands; raw, bookkeeping and Python tables have none."""
        return MODELS / (self.name.replace(".", "/") + ".sql")

    @property
    def quoted_grain(self) -> str:
        """The key's columns for SQL, quoted: `window` is a keyword."""
        return ", ".join(f'"{column}"' for column in self.grain)

    @property
    def value_columns(self) -> list[str]:
        """The columns that are not the key."""
        return [c for c in self.columns if c not in self.grain]


LOAD_COLUMNS = {
    "source": Column(type="VARCHAR", description="Vendor the payload came from"),
    "known_at": Column(type="TIMESTAMP", description="When this version was fetched", unit="UTC"),
    "load_id": Column(type="BIGINT", description="Load that wrote this version; later loads have higher numbers"),
    "payload_id": Column(type="VARCHAR", description="SHA-256 of the landed payload the row was parsed from"),
}
PUBLISHED_COLUMNS = {
    "published_run_id": Column(
        type="VARCHAR", description="Run that published this version of the file; the same in every table"
    )
}


@cache
def contracts() -> dict[str, Contract]:
    """Every contract by table name, such as `marts.drawdowns`; raises on a misspelt key."""
    found = {}
    for path in sorted(MODELS.glob("*/*.yaml")):
        name = f"{path.parent.name}.{path.stem}"
        found[name] = Contract.model_validate({**read_yaml(path), "name": name})
    return found


def stored_tables() -> dict[str, Contract]:
    """The contracts of what is a table: all but what is read in place."""
    return {name: contract for name, contract in contracts().items() if contract.storage != "in_place"}


def stored_columns(contract: Contract) -> dict[str, Column]:
    """The columns as stored: a raw table carries where and when each row version came from."""
    return {**contract.columns, **(LOAD_COLUMNS if contract.keeps_versions else {})}


def published_columns(contract: Contract) -> dict[str, Column]:
    """The columns as published: with the run that published them, which shows a reader what belongs together."""
    return {**stored_columns(contract), **PUBLISHED_COLUMNS}


def stored_key(contract: Contract) -> list[str]:
    """The primary key as stored: a raw table keeps every version of a row."""
    return [*contract.grain, "source", "load_id"] if contract.keeps_versions else contract.grain
