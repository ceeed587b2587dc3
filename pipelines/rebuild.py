"""The working file anew from the landing: the landing is the memory, the warehouse only its consequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.batch import FORGOTTEN, LOST, SeriesLoad
from pipelines.contracts import contracts
from pipelines.durable import settle
from pipelines.guard import writing
from pipelines.landing import Landed, Landing
from pipelines.migrate import migrate
from pipelines.outcomes import Outcomes, kept_outcomes
from pipelines.replay import replay
from pipelines.settings import FIRST_DAY, Profile, Run
from pipelines.sources import SOURCES
from pipelines.sources.watcher import NOBODY, Watcher
from pipelines.store import BatchRefused
from pipelines.warehouse import Warehouse, clear_leftovers


class NothingLanded(Exception):
    """There is no landing to rebuild from."""


@dataclass(frozen=True)
class Past:
    """What one source gave to one run."""

    run_id: str
    source: str
    lines: list[Landed]
    outcomes: Outcomes | None

    @property
    def order(self) -> tuple[str, int]:
        """Batches are replayed as they came, whatever day each was as of."""
        if self.outcomes:
            return self.outcomes.stored_at, 0
        return max((line.fetched_at, line.sequence) for line in self.lines)

    def run(self, profile: Profile, home: Path) -> Run:
        """The run of that day, as far as loading depends on it."""
        known_at = self.outcomes.known_at if self.outcomes else self.lines[0].known_at
        now = datetime.fromisoformat(known_at).replace(tzinfo=UTC)
        is_now = self.outcomes is not None and self.outcomes.is_now
        return Run(self.run_id, profile, home, FIRST_DAY, now, now.date(), is_now)


def rebuild_from_landing(
    home: Path, profile: Profile, lock_timeout_seconds: float, watcher: Watcher = NOBODY
) -> Iterator[str]:
    """Replay every landed batch into a fresh working file, which then replaces the old; yields a line a batch.

    Raises NothingLanded, and DamagedManifest where the landing cannot say what it holds.
    """
    state = home / profile
    landing = Landing(state / "landing")
    if not landing.folder.exists():
        raise NothingLanded(f"{landing.folder} does not exist. Next: name the home with --home, or run first")
    with writing(home, lock_timeout_seconds):
        landing.open()
        past = batches(landing)
        if not past:
            raise NothingLanded(f"{landing.folder} holds no payload. Next: run first: `scaretrade run`")
        clear_leftovers(state)
        fresh = state / "work.duckdb.new"
        warehouse = Warehouse(fresh)
        try:
            migrate(warehouse, past[-1].run(profile, home))
            warehouse.prepare(past[-1].run(profile, home))
            for n, batch in enumerate(past):
                watcher.moved("rebuild", n, len(past), "batches")
                watcher.doing("rebuild", batch.source)
                yield replay_batch(landing, warehouse, batch.run(profile, home), batch)
            watcher.moved("rebuild", len(past), len(past), "batches")
            yield from losses(warehouse)
        finally:
            warehouse.close()
        # A killed run's log belongs to the old file and would make the new one unreadable.
        (state / "work.duckdb.wal").unlink(missing_ok=True)
        settle(state)
        fresh.replace(state / "work.duckdb")
        yield "Rebuilt. Next: `scaretrade run` builds and publishes the tables"


def batches(landing: Landing) -> list[Past]:
    """Everything that was loaded, in its order."""
    outcomes, lines = kept_outcomes(landing), dict[tuple[str, str], list[Landed]]()
    for line in landing.manifest():
        lines.setdefault((line.run_id, line.source), []).append(line)
    for found in lines.values():
        found.sort(key=lambda line: line.sequence)
    keys = {**lines, **outcomes}
    return sorted((Past(*key, lines.get(key, []), outcomes.get(key)) for key in keys), key=lambda past: past.order)


def replay_batch(landing: Landing, warehouse: Warehouse, run: Run, past: Past) -> str:
    """Load one batch as it was loaded then; what cannot be used any more is named and left out."""
    said = f"{run.now:%Y-%m-%d} {past.source}: "
    if past.source not in SOURCES:
        return f"{said}no such source any more; its {len(past.lines)} payloads are left out"
    loads = past.outcomes.loads if past.outcomes else None
    try:
        batch = replay(SOURCES[past.source], landing, warehouse, run, past.lines, loads)
    except BatchRefused as refused:
        batch, reason = refused.batch, str(refused)
    else:
        reason = f"{len(past.lines)} payloads, {sum(load.written for load in batch.loads.values())} rows"
    told = {series for series, load in (loads or {}).items() if load.failed}
    news = [load for load in batch.failures if load.outcome != FORGOTTEN and load.series not in told]
    return "\n".join([said + reason, *(named(past.source, load) for load in news)])


def named(source: str, load: SeriesLoad) -> str:
    """A series that could not be used whole."""
    reason = str(load.reason)
    name = f"{source} {load.series.dataset} {load.series.symbol}: "
    return f"  {reason if reason.startswith(name) else name + reason}"


def losses(warehouse: Warehouse) -> Iterator[str]:
    """What lost payloads leave out: of each series and window, the days that no other payload gives."""
    query = f"select source, dataset, symbol, window_since, window_until from quality.loads where outcome = '{LOST}'"
    for source, dataset, symbol, since, until in warehouse.rows(query + " order by load_id, symbol, dataset"):
        day = f"{contracts()[f'raw.{dataset}'].day_column}::date"
        counted = f"select count(distinct {day}), max({day}) from raw.{dataset}"
        within = f" where source = $1 and symbol = $2 and {day} between $3 and $4"
        ((n, newest),) = warehouse.rows(counted + within, [source, symbol, since, until])
        left = f"{n} days up to {newest} are there from other payloads" if n else "nothing of it is left"
        yield f"Lost: {source} {dataset} {symbol} from {since} to {until}: {left}. The next run asks for it again"
