"""Forgetting old payloads, if asked to: only such whose days a later payload of the same series gives again."""

import logging
from datetime import date, datetime, timedelta

from pipelines.contracts import contracts
from pipelines.landing import Landed, Landing
from pipelines.outcomes import Outcomes, kept_outcomes
from pipelines.sources.base import Outcome

log = logging.getLogger("scaretrade")


def forget_covered(landing: Landing, kept_days: int | None, now: datetime) -> list[str]:
    """Delete payloads fetched more than `kept_days` before `now` whose days a later answer covers; their names.

    A rebuild then gives the same newest values, but knows no versions from before the oldest payload that is kept.
    Without `kept_days` nothing is ever deleted.
    """
    if kept_days is None:
        return []
    oldest = (now - timedelta(days=kept_days)).replace(tzinfo=None)
    lines = list(landing.manifest())
    covered = covered_lines(lines, kept_outcomes(landing))
    is_old = [n in covered and datetime.fromisoformat(line.fetched_at) < oldest for n, line in enumerate(lines)]
    needed = {line.payload_id for line, old in zip(lines, is_old, strict=True) if not old}
    forgotten = sorted({line.payload_id for line in lines} - needed - landing.forgotten())
    if forgotten:
        landing.forget(forgotten)
        log.info("landing: %d payloads older than %d days forgotten, later ones cover them", len(forgotten), kept_days)
    return forgotten


def covered_lines(lines: list[Landed], outcomes: dict[tuple[str, str], Outcomes]) -> set[int]:
    """Positions of manifest lines of whose series a later, no less knowing answer covers every day."""
    covered: set[int] = set()
    later: dict[tuple[str, str, str], list[tuple[str, date, date]]] = {}
    for n in reversed(range(len(lines))):
        line = lines[n]
        series = (line.source, line.dataset, line.symbol)
        since, until = date.fromisoformat(line.window_since), date.fromisoformat(line.window_until)
        mine = (line.known_at, since, until)
        # The pages of one answer share its window: none of them covers another.
        if any(covers(other, mine) for other in later.get(series, []) if other != mine):
            covered.add(n)
        elif was_used(line, outcomes) and mine not in later.get(series, []):
            later.setdefault(series, []).append(mine)
    return {n for n in covered if not contracts()[f"raw.{lines[n].dataset}"].is_snapshot}


def covers(other: tuple[str, date, date], mine: tuple[str, date, date]) -> bool:
    """Whether one answer gives all days of another and knew as much."""
    return other[0] >= mine[0] and other[1] <= mine[1] and other[2] >= mine[2]


def was_used(line: Landed, outcomes: dict[tuple[str, str], Outcomes]) -> bool:
    """Whether the payload's rows are known to have been stored."""
    found = outcomes.get((line.run_id, line.source))
    load = found.loads.get(line.series) if found else None
    window = (line.window_since, line.window_until)
    return (
        load is not None and load.outcome == Outcome.OK and (str(load.window.since), str(load.window.until)) == window
    )
