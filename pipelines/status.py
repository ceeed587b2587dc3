"""The state of a home in one glance, from the published file alone."""

from pathlib import Path
from typing import Any

from pipelines.query import connect


def facts(home: Path) -> dict[str, Any]:
    """What is published, late, failing and quarantined, and the disk it takes; raises QueryError when nothing is."""
    with connect(home) as connection:
        meta = dict(connection.execute("select key, value from meta").fetchall())
        late = connection.execute(
            "select source, dataset, symbol, newest_date, due_date from quality.coverage where status = 'late'"
            " order by newest_date, symbol"
        ).fetchall()
        failing = connection.execute(
            "select severity, table_name, check_name, n_failing, message from quality.check_results"
            " where run_id = $1 and not passed order by severity, table_name, check_name",
            [meta["run_id"]],
        ).fetchall()
        rejected = connection.execute("select count(*) from quality.rejected_rows").fetchall()[0][0]
    files = [f for f in home.rglob("*") if f.is_file() and not f.is_symlink()]
    return {
        **meta,
        "late": [dict(zip(("source", "dataset", "symbol", "newest", "due"), row, strict=True)) for row in late],
        "failing_checks": [
            dict(zip(("severity", "table", "check", "rows", "message"), row, strict=True)) for row in failing
        ],
        "rejected_rows": rejected,
        "disk_bytes": sum(f.stat().st_size for f in files),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    kind = "SIMULATED sample data" if found["data"] == "simulated" else "vendors' data"
    return [
        f"Published {found['published_at']}: {kind}, as of {found['as_of']}, run {found['run_id']}",
        f"Late series: {len(found['late'])}",
        *(f"  {s['source']} {s['dataset']} {s['symbol']}: newest {s['newest']}, due {s['due']}" for s in found["late"]),
        f"Failing checks: {len(found['failing_checks'])}",
        *(
            f"  {c['severity']}: {c['table']} {c['check']} ({c['rows']} rows): {c['message']}"
            for c in found["failing_checks"]
        ),
        f"Quarantined rows: {found['rejected_rows']}",
        f"Disk used: {found['disk_bytes'] / 1e6:.0f} MB",
    ]
