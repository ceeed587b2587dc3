"""The daily job's schedules. Each run asks by date window, so what matters is only that the newest day gets its run."""

from datetime import date, datetime

import dagster as dg

from pipelines.due import due_day, nothing_due
from pipelines.jobs import daily
from pipelines.schedule_times import TIMES, ScheduleTime, cron_of
from pipelines.settings import Settings, end_of

DUE_TAG = "scaretrade/due"
NOT_IN_VAIN = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
]


def schedule(time: ScheduleTime) -> dg.ScheduleDefinition:
    """A schedule that starts a run where its newest due day has had none yet.

    After downtime Dagster evaluates only the last missed tick, whichever day that was on: the question is therefore
    not whether that day was a session, but whether the last session before it has had its run.
    """

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = the_present(context.scheduled_execution_time)
        due = due_day(time.scope, now)
        if has_run(context.instance, time.name, due):
            return dg.SkipReason(nothing_due(time.scope, now, due))
        config = {"resources": {"pipeline": {"config": {"scope": time.scope}}}}
        return dg.RunRequest(run_config=config, tags={DUE_TAG: str(due)})

    return dg.ScheduleDefinition(
        name=time.name,
        job=daily,
        cron_schedule=cron_of(time),
        execution_timezone=time.timezone,
        execution_fn=evaluate,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{time.what}. Skips where the newest has had its run; what was missed, the next run catches up.",
    )


def the_present(tick: datetime) -> datetime:
    """The instant of a tick, or the end of the configured as-of day."""
    as_of = Settings.load().as_of
    return end_of(as_of) if as_of else tick


def has_run(instance: dg.DagsterInstance, name: str, due: date) -> bool:
    """Whether a schedule's run for a day has succeeded or is under way."""
    tags = {"dagster/schedule_name": name, DUE_TAG: str(due)}
    return bool(instance.get_runs(dg.RunsFilter(tags=tags, statuses=NOT_IN_VAIN), limit=1))


schedules = [schedule(time) for time in TIMES]
