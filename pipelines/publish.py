"""Publication: a finished copy for SQL users beside the working file, put in place by one atomic rename."""

import json
import shutil
from pathlib import Path

from pipelines.chain.partitions import folder_of, rows_in_place
from pipelines.contracts import Contract, contracts, published_columns, stored_tables
from pipelines.durable import settle, settle_tree
from pipelines.quoting import quoted
from pipelines.report.write import write_report
from pipelines.settings import Run
from pipelines.warehouse import Warehouse, ddl

SIMULATED = "SIMULATED sample data, not a market. "
PUBLIC = ("market.duckdb", "parquet", "report")


class WrongHome(Exception):
    """The sample market was about to replace published live data."""


def current_version(home: Path) -> dict[str, str] | None:
    """What is published in a home: run_id, profile, as_of, published_at; None when nothing is."""
    file = home / "current" / "version.json"
    return json.loads(file.read_text()) if file.exists() else None


def guard(run: Run) -> None:
    """Refuse to put simulated tables where people read real ones."""
    published = current_version(run.home)
    if run.is_simulated and published and published["profile"] != run.profile:
        raise WrongHome(
            f"{run.home} publishes live data; the simulated sample market would replace it."
            " Next: give it a folder of its own, for instance `scaretrade run --profile sample --home sample`"
        )


def publish(warehouse: Warehouse, run: Run, published_at: str, kept_versions: int = 2) -> Path:
    """Copy every table into a new version folder, then make it the current one; some versions before it stay.

    Readers of the old version keep it; new connections see the new one whole. It is on the disk before anything points
    to it. Returns the published file.
    """
    guard(run)
    versions = run.home / "versions"
    clear_unfinished(versions)
    unfinished = versions / f"{run.run_id}.unfinished"
    (unfinished / "parquet").mkdir(parents=True)
    write_database(warehouse, run, unfinished / "market.duckdb", published_at)
    write_parquet(warehouse, run, unfinished / "parquet")
    write_report(unfinished / "market.duckdb", unfinished / "report")
    facts = {
        "run_id": run.run_id,
        "profile": run.profile.value,
        "as_of": str(run.as_of),
        "published_at": published_at,
    }
    (unfinished / "version.json").write_text(json.dumps(facts))
    settle_tree(unfinished)
    finished = versions / run.run_id
    unfinished.rename(finished)
    settle(versions)
    switch(run.home, finished)
    forget_old(versions, finished, kept_versions)
    return run.home / "market.duckdb"


def public_tables() -> list[Contract]:
    """Every table with a contract: what people may read is what is documented."""
    return list(contracts().values())


def write_database(warehouse: Warehouse, run: Run, file: Path, published_at: str) -> None:
    """A DuckDB file that 1.2 and later clients open, with comments on every table and column."""
    warehouse.execute(f"attach '{quoted(file)}' as published (storage_version 'v1.2.0')")
    try:
        with warehouse.transaction():
            for schema in sorted({c.schema_name for c in public_tables()}):
                warehouse.execute(f"create schema published.{schema}")
            for contract in public_tables():
                copy_table(warehouse, run, contract)
                comment(warehouse, run, contract)
            write_meta(warehouse, run, published_at)
    finally:
        warehouse.execute("detach published")


def copy_table(warehouse: Warehouse, run: Run, contract: Contract) -> None:
    """Copy a table; what is read in place is far too large for that, so that its view goes on reading it there."""
    target = f"published.{contract.name}"
    if contract.storage == "in_place":
        warehouse.execute(f"create view {target} as {published_rows(rows_in_place(folder_of(run.state)), run)}")
    else:
        warehouse.execute(ddl(f"create table {target}", published_columns(contract)))
        warehouse.execute(f"insert into {target} by name {published_rows(f'from {contract.name}', run)}")


def published_rows(rows: str, run: Run) -> str:
    """A query for a table's rows, each with the run that publishes them."""
    return f"select *, '{quoted(run.run_id)}' as published_run_id from ({rows})"


def write_meta(warehouse: Warehouse, run: Run, published_at: str) -> None:
    """The `meta` table: what a reader must know before quoting a number."""
    facts = {
        "run_id": run.run_id,
        "data": "simulated" if run.is_simulated else "vendors",
        "note": SIMULATED.strip() if run.is_simulated else "Market data as given by the vendors named in source",
        "profile": run.profile.value,
        "as_of": str(run.as_of),
        "history_since": str(run.since),
        "published_at": published_at,
    }
    warehouse.execute("create table published.main.meta (key varchar primary key, value varchar not null)")
    for key, value in facts.items():
        warehouse.execute("insert into published.main.meta values ($1, $2)", [key, value])
    note = (SIMULATED if run.is_simulated else "") + "What this file is: run, profile, as-of day"
    warehouse.execute(f"comment on table published.main.meta is '{quoted(note)}'")


def comment(warehouse: Warehouse, run: Run, contract: Contract) -> None:
    """Put the contract's descriptions into the file; of simulated tables they begin by saying so."""
    text = (SIMULATED if run.is_simulated else "") + contract.description
    kind = "view" if contract.storage == "in_place" else "table"
    warehouse.execute(f"comment on {kind} published.{contract.name} is '{quoted(text)}'")
    for name, column in published_columns(contract).items():
        warehouse.execute(f"comment on column published.{contract.name}.\"{name}\" is '{quoted(column.comment)}'")


def write_parquet(warehouse: Warehouse, run: Run, folder: Path) -> None:
    """One Parquet file a table, `<schema>/<table>.parquet`, but for what is Parquet already."""
    for contract in stored_tables().values():
        file = folder / (contract.name.replace(".", "/") + ".parquet")
        file.parent.mkdir(exist_ok=True)
        rows = published_rows(f"from {contract.name}", run)
        warehouse.execute(f"copy ({rows}) to '{quoted(file)}' (format parquet, compression zstd)")


def switch(home: Path, finished: Path) -> None:
    """Point `current` at the finished version in one rename, and the public names through it."""
    relink(home / "current", Path("versions") / finished.name)
    for name in PUBLIC:
        if not (home / name).is_symlink():
            relink(home / name, Path("current") / name)
    settle(home)


def relink(link: Path, target: Path) -> None:
    """Replace a symbolic link atomically."""
    fresh = link.with_name(link.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def clear_unfinished(versions: Path) -> None:
    """Remove what a killed run left half-written."""
    for leftover in versions.glob("*.unfinished"):
        shutil.rmtree(leftover)


def forget_old(versions: Path, finished: Path, kept: int) -> None:
    """Keep the current version and the newest before it. Two at least: someone may just be opening the one before."""
    others = [v for v in versions.iterdir() if v != finished and not v.name.endswith(".unfinished")]
    others.sort(key=lambda v: v.stat().st_mtime, reverse=True)
    for version in others[kept - 1 :]:
        shutil.rmtree(version)
