"""One asset a source: its new payloads, judged by contract, in the raw tables. A refused batch stops what needs it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets_defs.describe import FRESHNESS, OWNERS, table_schema
from pipelines.audit import answered, from_outcome, record
from pipelines.batch import Batch
from pipelines.contracts import contracts
from pipelines.resources import Pipeline
from pipelines.sources import SOURCES
from pipelines.store import BatchRefused
from pipelines.universe import load_universe


def results(batch: Batch, refused: str | None) -> Iterator[dg.AssetCheckResult]:
    """The two checks of a source: its rows keep their contracts, and every series answered."""
    failing = [f"{table}: {o.message}" for table, o in batch.checks if not o.passed]
    yield dg.AssetCheckResult(
        check_name="rows_keep_contract",
        passed=not failing,
        severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
        metadata={"expectations": len(batch.checks), "failing": failing},
    )
    silent = [str(load.reason) for load in batch.failures]
    yield dg.AssetCheckResult(
        check_name="every_series_answered",
        passed=not silent,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"series": len(batch.loads), "failing": silent},
    )


def counts(batch: Batch) -> dict[str, Any]:
    """What a batch brought, for the UI."""
    loads = batch.loads.values()
    return {
        "dagster/row_count": sum(load.written for load in loads),
        "series": len(loads),
        "series_failed": len(batch.failures),
        "rows_parsed": sum(load.parsed for load in loads),
        "rows_rejected": sum(load.rejected for load in loads),
        "rows_written": sum(load.written for load in loads),
        "payloads": len(batch.landed),
    }


def source_asset(name: str) -> dg.AssetsDefinition:
    """The asset of one source."""
    key = dg.AssetKey(["raw", name])

    @dg.asset(
        key=key,
        group_name="raw",
        description=f"{SOURCES[name].__doc__}\n\nTerms: {SOURCES[name].TERMS}",
        kinds={"python", "duckdb"},
        owners=OWNERS,
        freshness_policy=FRESHNESS,
        metadata={"dagster/column_schema": table_schema(contracts()["quality.loads"])},
        check_specs=[
            dg.AssetCheckSpec("rows_keep_contract", asset=key, blocking=True),
            dg.AssetCheckSpec("every_series_answered", asset=key),
        ],
    )
    def ingest(pipeline: Pipeline) -> Iterator[Any]:
        refused = None
        try:
            batch = pipeline.ingest(name)()
        except BatchRefused as error:
            batch, refused = error.batch, str(error)
        expectations = [from_outcome(name, table, outcome) for table, outcome in batch.checks]
        record(pipeline.warehouse, pipeline.run, [*expectations, answered(batch)])
        yield from results(batch, refused)
        if refused:
            raise dg.Failure(refused, allow_retries=False)
        yield dg.MaterializeResult(asset_key=key, metadata=counts(batch))

    return ingest


raw_assets = [source_asset(name) for name in SOURCES if load_universe().series(name)]
