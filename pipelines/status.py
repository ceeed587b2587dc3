"""The state of a home in one glance and under a second: nothing here loads Dagster, pandas or the checks' library."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.guard import holder
from pipelines.query import QueryError, connect
from pipelines.run_history import last_run, scheduler_runs
from pipelines.schedule_times import next_scheduled

SERIES = """
select source, dataset, symbol, newest_date, due_date, status from quality.coverage
order by source, dataset, newest_date, symbol
"""
FAILING = """
select severity, table_name, check_name, n_failing, message from quality.check_results
where run_id = (select value from meta where key = 'run_id') and not passed
order by severity, table_name, check_name
"""
REJECTED = """
select table_name, reason, count(*) from quality.rejected_rows group by table_name, reason order by table_name, reason
"""
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("data", "as_of", "run_id", "published_at", "rejected_rows")),
    **{name: [] for name in ("series", "late", "failing_checks", "rejected")},
}


def facts(home: Path, now: datetime | None = None) -> dict[str, Any]:
    """What ran last, is published, late, failing and quarantined, the disk it takes, and the next scheduled run.

    `trouble` says, with the next step, why there is no published file or why it cannot be read.
    """
    moment = now or datetime.now(UTC)
    schedule, at = next_scheduled(moment)
    return {
        **_published(home),
        "running": holder(home),
        "last_run": last_run(home),
        "disk_bytes": disk_bytes(home),
        "next_run": {
            "schedule": schedule.name,
            "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "sessions_only": schedule.sessions_only,
            "scheduler_is_running": scheduler_runs(home, moment),
        },
    }


def _published(home: Path) -> dict[str, Any]:
    try:
        return {"trouble": None, **_tables(home)}
    except QueryError as nothing:
        return {"trouble": str(nothing), **NOTHING}
    except duckdb.Error as error:
        step = "run again, which publishes it anew; the version before is in versions/"
        said = str(error).splitlines()[0]
        return {"trouble": f"{home / 'market.duckdb'} cannot be read: {said}. Next: {step}", **NOTHING}


def _tables(home: Path) -> dict[str, Any]:
    """What the published file says."""
    with connect(home) as connection:
        meta = dict(connection.execute("select key, value from meta").fetchall())
        series = _rows(connection, SERIES, "source", "dataset", "symbol", "newest", "due", "status")
        failing = _rows(connection, FAILING, "severity", "table", "check", "rows", "message")
        rejected = _rows(connection, REJECTED, "table", "reason", "rows")
    return {
        **meta,
        "series": series,
        "late": [one for one in series if one["status"] == "late"],
        "failing_checks": failing,
        "rejected": rejected,
        "rejected_rows": sum(one["rows"] for one in rejected),
    }


def _rows(connection: duckdb.DuckDBPyConnection, query: str, *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query).fetchall()]


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed; what a run removes meanwhile counts nothing."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += disk_bytes(Path(entry.path))
                elif not entry.is_symlink():
                    total += entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        pass
    return total


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    tables = [] if found["published_at"] is None else _published_lines(found)
    return [
        *tables,
        *_run_lines(found),
        f"Disk used: {found['disk_bytes'] / 1e6:.0f} MB",
        _next_line(found["next_run"]),
    ]


def _published_lines(found: dict[str, Any]) -> list[str]:
    kind = "SIMULATED sample data" if found["data"] == "simulated" else "vendors' data"
    return [
        f"Published {found['published_at']}: {kind}, as of {found['as_of']}, run {found['run_id']}",
        f"Series: {len(found['series'])}, newest day by source and table",
        *newest_lines(found["series"]),
        f"Late series: {len(found['late'])}",
        *(f"  {s['source']} {s['dataset']} {s['symbol']}: newest {s['newest']}, due {s['due']}" for s in found["late"]),
        f"Failing checks: {len(found['failing_checks'])}",
        *(
            f"  {c['severity']}: {c['table']} {c['check']} ({c['rows']} rows): {c['message']}"
            for c in found["failing_checks"]
        ),
        f"Quarantined rows: {found['rejected_rows']}",
        *(f"  {r['table']}: {r['rows']}: {r['reason']}" for r in found["rejected"]),
    ]


def newest_lines(series: list[dict[str, Any]]) -> list[str]:
    """One line a source and table: how many series, from which to which newest day, against what is due."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in series:
        groups.setdefault((one["source"], one["dataset"]), []).append(one)
    return [
        f"  {source} {dataset} ({len(group)}): {_span(group, 'newest')}, due {_span(group, 'due')}"
        for (source, dataset), group in groups.items()
    ]


def _span(series: list[dict[str, Any]], name: str) -> str:
    days = sorted(str(one[name]) for one in series)
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _run_lines(found: dict[str, Any]) -> list[str]:
    running = [f"A run is in progress: {found['running']}"] if found["running"] else []
    last = found["last_run"]
    if last is None:
        return running
    when = last["ended_at"] or last["started_at"] or "not begun"
    return [*running, f"Last run: {last['status']}, {when}, {last['job']} {last['run_id']}{_run_step(last, running)}"]


def _run_step(last: dict[str, Any], running: list[str]) -> str:
    if last["status"] == "failure":
        return ". Next: `scaretrade alerts` or the UI (`make ui`) says why"
    return ". It did not end: its process died. Next: run again" if last["status"] == "started" and not running else ""


def _next_line(run: dict[str, Any]) -> str:
    condition = ", if New York trades that day" if run["sessions_only"] else ""
    by = "" if run["scheduler_is_running"] else "; no scheduler is running: start it with `make ui`"
    return f"Next scheduled run: {run['at']} ({run['schedule']}{condition}){by}"
