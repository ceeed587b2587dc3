"""What a run prints at its end: rows, checks, what is in stress now, and where to look."""

from pathlib import Path
from shlex import quote

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.query import QUERIES, connect
from pipelines.restated import restated_lines

EXAMPLE = (
    "select symbol, date, drawdown from marts.drawdowns where basis = 'price' order by date desc, drawdown limit 5"
)


def print_summary(console: Console, home: Path) -> None:
    """Print the published version's summary."""
    with connect(home) as connection:
        meta = dict(connection.execute("select key, value from meta").fetchall())
        counts = connection.execute(row_counts(connection.execute(TABLES).fetchall())).df()
        checks = connection.execute(CHECKS, [meta["run_id"]]).df()
        stress = connection.execute((QUERIES / "stress_now.sql").read_text()).df()
        late = connection.execute(LATE).df()
        restated = restated_lines(connection, meta["run_id"])
    simulated = meta["data"] == "simulated"
    if simulated:
        console.print("[bold yellow]SIMULATED sample data, not a market.[/]")
    console.print(frame_table(f"Rows, as of {meta['as_of']}", side_by_side(counts)))
    print_checks(console, checks, late)
    for line in restated:
        console.print(line, soft_wrap=True, highlight=False)
    title = "In stress now" + (" (simulated)" if simulated else "")
    console.print(frame_table(title, stress.drop(columns="date").assign(as_of=stress["date"].astype(str))))
    file = home / "market.duckdb"
    console.print(f"Published: {shown(file)}  (Parquet: {shown(home / 'parquet')})", soft_wrap=True, markup=False)
    console.print(f"Report: {shown(home / 'report' / 'index.html')}", soft_wrap=True, markup=False)
    console.print("Ask it:", soft_wrap=True)
    option = "" if home == Path("warehouse").absolute() else f" --home {quote(shown(home))}"
    command = f'.venv/bin/scaretrade query{option} "{EXAMPLE}"'
    console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)


TABLES = """
select table_schema || '.' || table_name from information_schema.tables
where table_schema in ('core', 'marts', 'quality') order by 1
"""

CHECKS = """
select check_name, table_name, severity, n_failing, message, passed from quality.check_results
where run_id = $1 order by severity, table_name, check_name
"""

LATE = """
select source, dataset, symbol, newest_date, due_date from quality.coverage
where status = 'late' order by newest_date, symbol
"""


def row_counts(tables: list[tuple[str]]) -> str:
    """One query that counts every table."""
    return " union all ".join(f"select '{name}' as table_name, count(*) as n from {name}" for (name,) in tables)


def side_by_side(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts in two columns, so that they fit on a screen."""
    half = (len(counts) + 1) // 2
    texts = counts.assign(n=counts["n"].map("{:,}".format))
    left, right = texts.iloc[:half].reset_index(drop=True), texts.iloc[half:].reset_index(drop=True)
    left.columns, right.columns = ["table", "rows"], ["table ", "rows "]
    return pd.concat([left, right], axis=1).fillna("")


def print_checks(console: Console, checks: pd.DataFrame, late: pd.DataFrame) -> None:
    """How many checks held, and each that did not."""
    broken = checks[~checks["passed"]]
    failed = int((broken["severity"] != "warning").sum())
    warned = len(broken) - failed
    console.print(f"Checks: {len(checks) - len(broken)} passed, {failed} failed, {warned} warned")
    for row in broken.itertuples():
        said = f"  {row.severity}: {row.table_name} {row.check_name}: {row.message} ({row.n_failing} rows)"
        console.print(said, markup=False)
    for row in late.head(5).itertuples():
        console.print(f"  stale: {row.source} {row.dataset} {row.symbol} since {row.newest_date:%Y-%m-%d}")
    if len(late) > 5:
        console.print(f"  stale: and {len(late) - 5} more series; see `scaretrade query series_coverage`")


def frame_table(title: str, frame: pd.DataFrame) -> Table:
    """A frame as a terminal table; numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for name in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[name]) or str(name).strip() == "rows"
        table.add_column(escape(str(name)), justify="right" if numeric else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(text(value)) for value in row))
    return table


def text(value: object) -> str:
    """A value as people read it: no NaN, no midnight."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    # What a vendor wrote must not make the terminal do things.
    return "".join(character for character in str(value) if character.isprintable() or character == "\n")


def shown(path: Path) -> str:
    """A path as the reader would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
