"""Judge a batch by its contracts and write it: all of it in one transaction, or nothing."""

import json
from dataclasses import asdict

import pandas as pd

from pipelines.batch import Batch
from pipelines.confirmations import confirm_later
from pipelines.contracts import contracts
from pipelines.quality import validate
from pipelines.warehouse import Warehouse

LINEAGE = ["reason", "source", "known_at", "load_id", "payload_id"]


class BatchRefused(Exception):
    """A source's rows broke a critical rule: nothing of the batch was written. Carries the batch with its checks."""

    def __init__(self, batch: Batch, reason: str) -> None:
        self.batch = batch
        super().__init__(
            f"{batch.source}: batch refused, nothing of it was written: {reason}. Next: see its rows in"
            " quality.rejected_rows and the payloads named there; the published tables stay as they were"
        )


def store(warehouse: Warehouse, batch: Batch) -> Batch:
    """Write the accepted rows and the bookkeeping; raises BatchRefused, with the bookkeeping written alone."""
    load_id = int(warehouse.scalar("select coalesce(max(load_id), 0) + 1 from quality.loads"))
    accepted, rejected = judge(batch, load_id)
    reason = refusal(batch)
    with warehouse.transaction():
        if reason is None:
            for table, frame in accepted.items():
                warehouse.append_versions(contracts()[table], frame)
                confirm_later(warehouse, batch, contracts()[table], load_id)
                count_written(warehouse, batch, table, load_id)
        record(warehouse, batch, load_id, rejected, reason)
    if reason is not None:
        raise BatchRefused(batch, reason)
    return batch


def judge(batch: Batch, load_id: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Rows accepted by table, and all rejected rows in the shape of `quality.rejected_rows`."""
    accepted, rejected = {}, []
    for table in batch.tables:
        verdict = validate(contracts()[table], batch.rows(table, load_id), batch.run.now.date())
        accepted[table] = verdict.accepted
        rejected.append(quarantine(table, verdict.rejected))
        batch.checks += [(table, outcome) for outcome in verdict.outcomes]
        for symbol, count in verdict.rejected.groupby("symbol").size().items():
            batch.fed_by(table, str(symbol)).rejected += int(count)
    return accepted, pd.concat(rejected) if rejected else pd.DataFrame()


def refusal(batch: Batch) -> str | None:
    """The critical rules that the batch breaks, or None."""
    failed = [(table, o) for table, o in batch.checks if not o.passed and o.severity == "critical"]
    return "; ".join(f"{table}: {outcome.message}" for table, outcome in failed) or None


def quarantine(table: str, rejected: pd.DataFrame) -> pd.DataFrame:
    """Rejected rows in the shape of `quality.rejected_rows`, each kept whole as JSON."""
    values = rejected.drop(columns=LINEAGE).to_dict("records")
    day = pd.to_datetime(rejected[contracts()[table].day_column])
    return rejected[["load_id", "source", "symbol", "payload_id", "reason", "known_at"]].assign(
        table_name=table,
        row_date=day.dt.normalize(),
        row_number=rejected.index,
        row_json=[json.dumps(row, default=str) for row in values],
    )


def count_written(warehouse: Warehouse, batch: Batch, table: str, load_id: int) -> None:
    """Add to each series how many row versions this load stored in a table."""
    counts = f"select symbol, count(*) from {table} where load_id = $1 group by symbol"
    for symbol, count in warehouse.rows(counts, [load_id]):
        batch.fed_by(table, symbol).written += count


def record(warehouse: Warehouse, batch: Batch, load_id: int, rejected: pd.DataFrame, refused: str | None) -> None:
    """Write the bookkeeping of a batch: payloads, each series' fate and the rejected rows."""
    if batch.landed:
        warehouse.insert("quality.payloads", payload_rows(batch))
    if batch.loads:
        warehouse.insert("quality.loads", load_rows(batch, load_id, refused))
    if len(rejected):
        warehouse.insert("quality.rejected_rows", rejected)


def payload_rows(batch: Batch) -> pd.DataFrame:
    """The batch's part of `quality.payloads`."""
    rows = pd.DataFrame([asdict(line) for line in batch.landed])
    for column in ("known_at", "fetched_at", "window_since", "window_until"):
        rows[column] = pd.to_datetime(rows[column], format="ISO8601")
    return rows[list(contracts()["quality.payloads"].columns)]


def load_rows(batch: Batch, load_id: int, refused: str | None) -> pd.DataFrame:
    """The batch's part of `quality.loads`."""
    return pd.DataFrame(
        {
            "load_id": load_id,
            "run_id": batch.run.run_id,
            "source": batch.source,
            "dataset": load.series.dataset,
            "symbol": load.series.symbol,
            "known_at": batch.run.now.replace(tzinfo=None),
            "window_since": load.window.since,
            "window_until": load.window.until,
            "outcome": "refused" if refused and not load.failed else load.outcome,
            "reason": load.reason or refused,
            "rows_parsed": load.parsed,
            "rows_running": load.running,
            "rows_rejected": load.rejected,
            "rows_written": load.written,
        }
        for load in batch.loads.values()
    )
