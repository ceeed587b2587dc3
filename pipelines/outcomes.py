"""What became of every series of a batch, kept beside the payloads: a rebuild then uses what was used, no more."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from pipelines.batch import Batch, SeriesLoad
from pipelines.durable import append
from pipelines.landing import Landing, complete_lines
from pipelines.sources.base import Series, Window


@dataclass(frozen=True)
class Outcomes:
    """One source's part of one run, as it was stored or refused. Times are UTC without a zone, as in the manifest."""

    run_id: str
    source: str
    known_at: str
    stored_at: str
    is_now: bool
    loads: dict[Series, SeriesLoad]


def keep_outcomes(landing: Landing, batch: Batch) -> None:
    """Add a batch's line to its run's file. Called when the batch is stored: without a line all of it counts."""
    facts = {
        "run_id": batch.run.run_id,
        "source": batch.source,
        "known_at": batch.run.now.replace(tzinfo=None).isoformat(),
        "stored_at": datetime.now(UTC).replace(tzinfo=None).isoformat(),
        "is_now": batch.run.is_now,
        "loads": [as_facts(load) for load in batch.loads.values()],
    }
    append(landing.outcomes / f"{batch.run.run_id}.jsonl", (json.dumps(facts) + "\n").encode())


def as_facts(load: SeriesLoad) -> dict[str, Any]:
    """A series' fate as JSON; what the store counts is counted again by a rebuild."""
    return {
        **asdict(load.series),
        "since": str(load.window.since),
        "until": str(load.window.until),
        "outcome": str(load.outcome),
        "reason": load.reason,
        "parsed": load.parsed,
        "running": load.running,
    }


def kept_outcomes(landing: Landing) -> dict[tuple[str, str], Outcomes]:
    """The outcomes by run and source; raises DamagedManifest."""
    found = [read(facts) for file in sorted(landing.outcomes.glob("*.jsonl")) for facts in complete_lines(file)]
    return {(outcomes.run_id, outcomes.source): outcomes for outcomes in found}


def read(facts: dict[str, Any]) -> Outcomes:
    """A line's outcomes."""
    now = datetime.fromisoformat(facts["known_at"]).replace(tzinfo=UTC)
    loads = [read_load(load, now) for load in facts["loads"]]
    return Outcomes(**{**facts, "loads": {load.series: load for load in loads}})


def read_load(facts: dict[str, Any], now: datetime) -> SeriesLoad:
    """A series' fate."""
    series = Series(facts["symbol"], facts["vendor_symbol"], facts["dataset"])
    window = Window(date.fromisoformat(facts["since"]), date.fromisoformat(facts["until"]), now)
    load = SeriesLoad(series, window, facts["outcome"], facts["reason"])
    return replace(load, parsed=facts["parsed"], running=facts["running"])
