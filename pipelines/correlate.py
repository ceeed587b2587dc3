"""`scaretrade correlate`: every pair's rolling correlation, from the published returns, as a Parquet file."""

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pipelines.settings import Settings

RETURNS = """
select date, symbol, log_return from core.returns where alignment = 'exchange_close' order by date, symbol
"""
TABLE = """
create table pairs (base_symbol varchar, other_symbol varchar, date date, window_sessions integer,
    correlation double, n integer)
"""


@click.command()
@click.option("--parquet", "file", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write")
@click.option("--window", default=90, show_default=True, type=click.IntRange(min=4), help="Sessions in a window")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="First day on which a window ends [the first there is]"
)
@click.option("--top", type=click.IntRange(min=1), help="Keep each day's strongest pairs only [all]")
@click.option("--home", type=click.Path(path_type=Path), help="Folder of all state [SCARETRADE_HOME, else warehouse/]")
def correlate(file: Path, window: int, since: datetime | None, top: int | None, home: Path | None) -> None:
    """Write every pair's correlations as Parquet.

    Of the published returns between New York closes: base_symbol, other_symbol (each pair once, in the order of the
    alphabet), date, window_sessions, correlation, n. A pair is missing on the days on whose window it has a gap.
    Exit code: 0 written, 1 the file cannot be written, 2 usage, or nothing is published.
    """
    from pipelines.query import QueryError

    try:
        rows, kind = write_pairs(home or Settings.load().home, file, window, since.date() if since else None, top)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{rows:,} rows in {file}" + (" (SIMULATED data, not a market)" if kind == "simulated" else ""))


def write_pairs(home: Path, file: Path, window: int, since: date | None, top: int | None) -> tuple[int, str]:
    """Write the file, whole or not at all; returns its rows and what the data are, which the file says as well."""
    import duckdb

    from pipelines.all_pairs import pair_rows
    from pipelines.query import connect
    from pipelines.quoting import quoted

    with connect(home.absolute()) as published:
        returns = published.execute(RETURNS).df().pivot(index="date", columns="symbol", values="log_return")
        kind = str(published.execute("select value from meta where key = 'data'").fetchall()[0][0])
    with TemporaryDirectory(dir=file.absolute().parent) as folder, duckdb.connect(f"{folder}/pairs.duckdb") as made:
        made.execute("set enable_progress_bar = false").execute(TABLE)
        for frame in pair_rows(returns, window, since, top):
            made.register("frame", frame).execute("insert into pairs by name select * from frame")
        finished = Path(folder) / file.name
        options = f"format parquet, compression zstd, kv_metadata {{data: '{quoted(kind)}'}}"
        made.execute(f"copy pairs to '{quoted(finished)}' ({options})")
        rows = int(made.execute("select count(*) from pairs").fetchall()[0][0])
        finished.replace(file)
    return rows, kind
