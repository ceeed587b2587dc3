"""Runs the daily job in this process, as the UI and the schedule run it, and says what came of it."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from filelock import FileLock
from sqlalchemy.exc import OperationalError

from pipelines.durable import keep_others_from_writing
from pipelines.killed_runs import HOLDS_WAREHOUSE, record_deaths
from pipelines.settings import WrongSettings
from pipelines.sources.watcher import NOBODY, Watcher

ASSET_CHECK_EVALUATION = dg.DagsterEventType.ASSET_CHECK_EVALUATION
WRITTEN_HERE = "# Written by scaretrade at each start; for settings of your own, set DAGSTER_HOME to another folder."
INSTANCE_SETTINGS = f"""\
{WRITTEN_HERE}
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
run_monitoring:
  enabled: true
python_logs:
  managed_python_loggers: [scaretrade]
event_log_storage:
  module: pipelines.event_log
  class: EventLog
  config:
    base_dir: {{history}}
"""


@dataclass(frozen=True)
class Report:
    """A finished run: whether it published, why not, and the seconds of each step."""

    run_id: str
    published: bool
    reasons: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def configured_instance(own: Path) -> Path | None:
    """The DAGSTER_HOME of who runs this, where its dagster.yaml is theirs: neither this home's nor another's."""
    folder = Path(os.environ.get("DAGSTER_HOME") or own)
    settings = folder / "dagster.yaml"
    theirs = folder != own and settings.exists() and WRITTEN_HERE not in settings.read_text()
    return folder if theirs else None


def prepare_instance(home: Path) -> Path:
    """Dagster's folder: a configured one as it is; else one in the home, which becomes DAGSTER_HOME.

    The latter has telemetry off, one run at a time, and its records in SQLite.
    """
    keep_others_from_writing()
    folder = home.absolute() / "dagster"
    if configured := configured_instance(folder):
        return configured
    if "?" in str(home.absolute()):
        raise WrongSettings(f"{home}: Dagster cannot keep records in a folder with a '?'. Next: choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    settings, wanted = folder / "dagster.yaml", INSTANCE_SETTINGS.format(history=json.dumps(str(folder / "history")))
    if not settings.exists() or settings.read_text() != wanted:
        settings.write_text(wanted)
    os.environ["DAGSTER_HOME"] = str(folder)
    make_records(folder)
    return folder


def make_records(folder: Path) -> None:
    """Make Dagster's databases, one process at a time: two that find none would both create the same tables."""
    made = folder / ".made"
    if not made.exists():
        with FileLock(folder / ".making"), dg.DagsterInstance.get():
            made.touch()


def run_daily(config: dict[str, str], home: Path, watcher: Watcher = NOBODY) -> Report:
    """Run the job with the resource's config (profile, as_of, since, home); raises OSError where the disk is full."""
    try:
        prepare_instance(home)
        return report(run_recorded(config, watcher))
    except OperationalError as error:
        raise OSError(f"Dagster's records in {os.environ['DAGSTER_HOME']}: {error.orig}") from error


def run_recorded(config: dict[str, str], watcher: Watcher) -> dg.ExecuteInProcessResult:
    """Run the job, recorded in Dagster's instance; `watcher` is told how far its sources and tables are."""
    from pipelines.definitions import defs

    job, run_id = defs.resolve_job_def("daily"), str(uuid4())
    with dg.DagsterInstance.get() as instance, watched_by(watcher):
        instance.add_event_listener(run_id, Tables(job, watcher))
        result = job.execute_in_process(
            run_id=run_id,
            run_config={
                "resources": {"pipeline": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=instance,
            tags=HOLDS_WAREHOUSE,
            raise_on_error=False,
        )
        record_deaths(instance)
    return result


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let this process's sources tell a watcher how far they are while inside."""
    from pipelines.resources import Observer

    Observer.watcher = watcher
    try:
        yield
    finally:
        Observer.watcher = NOBODY


class Tables:
    """Hears a run's events, and tells a watcher which table is being built."""

    def __init__(self, job: dg.JobDefinition, watcher: Watcher) -> None:
        self.steps = {node.name for node in job.graph.nodes if not node.name.startswith("raw__")}
        self.watcher, self.done = watcher, 0

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Take one event."""
        event = entry.dagster_event
        if event is None or event.step_key not in self.steps:
            return
        if event.is_step_start:
            self.watcher.moved("tables", self.done, len(self.steps), "tables")
            self.watcher.doing("tables", event.step_key.replace("__", "."))
        elif event.is_step_success or event.is_step_failure or event.is_step_skipped:
            self.done += 1
            self.watcher.moved("tables", self.done, len(self.steps), "tables")
            self.watcher.doing("tables", "")


def report(result: dg.ExecuteInProcessResult) -> Report:
    """What the events of a run say."""
    done = [e for e in result.all_events if e.is_step_success]
    seconds = {e.step_key or "": _duration(e) for e in done}
    published = any(key == "published__market" for key in seconds)
    return Report(result.run_id, published, failures(result.all_events), seconds)


def failures(events: Sequence[dg.DagsterEvent]) -> list[str]:
    """Why a run's events say that it failed: blocking checks first, then errors, each once."""
    checks = [e.asset_check_evaluation_data for e in events if e.event_type is ASSET_CHECK_EVALUATION]
    return list(dict.fromkeys([*_broken_checks(checks), *(reason for e in events if (reason := _reason(e)))]))


def _broken_checks(checks: Sequence[dg.AssetCheckEvaluation]) -> list[str]:
    """The blocking checks that failed, in their own words."""
    return [
        f"{'.'.join(e.asset_key.path)} {e.check_name}: {e.description} ({e.metadata['failing_rows'].value} rows)."
        " Next: see the sample of failing rows in the UI (`make ui`)"
        for e in checks
        if not e.passed and "severity" in e.metadata and e.metadata["severity"].value == "critical"
    ]


def _duration(event: dg.DagsterEvent) -> float:
    data: Any = event.event_specific_data
    return float(data.duration_ms) / 1000


def _reason(event: dg.DagsterEvent) -> str | None:
    """Why a step or the run failed, in the words of the error that caused it."""
    if not (event.is_step_failure or event.event_type_value == "PIPELINE_FAILURE"):
        return None
    data: Any = event.event_specific_data
    error = getattr(data, "user_failure_data", None) or getattr(data, "error", None)
    if error is None:
        return None
    if getattr(error, "description", None):
        return str(error.description)
    while error.cause is not None:
        error = error.cause
    if error.cls_name == "DagsterAssetCheckFailedError":
        return None
    where = f"{event.step_key}: " if event.step_key else ""
    return where + str(error.message).strip()
