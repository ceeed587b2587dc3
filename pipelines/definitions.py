"""The only wiring: assets, jobs, schedules and resource, put together for Dagster."""

import dagster as dg

from assets_defs.models import model_assets
from assets_defs.published import market
from assets_defs.raw import raw_assets
from assets_defs.spent_outputs import spent_outputs
from pipelines.alert_sensors import alert_failed_run, alert_published_run
from pipelines.jobs import backfill, daily, killed_runs
from pipelines.resources import Pipeline
from pipelines.schedules import schedules

defs = dg.Definitions(
    assets=[*raw_assets, spent_outputs, *model_assets, market],
    jobs=[daily, backfill],
    schedules=schedules,
    sensors=[killed_runs, alert_published_run, alert_failed_run],
    resources={"pipeline": Pipeline()},
    executor=dg.in_process_executor,
)
