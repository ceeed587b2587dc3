"""One past batch anew from the landing: what was used then is used again, what was dropped stays dropped."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from pipelines.batch import FORGOTTEN, LOST, Batch, SeriesLoad
from pipelines.landing import CorruptPayload, Landed, Landing
from pipelines.settings import Run
from pipelines.sources.base import Outcome, Request, Series, Source, SourceError, Window
from pipelines.store import store
from pipelines.warehouse import Warehouse


def replay(
    source: Source,
    landing: Landing,
    warehouse: Warehouse,
    run: Run,
    lines: Iterable[Landed],
    loads: Mapping[Series, SeriesLoad] | None = None,
) -> Batch:
    """Load one past run's payloads of one source from the landing alone, as if they had just arrived.

    `loads` says what became of each series then; without it, everything that can be read is used.
    Raises BatchRefused.
    """
    batch = Batch(source.NAME, run)
    for series, load in (loads or {}).items():
        batch.loads[series] = load if load.failed else replace(load, parsed=0, running=0)
    for line in lines:
        batch.landed.append(line)
        if loads is None:
            begin(batch, line)
        if is_used(batch, line):
            read(source, landing, batch, line)
    for load in batch.loads.values():
        if loads is None and load.outcome == Outcome.OK and not load.parsed:
            load.outcome = Outcome.EMPTY
    return store(warehouse, batch)


def window_of(line: Landed, run: Run) -> Window:
    """What the payload was asked for."""
    return Window(date.fromisoformat(line.window_since), date.fromisoformat(line.window_until), run.now)


def begin(batch: Batch, line: Landed) -> None:
    """A second window of a series is its whole history, asked because the first had been rewritten."""
    window = window_of(line, batch.run)
    if line.series not in batch.loads or batch.loads[line.series].window != window:
        batch.drop(line.series)
        batch.loads[line.series] = SeriesLoad(line.series, window)


def is_used(batch: Batch, line: Landed) -> bool:
    """Whether the payload's rows count: not those of a series that failed, nor of a window that was asked again."""
    load = batch.loads[line.series]
    return load.window == window_of(line, batch.run) and (not load.failed or load.outcome in (LOST, FORGOTTEN))


def read(source: Source, landing: Landing, batch: Batch, line: Landed) -> None:
    """Add a payload's rows. One that is lost takes none of the others with it; one that cannot be parsed does."""
    load = batch.loads[line.series]
    request = Request(line.source, line.series, line.path, line.params, load.window)
    try:
        batch.add(line.series, source.parse(landing.body(line.payload_id), request), line.payload_id)
    except CorruptPayload as corrupt:
        if line.payload_id in landing.forgotten():
            load.outcome, load.reason = FORGOTTEN, "deleted as old; a later payload covers its days"
        else:
            load.outcome, load.reason = LOST, f"{corrupt}; its rows are missing"
    except SourceError as error:
        load.outcome, load.reason = error.outcome, str(error)
        batch.drop(line.series)
