"""Publication: a finished copy for SQL users beside the working file, put in place by one atomic rename."""

import json
import shutil
from pathlib import Path

from pipelines.contracts import stored_tables
from pipelines.durable import settle, settle_tree
from pipelines.published_file import finish_file, published_rows, unfinished_version
from pipelines.quoting import quoted
from pipelines.report.write import write_report
from pipelines.settings import Run
from pipelines.warehouse import Warehouse

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
    unfinished = unfinished_version(run)
    (unfinished / "parquet").mkdir(parents=True, exist_ok=True)
    finish_file(warehouse, run, published_at)
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
    versions = run.home / "versions"
    finished = versions / run.run_id
    unfinished.rename(finished)
    settle(versions)
    switch(run.home, finished)
    forget_old(versions, finished, kept_versions)
    return run.home / "market.duckdb"


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
