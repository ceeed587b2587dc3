"""When it runs: the daily job and its schedule after the New York close, and the watch over runs that died."""

import dagster as dg

from pipelines.guard import WarehouseBusy, writing
from pipelines.killed_runs import record_deaths
from pipelines.settings import Settings

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="Ingest every source, build every table, audit, publish.",
    executor_def=dg.in_process_executor,
)

after_close = dg.ScheduleDefinition(
    name="after_new_york_close",
    job=daily,
    cron_schedule="30 18 * * *",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 18:30 New York time: equities have closed; on other days crypto and on-chain go on.",
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
