"""The working file anew from the landing: the landing is the memory, the warehouse only its consequence."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from pipelines.guard import writing
from pipelines.ingest import replay
from pipelines.landing import CorruptPayload, Landed, Landing
from pipelines.settings import FIRST_DAY, Profile, Run
from pipelines.sources import SOURCES
from pipelines.store import BatchRefused
from pipelines.warehouse import Warehouse


def rebuild_from_landing(home: Path, profile: Profile, lock_timeout_seconds: float) -> Iterator[str]:
    """Replay every landed batch into a fresh working file, which then replaces the old; yields a line a batch."""
    state = home / profile
    with writing(home, lock_timeout_seconds):
        landing = Landing(state / "landing")
        landing.open()
        fresh = state / "work.duckdb.new"
        for leftover in (fresh, fresh.with_name(fresh.name + ".wal")):
            leftover.unlink(missing_ok=True)
        warehouse = Warehouse(fresh)
        try:
            for (_, run_id, source), lines in groupby(landing.manifest(), key=batch_of):
                yield replay_batch(landing, warehouse, profile, home, run_id, source, list(lines))
        finally:
            warehouse.close()
        # A killed run's log belongs to the old file and would make the new one unreadable.
        (state / "work.duckdb.wal").unlink(missing_ok=True)
        fresh.replace(state / "work.duckdb")
        yield "Rebuilt. Next: `scaretrade run` builds and publishes the tables"


def batch_of(line: Landed) -> tuple[str, str, str]:
    """What was loaded together."""
    return line.known_at, line.run_id, line.source


def replay_batch(
    landing: Landing,
    warehouse: Warehouse,
    profile: Profile,
    home: Path,
    run_id: str,
    source: str,
    lines: list[Landed],
) -> str:
    """Load one batch as it was loaded then; a payload that is lost or damaged is named and left out."""
    now = datetime.fromisoformat(lines[0].known_at).replace(tzinfo=UTC)
    run = Run(run_id, profile, home, FIRST_DAY, now, now.date())
    warehouse.prepare(run)
    usable, lost = [], []
    for line in lines:
        try:
            landing.body(line.payload_id)
            usable.append(line)
        except CorruptPayload as corrupt:
            lost.append(f"{line.source} {line.dataset} {line.symbol}: {corrupt}; its rows are missing")
    try:
        batch = replay(SOURCES[source], landing, warehouse, run, usable)
        written = sum(load.written for load in batch.loads.values())
        said = f"{now:%Y-%m-%d} {source}: {len(usable)} payloads, {written} rows"
    except BatchRefused as refused:
        said = str(refused)
    return "\n".join([said, *lost])
