"""The only wiring: assets, job, schedule and resource, put together for Dagster."""

import dagster as dg

from assets_defs.models import model_assets
from assets_defs.published import market
from assets_defs.raw import raw_assets
from pipelines.alert_sensors import alert_failed_run, alert_published_run
from pipelines.jobs import after_close, daily
from pipelines.resources import Pipeline

defs = dg.Definitions(
    assets=[*raw_assets, *model_assets, market],
    jobs=[daily],
    schedules=[after_close],
    sensors=[alert_published_run, alert_failed_run],
    resources={"pipeline": Pipeline()},
    executor=dg.in_process_executor,
)
