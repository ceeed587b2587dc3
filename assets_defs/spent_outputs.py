"""The asset of what we count ourselves: spent outputs on disk, summed by day for the tables that price them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets_defs.describe import FRESHNESS, OWNERS, row_metadata, table_schema
from pipelines.contracts import contracts
from pipelines.resources import Pipeline

TABLE = "raw.chain_days"
KEY = dg.AssetKey(["raw", "spent_outputs"])


@dg.asset(
    key=KEY,
    group_name="raw",
    description=contracts()["raw.spent_outputs"].description,
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    freshness_policy=FRESHNESS,
    metadata={"dagster/column_schema": table_schema(contracts()[TABLE])},
    check_specs=[
        dg.AssetCheckSpec("partitions_agree_with_their_index", asset=KEY, description="Days that do not are left out")
    ],
)
def spent_outputs(pipeline: Pipeline) -> Iterator[Any]:
    """Sum the days that are new or changed."""
    from pipelines.chain.partitions import folder_of
    from pipelines.chain.sums import refresh_sums

    faults = refresh_sums(pipeline.warehouse, folder_of(pipeline.run.state))
    yield dg.AssetCheckResult(
        check_name="partitions_agree_with_their_index",
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"failing": faults},
    )
    yield dg.MaterializeResult(asset_key=KEY, metadata=row_metadata(pipeline.warehouse, TABLE))
