"""The only wiring: assets, job, schedule and resource, put together for Dagster."""

import dagster as dg

from assets_defs.models import model_assets
from assets_defs.published import market
from assets_defs.raw import raw_assets
from assets_defs.spent_outputs import spent_outputs
from pipelines.jobs import after_close, daily
from pipelines.resources import Pipeline

defs = dg.Definitions(
    assets=[*raw_assets, spent_outputs, *model_assets, market],
    jobs=[daily],
    schedules=[after_close],
    resources={"pipeline": Pipeline()},
    executor=dg.in_process_executor,
)
