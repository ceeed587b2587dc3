"""`scaretrade status`: what it says of every kind of home, without loading what takes seconds."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from click.testing import CliRunner
from dagster import DagsterInstance
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.engines import model_names
from pipelines.guard import writing
from pipelines.publish import publish
from pipelines.runner import prepare_instance
from pipelines.schedule_times import TIMES, ScheduleTime, next_scheduled
from pipelines.settings import PROJECT
from pipelines.status import facts
from tests.factories import Market

KEYS = {"data", "as_of", "run_id", "published_at", "series", "late", "failing_checks", "rejected", "rejected_rows"}
KEYS |= {"trouble", "running", "last_run", "disk_bytes", "next_run"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A published market with one series, one failing check and two quarantined rows."""
    folder = tmp_path_factory.mktemp("status") / "home"
    market = Market("2026-02-06", "2026-01-01").bars("MSFT", ["2026-02-04"], [100]).build(*model_names())
    market.warehouse.execute(
        "insert into quality.check_results values"
        " ('run-1', 'check', 'core.prices', 'warning', false, 3, 'what it means', null, now()::timestamp)"
    )
    for row in (1, 2):
        market.warehouse.execute(
            "insert into quality.rejected_rows values"
            f" (1, 'raw.daily_bars', 'yahoo', 'MSFT', null, 'payload', {row}, 'close is above high', '', '2026-02-06')"
        )
    publish(market.warehouse, replace(market.run, home=folder, run_id="run-1"), "2026-02-06T12:00:00Z")
    return folder


def status(home, *options):
    return CliRunner().invoke(main, ["status", "--home", str(home), *options])


def test_everything_is_said_in_words(home):
    result = status(home)
    assert result.exit_code == 0
    for line in (
        "Published 2026-02-06T12:00:00Z: SIMULATED sample data, as of 2026-02-06, run run-1",
        "  yahoo daily_bars (1): 2026-02-04, due 2026-02-06",
        "Late series: 1",
        "  yahoo daily_bars MSFT: newest 2026-02-04, due 2026-02-06",
        "  warning: core.prices check (3 rows): what it means",
        "Quarantined rows: 2",
        "  raw.daily_bars: 2: close is above high",
    ):
        assert line in result.output.splitlines()


def test_machines_get_the_same_keys_whatever_there_is(home, tmp_path):
    found = json.loads(status(home, "--json").output)
    assert set(found) >= KEYS
    assert set(json.loads(status(tmp_path, "--json").stdout)) == KEYS
    one = {"source": "yahoo", "dataset": "daily_bars", "symbol": "MSFT", "newest": "2026-02-04", "due": "2026-02-06"}
    assert found["series"] == found["late"] == [one | {"status": "late"}]
    assert found["rejected"] == [{"table": "raw.daily_bars", "reason": "close is above high", "rows": 2}]
    assert found["disk_bytes"] == sum(f.lstat().st_size for f in home.rglob("*") if f.is_file() and not f.is_symlink())


def test_a_home_without_anything_gets_a_next_step_and_no_file(tmp_path):
    result = status(tmp_path)
    assert result.exit_code == 2
    assert "Next: run `make run` (sample) or `make live`" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_published_file_that_cannot_be_read_is_named_with_a_next_step(tmp_path):
    (tmp_path / "market.duckdb").write_text("no database")
    result = status(tmp_path)
    assert result.exit_code == 2
    assert str(tmp_path / "market.duckdb") in result.stderr
    assert "Next: run `scaretrade run`" in result.stderr
    assert "Traceback" not in result.output


def test_a_run_in_progress_is_said(home, tmp_path):
    with writing(tmp_path, 0):
        asked = [sys.executable, "-c", "from pipelines.cli import main; main()", "status", "--home", str(tmp_path)]
        done = subprocess.run([*asked, "--json"], cwd=PROJECT, capture_output=True, text=True)
    assert json.loads(done.stdout)["running"].startswith("process ")
    assert facts(tmp_path)["running"] is None


def dagster_files(home, status, ended):
    prepare_instance(home)
    with DagsterInstance.get():
        pass
    with sqlite3.connect(home / "dagster" / "history" / "runs.db") as file:
        file.execute("delete from runs")
        file.execute(
            "insert into runs (run_id, pipeline_name, status, start_time, end_time) values ('r', 'daily', ?, 0, ?)",
            [status, ended],
        )
        file.execute(
            "insert into daemon_heartbeats (daemon_type, timestamp) values ('SCHEDULER', '2026-02-06 12:00:00')"
        )
    file.close()


def test_the_last_run_and_the_scheduler_are_read_from_dagsters_files(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert facts(tmp_path)["last_run"] is None
    dagster_files(tmp_path, "FAILURE", 60.0)
    at = datetime(2026, 2, 6, 12, 1, tzinfo=UTC)
    found = facts(tmp_path, at)
    times = {"started_at": "1970-01-01T00:00:00Z", "ended_at": "1970-01-01T00:01:00Z"}
    assert found["last_run"] == {"run_id": "r", "job": "daily", "status": "failure", **times}
    assert found["next_run"] == {
        "schedule": "after_new_york_close",
        "at": "2026-02-06T20:30:00Z",
        "sessions_only": True,
        "scheduler_is_running": True,
    }
    assert not facts(tmp_path, at + timedelta(minutes=2))["next_run"]["scheduler_is_running"]
    text = status(tmp_path).output
    assert "Last run: failure, 1970-01-01T00:01:00Z, daily r. Next: `scaretrade alerts` or the UI" in text
    assert "no scheduler is running: start it with `make ui`" in text


def test_a_run_that_was_killed_is_not_said_to_be_going_on(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    dagster_files(tmp_path, "STARTED", None)
    assert "It did not end: its process died. Next: run again" in status(tmp_path).output


def test_nothing_that_takes_seconds_is_loaded(home):
    heavy = "{'dagster', 'great_expectations', 'pandas', 'numpy', 'exchange_calendars', 'sqlglot', 'requests'}"
    code = f"""
import sys
from pathlib import Path
from pipelines.status import facts, lines
import pipelines.cli
print(len(lines(facts(Path({str(home)!r})))), {heavy} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    count, loaded = done.stdout.split(" ", 1)
    assert (int(count) > 8, loaded.strip()) == (True, "set()")


# The schedules' times

SUMMER_TIME = ScheduleTime("s", (18,), 30, "America/New_York", "", "")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # New York is 5 hours behind UTC in winter, 4 from 8 March 2026 on.
        ("2026-02-06T23:29:59+00:00", "2026-02-06T23:30:00+00:00"),
        ("2026-02-06T23:30:00+00:00", "2026-02-07T23:30:00+00:00"),
        ("2026-03-07T23:30:00+00:00", "2026-03-08T22:30:00+00:00"),
    ],
)
def test_the_next_run_follows_the_clocks_of_its_zone(moment, expected):
    assert SUMMER_TIME.next_after(datetime.fromisoformat(moment)).isoformat() == expected


@given(
    st.integers(0, 3 * 365 * 86400).map(lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.builds(time, st.integers(4, 23), st.integers(0, 59)),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    st.sampled_from(["America/New_York", "UTC", "Europe/Berlin"]),
)
def test_dagster_would_start_it_at_the_same_time(moment, at, weekdays, zone):
    from dagster._utils.schedules import schedule_execution_time_iterator

    schedule = ScheduleTime("s", (at.hour,), at.minute, zone, "", "", weekdays)
    ticks = schedule_execution_time_iterator(moment.timestamp() + 1e-6, schedule.cron, zone, ascending=True)
    theirs = next(tick for tick in ticks if tick > moment)
    assert schedule.next_after(moment) == theirs.astimezone(ZoneInfo("UTC"))


def test_the_soonest_schedule_is_named():
    moment = datetime(2026, 2, 6, tzinfo=UTC)
    assert next_scheduled(moment)[1] == min(s.next_after(moment) for s in TIMES)


def test_a_file_of_another_shape_is_named(tmp_path):
    """A file without quality's tables is one that cannot be read, said in one line."""
    with duckdb.connect(str(tmp_path / "market.duckdb")) as file:
        file.execute("create table meta (key varchar, value varchar)")
    assert "cannot be read" in facts(tmp_path)["trouble"]
