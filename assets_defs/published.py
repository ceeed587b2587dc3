"""The published file: what SQL users open. It changes only when every blocking check has passed."""

from datetime import UTC, datetime

import dagster as dg

from assets_defs.describe import FRESHNESS, OWNERS
from pipelines.engines import last_models
from pipelines.mirror import mirror
from pipelines.publish import publish
from pipelines.resources import Pipeline
from pipelines.settings import Settings


@dg.asset(
    key=dg.AssetKey(["published", "market"]),
    group_name="published",
    deps=[dg.AssetKey(name.split(".")) for name in last_models()],
    kinds={"duckdb", "parquet"},
    owners=OWNERS,
    freshness_policy=FRESHNESS,
)
def market(pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """`market.duckdb` and Parquet in the home folder, swapped in by one atomic rename; the version before is kept."""
    published_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    settings = Settings.load()
    file = publish(pipeline.warehouse, pipeline.run, published_at, settings.kept_versions)
    metadata: dict[str, dg.RawMetadataValue] = {
        "file": dg.MetadataValue.path(str(file)),
        "data": "simulated" if pipeline.run.is_simulated else "vendors",
        "as_of": str(pipeline.run.as_of),
    }
    if settings.publish_to:
        metadata["copied"] = mirror(pipeline.run.home, settings.publish_to, settings.kept_versions)
    return dg.MaterializeResult(metadata=metadata)
