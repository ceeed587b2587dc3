"""What part of the data a run asks: a schedule's series and those that still owe an answer, or a range's days again."""

from dataclasses import replace
from datetime import date

from pipelines.ingest import known_span, unanswered_since
from pipelines.settings import Run
from pipelines.sources.base import Series
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse

SCOPES = ("equities", "crypto", "filings")


class WrongPart(Exception):
    """A scope or a backfill's range that cannot be meant."""


def narrowed(run: Run, scope: str | None, first: str | None, last: str | None) -> Run:
    """The run limited to a scope, or to asking the days from `first` to `last` again; raises WrongPart."""
    if scope is not None and scope not in SCOPES:
        raise WrongPart(f"scope {scope!r} is unknown. Next: choose one of {', '.join(SCOPES)}, or leave it empty")
    if first is None:
        return replace(run, scope=scope)
    days = date.fromisoformat(first), date.fromisoformat(last) if last else run.as_of
    if not run.since <= days[0] <= days[1] <= run.as_of:
        raise WrongPart(
            f"a backfill from {days[0]} until {days[1]} does not lie between the first day of history, {run.since},"
            f" and the as-of day, {run.as_of}. Next: correct backfill_from and backfill_until, or set since"
        )
    return replace(run, scope=scope, backfill=days)


def scope_of(universe: Universe, series: Series) -> str:
    """Filings, else by calendar: what trades in New York, or what never closes."""
    if series.dataset == "facts":
        return "filings"
    return "crypto" if universe.calendar(series.symbol) == "24/7" else "equities"


def out_of_scope(universe: Universe, warehouse: Warehouse, run: Run, source: str, series: Series) -> str | None:
    """Why this run leaves a series to another schedule; None where it asks it.

    A series that never answered, or failed when last asked, is asked by every run.
    """
    if run.scope in (None, scope_of(universe, series)):
        return None
    ever_answered = known_span(warehouse, run, source, series)[1] is not None
    if not ever_answered or unanswered_since(warehouse, run, source, series):
        return None
    return f"this run is for {run.scope}"
