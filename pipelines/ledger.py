"""Holds each claim against the tables: the frames of `marts.claims` and `marts.claim_windows`."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd

from pipelines.claim_queries import ask, tables_read
from pipelines.claims import Claim, Verdict, Window

TYPES = {
    "measured_value": "float64",
    "deviation": "float64",
    "coverage": "float64",
    "window_start": "datetime64[us]",
    "window_end": "datetime64[us]",
    "n": "Int64",
    "would_hold": "boolean",
}
WINDOW_COLUMNS = ["claim_id", "label", "reason", *TYPES, "sql"]
COMPARED = {"about": "about", "at_least": "at least", "at_most": "at most"}


@dataclass(frozen=True)
class Measurement:
    """A claim's figure in one window, or why it cannot be measured. Without a value there are no days either."""

    sql: str
    failure: str | None = None
    measured_value: float | None = None
    coverage: float | None = None
    window_start: date | None = None
    window_end: date | None = None
    n: int | None = None

    def verdict(self, claim: Claim) -> Verdict:
        """What it says of the claim."""
        if self.failure or self.measured_value is None:
            return "not_measurable"
        return claim.judge(self.measured_value)

    def row(self, claim: Claim) -> dict[str, Any]:
        """What both tables show of it."""
        found = {name: value for name, value in asdict(self).items() if name != "failure"}
        value = self.measured_value
        return {**found, "deviation": None if value is None else value - claim.claimed_value}


def claim_windows(connection: duckdb.DuckDBPyConnection, claims: Sequence[Claim], as_of: date) -> pd.DataFrame:
    """Every claim's figure in its other windows, as known at `as_of`: `marts.claim_windows`."""
    with connection.cursor() as cursor:
        rows = [_window_row(claim, w, measure(cursor, claim, w, as_of)) for claim in claims for w in claim.windows]
    return _typed(pd.DataFrame(rows, columns=WINDOW_COLUMNS))


def _window_row(claim: Claim, window: Window, found: Measurement) -> dict[str, Any]:
    verdict = found.verdict(claim)
    would_hold = None if verdict == "not_measurable" else verdict == "supported"
    names = {"claim_id": claim.id, "label": window.label, "reason": found.failure, "would_hold": would_hold}
    return {**names, **found.row(claim)}


def claims_ledger(
    connection: duckdb.DuckDBPyConnection, claims: Sequence[Claim], windows: pd.DataFrame, as_of: date, remark: str = ""
) -> pd.DataFrame:
    """The verdict on every claim as known at `as_of`, with its reason after a remark: `marts.claims`."""
    with connection.cursor() as cursor:
        measured = [(claim, measure(cursor, claim, None, as_of)) for claim in claims]
    rows = [_claim_row(c, found, windows[windows["claim_id"] == c.id], remark) for c, found in measured]
    return _typed(pd.DataFrame(rows))


def _claim_row(claim: Claim, found: Measurement, others: pd.DataFrame, remark: str) -> dict[str, Any]:
    stated = claim.model_dump(exclude={"id", "values", "sql", "windows"})
    judged = {"verdict": found.verdict(claim), "reason": remark + explain(claim, found, others)}
    return {"claim_id": claim.id, **stated, **judged, **found.row(claim)}


def measure(cursor: duckdb.DuckDBPyConnection, claim: Claim, window: Window | None, as_of: date) -> Measurement:
    """A claim's figure in a window, which must have ended by `as_of`."""
    values, sql = claim.values_in(window), claim.question(window)
    end = _day(values.get("end"))
    if end and end > as_of:
        return Measurement(sql, f"the window ends on {end}, after the data do on {as_of}")
    answer = ask(cursor, sql)
    value, coverage, n = (_number(answer.row.get(column)) for column in ("value", "coverage", "n"))
    if value is None:
        return Measurement(sql, answer.failure or _nothing_found(cursor, claim, window))
    failure = None
    if coverage is not None and coverage < claim.min_coverage:
        failure = f"data cover {percent(coverage)} of what it needs, less than {percent(claim.min_coverage)}"
    start, end = _day(answer.row.get("window_start", values.get("start"))), end or _day(answer.row.get("window_end"))
    return Measurement(sql, failure, value, coverage, start, end, n=None if n is None else int(n))


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _nothing_found(cursor: duckdb.DuckDBPyConnection, claim: Claim, window: Window | None) -> str:
    """Why a query found no value: a table it reads is empty, or none has rows for its values."""
    tables = tables_read(claim.question(window))
    if empty := [table for table in tables if not ask(cursor, f"select 1 as found from {table} limit 1").row]:
        return f"{empty[0]} is empty"
    wanted = ", ".join(f"{name} {value}" for name, value in claim.values_in(window).items())
    return f"no value in {' and '.join(tables)}{f' for {wanted}' if wanted else ''}"


def explain(claim: Claim, found: Measurement, others: pd.DataFrame) -> str:
    """A verdict's reason in words, with the windows under which a claim that does not hold would."""
    verdict, value = found.verdict(claim), found.measured_value
    if verdict == "not_measurable" or value is None:
        so_far = f" (where there are data: {number(value)} {claim.unit})" if value is not None else ""
        return f"Not measurable: {found.failure}{so_far}.{_elsewhere(others)}"
    figures = (
        f"Measured {number(value)}, claimed {COMPARED[claim.comparison]} {number(claim.claimed_value)} ({claim.unit})"
    )
    if verdict == "supported":
        return f"{figures}: holds{f' within {number(claim.tolerance)}' if claim.tolerance else ''}."
    side = "below" if value < claim.claimed_value else "above"
    beyond = f", not within {number(claim.tolerance)}" if claim.tolerance else ""
    though = f", though within {number(claim.partly_tolerance)}" if verdict == "partly" else ""
    return f"{figures}: {number(claim.miss(value))} {side}{beyond}{though}.{_elsewhere(others)}"


def _elsewhere(others: pd.DataFrame) -> str:
    """Under which other windows a claim would hold."""
    tried = others[others["would_hold"].notna()]
    holding = tried[tried["would_hold"].astype(bool)]
    if holding.empty:
        return f" It would hold in no other window measured ({len(tried)})." if len(tried) else ""
    measured = zip(holding["label"], holding["measured_value"], strict=True)
    labels = [f"{label} ({number(value)})" for label, value in measured]
    return f" It would hold in {len(labels)} of {len(tried)} other windows measured: {'; '.join(labels)}."


def number(value: float) -> str:
    """A figure for a sentence: four significant digits, thousands whole."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(fraction: float) -> str:
    """A fraction for a sentence."""
    return f"{100 * fraction:.0f} %"


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: kind for name, kind in TYPES.items() if name in frame})
