"""One asset a derived table: core, marts and coverage, each built from its model, then asked its checks."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets_defs.describe import FRESHNESS, OWNERS, definition_metadata, dependencies, row_metadata
from pipelines.audit import Check, CheckResult, checks_of, record, run_check
from pipelines.contracts import contracts
from pipelines.engines import PYTHON_MODELS, build, inputs, model_names
from pipelines.resources import Pipeline

MIDNIGHT = "T00:00:00.000"


def check_spec(check: Check) -> dg.AssetCheckSpec:
    """What Dagster knows of a check before it runs; a critical one stops what is built on the table."""
    return dg.AssetCheckSpec(
        check.name,
        asset=dg.AssetKey(check.table.split(".")),
        description=check.message,
        blocking=check.severity == "critical",
        metadata={"sql": dg.MetadataValue.md(f"```sql\n{check.query}\n```")},
    )


def shown(result: CheckResult) -> dg.AssetCheckResult:
    """A result with its count and a sample of the failing rows."""
    severity = dg.AssetCheckSeverity.WARN if result.severity == "warning" else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=result.name,
        passed=result.passed,
        severity=severity,
        description=result.message,
        metadata={
            "severity": result.severity,
            "failing_rows": result.n_failing,
            "sample": sample_table(result.sample),
        },
    )


def sample_table(sample: str | None) -> dg.MetadataValue[Any]:
    """The first failing rows as a table, each value as it is read."""
    if sample is None:
        return dg.MetadataValue.text("none")
    rows = [{name: str(value).removesuffix(MIDNIGHT) for name, value in row.items()} for row in json.loads(sample)]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows])


def model_asset(name: str) -> dg.AssetsDefinition:
    """The asset of one derived table."""
    contract = contracts()[name]
    language = "python" if name in PYTHON_MODELS else "sql"

    @dg.asset(
        key=dg.AssetKey(name.split(".")),
        group_name=contract.group or contract.schema_name,
        description=contract.description,
        deps=dependencies(inputs(name)),
        kinds={language, "duckdb"},
        owners=OWNERS,
        freshness_policy=FRESHNESS,
        metadata=definition_metadata(contract),
        check_specs=[check_spec(check) for check in checks_of(name)],
    )
    def model(pipeline: Pipeline) -> Iterator[dg.MaterializeResult[None]]:
        build(pipeline.warehouse, pipeline.run, name, pipeline.engine)
        results = [run_check(pipeline.warehouse, check) for check in checks_of(name)]
        record(pipeline.warehouse, pipeline.run, results)
        note = " (SIMULATED)" if pipeline.run.is_simulated else ""
        metadata = row_metadata(pipeline.warehouse, name, note)
        yield dg.MaterializeResult(metadata=metadata, check_results=[shown(r) for r in results])

    return model


model_assets = [model_asset(name) for name in model_names()]
