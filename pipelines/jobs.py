"""What can be run: the daily job, the same with a range's days asked again; and the watch over runs that died."""

import dagster as dg

from pipelines.guard import WarehouseBusy, writing
from pipelines.killed_runs import record_deaths
from pipelines.settings import Settings

# The week in which crypto lost most: a range that every profile has.
EXAMPLE_RANGE = {"backfill_from": "2026-01-29", "backfill_until": "2026-02-05"}

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="Ingest every source, build every table, audit, publish.",
    # Empty is what works; in the launchpad it is the place to type `as_of` and the like.
    config={"resources": {"pipeline": {"config": {}}}},
    executor_def=dg.in_process_executor,
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.all(),
    description="The daily job in one run, with the days from `backfill_from` to `backfill_until` asked again of every"
    " source. Set both in the launchpad. What changed becomes a new version of its row, and of what follows from it.",
    config={"resources": {"pipeline": {"config": EXAMPLE_RANGE}}},
    executor_def=dg.in_process_executor,
)


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Records runs that were killed as failed, so that none of them keeps the next from starting."""
    try:
        with writing(Settings.load().home, 0):
            record_deaths(context.instance)
    except WarehouseBusy as busy:
        return dg.SkipReason(str(busy))
    return dg.SkipReason("No run holds the warehouse.")
