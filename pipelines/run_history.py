"""The last run and the scheduler's pulse, read from Dagster's own files without loading Dagster: that takes seconds."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RUNS_FILE = Path("dagster") / "history" / "runs.db"
# The daemon writes its heartbeat every 30 seconds.
SCHEDULER_SILENT_AFTER = timedelta(minutes=2)
LAST_RUN = "select run_id, pipeline_name, status, start_time, end_time from runs order by id desc limit 1"
HEARTBEAT = "select timestamp from daemon_heartbeats where daemon_type = 'SCHEDULER'"


def last_run(home: Path) -> dict[str, Any] | None:
    """The newest run of a home, however it was started and ended; None where there was none yet."""
    found = _asked(home, LAST_RUN)
    if found is None:
        return None
    run_id, job, status, started, ended = found
    return {"run_id": run_id, "job": job, "status": status.lower(), "started_at": utc(started), "ended_at": utc(ended)}


def scheduler_runs(home: Path, moment: datetime) -> bool:
    """Whether a scheduler has shown itself lately; without one, no schedule starts anything."""
    found = _asked(home, HEARTBEAT)
    if found is None:
        return False
    seen = datetime.fromisoformat(str(found[0]))
    return moment - (seen if seen.tzinfo else seen.replace(tzinfo=UTC)) < SCHEDULER_SILENT_AFTER


def _asked(home: Path, query: str) -> tuple[Any, ...] | None:
    """The one row; None where the file or the row is not there, or another version of Dagster keeps it otherwise."""
    file = home / RUNS_FILE
    if not file.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0.2)) as connection:
            row: tuple[Any, ...] | None = connection.execute(query).fetchone()
            return row
    except sqlite3.Error:
        return None


def utc(seconds: float | None) -> str | None:
    """An instant as text."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
