"""When it runs: the daily job and its schedule after the New York close."""

import dagster as dg

from pipelines.schedule_times import AFTER_NEW_YORK_CLOSE

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="Ingest every source, build every table, audit, publish.",
    executor_def=dg.in_process_executor,
)

after_close = dg.ScheduleDefinition(
    name=AFTER_NEW_YORK_CLOSE.name,
    job=daily,
    cron_schedule=AFTER_NEW_YORK_CLOSE.cron,
    execution_timezone=AFTER_NEW_YORK_CLOSE.zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 18:30 New York time: equities have closed; on other days crypto and on-chain go on.",
)
