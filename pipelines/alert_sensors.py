"""Alerts after the runs that the UI and the schedule launch; the command line sends those of its own runs.

Both see the runs of a shared home. What one of them has delivered the other does not send again.
"""

from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.alerts import alert_failed, alert_published
from pipelines.runner import failures
from pipelines.settings import Profile, Settings


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.SUCCESS, default_status=dg.DefaultSensorStatus.RUNNING)
def alert_published_run(context: dg.RunStatusSensorContext) -> None:
    """Sends what the rules of warehouse/alerts.yaml find in the published file after each run."""
    alert_published(_home_and_data(context.dagster_run)[0])


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def alert_failed_run(context: dg.RunFailureSensorContext) -> None:
    """Sends that a run failed and why, a process that died among them, once a day and reason."""
    log = context.instance.all_logs(context.dagster_run.run_id)
    reasons = failures([entry.dagster_event for entry in log if entry.dagster_event])
    alert_failed(*_home_and_data(context.dagster_run), reasons or [context.failure_event.message or ""])


def _home_and_data(run: dg.DagsterRun) -> tuple[Path, str]:
    """Where a run publishes and of which data, from its config, else the environment."""
    settings = Settings.load()
    given: Any = run.run_config
    config = given.get("resources", {}).get("pipeline", {}).get("config", {})
    profile = Profile(config.get("profile") or settings.profile)
    home = Path(config.get("home") or settings.home).absolute()
    return home, "simulated" if profile is Profile.SAMPLE else "vendors"
