"""Runs whose process was killed: Dagster goes on to believe in them, and would wait for them before the next."""

import time

import dagster as dg

# A run has this tag from the moment it holds the warehouse.
HOLDS_WAREHOUSE = {"scaretrade/holds_warehouse": "yes"}
IN_PROGRESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# The time a run may take from giving the warehouse back to having written down that it ended.
ENDING_SECONDS = 2


def record_deaths(instance: dg.DagsterInstance) -> None:
    """Record as failed every run that was killed while it held the warehouse.

    Only for one who holds the warehouse now: then no other run can.
    """
    believed = dg.RunsFilter(statuses=IN_PROGRESS, tags=HOLDS_WAREHOUSE)
    if instance.get_runs(believed):
        time.sleep(ENDING_SECONDS)
    for run in instance.get_runs(believed):
        instance.report_run_failed(run, "The process of this run was killed. The tables published before stay.")
