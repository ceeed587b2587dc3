"""When it runs: the daily job and its schedule after the New York close."""

import dagster as dg

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
