"""When a schedule starts a run and when it skips, with the calendar's words; and which series such a run asks."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.due import due_day
from pipelines.ingest import with_backfill
from pipelines.schedule_times import TIMES, cron_of
from pipelines.schedules import DUE_TAG
from pipelines.scope import SCOPES, WrongPart, narrowed, out_of_scope, scope_of
from pipelines.settings import PROJECT
from pipelines.sources import SOURCES
from pipelines.sources.base import Series, Window
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse
from tests.factories import a_run

NEW_YORK = ZoneInfo("America/New_York")
DEPLOY = PROJECT / "deploy"


def at(text, zone=NEW_YORK):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


class Ticks:
    """A schedule and the instance that remembers its runs."""

    def __init__(self, instance):
        self.instance = instance

    def evaluate(self, name, when):
        context = dg.build_schedule_context(instance=self.instance, scheduled_execution_time=when)
        data = defs.resolve_schedule_def(name).evaluate_tick(context)
        return data.skip_message or data.run_requests[0]

    def ran(self, name, due, status=dg.DagsterRunStatus.SUCCESS):
        tags = {"dagster/schedule_name": name, DUE_TAG: due}
        self.instance.add_run(dg.DagsterRun("daily", str(uuid4()), status=status, tags=tags))


@pytest.fixture
def ticks(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield Ticks(instance)


# 2026: Thanksgiving on Thursday 26 November, an early close at 13:00 the day after, and Good Friday on 3 April.
@pytest.mark.parametrize(
    ("now", "due"),
    [
        (at("2026-11-24T18:30"), "2026-11-24"),
        (at("2026-11-24T18:29"), "2026-11-23"),
        (at("2026-11-24T15:30"), "2026-11-23"),
        (at("2026-11-26T18:30"), "2026-11-25"),
        (at("2026-11-27T15:30"), "2026-11-27"),
        (at("2026-11-27T15:29"), "2026-11-25"),
        (at("2026-11-29T12:00"), "2026-11-27"),
        (at("2026-04-03T18:30"), "2026-04-02"),
        (at("2026-03-09T18:30"), "2026-03-09"),  # the first session of daylight saving time
    ],
)
def test_equities_are_due_after_the_close_the_calendar_gives(now, due):
    assert due_day("equities", now) == date.fromisoformat(due)


def test_crypto_is_due_for_the_utc_day_that_ended_and_filings_for_the_week_that_did():
    assert due_day("crypto", at("2026-11-26T00:45", UTC)) == date(2026, 11, 25)
    # Saturday 28 November: the week's last filings are of Friday; on the Friday itself, of the Friday before.
    assert due_day("filings", at("2026-11-28T06:00")) == date(2026, 11, 27)
    assert due_day("filings", at("2026-11-27T06:00")) == date(2026, 11, 20)
    assert due_day("filings", at("2026-12-04T06:00")) == date(2026, 11, 27)


def test_a_session_gets_one_run_and_later_ticks_say_why_they_skip(ticks):
    request = ticks.evaluate("after_new_york_close", at("2026-11-25T18:30"))
    assert request.tags[DUE_TAG] == "2026-11-25"
    assert request.run_config == {"resources": {"pipeline": {"config": {"scope": "equities"}}}}
    ticks.ran("after_new_york_close", "2026-11-25")
    assert ticks.evaluate("after_new_york_close", at("2026-11-26T18:30")) == (
        "Thursday 2026-11-26 is no session of the New York Stock Exchange; 2026-11-25 has had its run"
    )
    assert ticks.evaluate("after_new_york_close", at("2026-11-27T15:30")).tags[DUE_TAG] == "2026-11-27"
    ticks.ran("after_new_york_close", "2026-11-27")
    assert ticks.evaluate("after_new_york_close", at("2026-11-27T18:30")) == (
        "the session of 2026-11-27 closes early, at 13:00, its run is due from 15:30; 2026-11-27 has had its run"
    )
    assert ticks.evaluate("after_new_york_close", at("2026-11-30T15:30")) == (
        "the session of 2026-11-30 closes at 16:00, its run is due from 18:30; 2026-11-27 has had its run"
    )


def test_a_session_missed_before_a_holiday_is_caught_up_on_the_holiday(ticks):
    # Down from Tuesday to Thursday night: of the ticks missed, Dagster evaluates only Thursday's.
    ticks.ran("after_new_york_close", "2026-11-24")
    assert ticks.evaluate("after_new_york_close", at("2026-11-26T18:30")).tags[DUE_TAG] == "2026-11-25"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_failed_is_due_again(ticks, status):
    ticks.ran("after_utc_day", "2026-11-25", status)
    assert ticks.evaluate("after_utc_day", at("2026-11-26T00:45", UTC)).tags[DUE_TAG] == "2026-11-25"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_a_run_under_way_is_not_started_twice_and_another_schedules_run_does_not_count(ticks, status):
    ticks.ran("after_new_york_close", "2026-11-25")
    ticks.ran("after_utc_day", "2026-11-25", status)
    assert ticks.evaluate("after_utc_day", at("2026-11-26T00:45", UTC)) == "2026-11-25 has had its run"
    assert ticks.evaluate("filings_weekly", at("2026-11-28T06:00")).tags[DUE_TAG] == "2026-11-27"


def test_a_configured_as_of_day_is_the_schedules_present(ticks, monkeypatch):
    monkeypatch.setenv("SCARETRADE_AS_OF", "2026-02-08")  # a Sunday
    assert ticks.evaluate("after_new_york_close", at("2026-11-26T18:30")).tags[DUE_TAG] == "2026-02-06"
    assert ticks.evaluate("after_utc_day", at("2026-11-26T18:30")).tags[DUE_TAG] == "2026-02-08"


def test_dagster_is_told_the_times_of_the_plain_module_and_starts_them_by_itself():
    for time in TIMES:
        schedule = defs.resolve_schedule_def(time.name)
        assert (schedule.cron_schedule, schedule.execution_timezone) == (time.cron, time.timezone)
        assert schedule.job_name == "daily"
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        assert schedule.description.startswith(time.what)
    assert sorted(time.scope for time in TIMES) == sorted(SCOPES)


def test_a_cron_setting_replaces_every_time(monkeypatch):
    monkeypatch.setenv("SCARETRADE_SCHEDULE_CRON", "*/5 * * * *")
    assert {cron_of(time) for time in TIMES} == {"*/5 * * * *"}


def test_the_times_are_read_without_dagster_or_pandas():
    code = "import sys, pipelines.schedule_times; print({'dagster', 'pandas'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_every_series_belongs_to_one_schedule():
    universe = load_universe()
    found = {
        (s.symbol, s.dataset, source): scope_of(universe, s) for source in SOURCES for s in universe.series(source)
    }
    assert found["MSFT", "daily_bars", "yahoo"] == found["VIX", "daily_bars", "fred"] == "equities"
    assert found["BTC", "onchain", "brk"] == found["AI_MODELS", "model_releases", "modelsdev"] == "crypto"
    assert {key[2] for key, scope in found.items() if scope == "filings"} == {"sec"}
    assert set(found.values()) == set(SCOPES)


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [([], None), (["transient"], None), (["ok"], "this run is for crypto"), (["ok", "transient"], None)],
)
def test_a_series_of_another_schedule_is_left_out_unless_it_owes_an_answer(outcomes, reason):
    run, warehouse = narrowed(a_run("2026-02-05"), "crypto", None, None), Warehouse(":memory:")
    warehouse.prepare(run)
    series = Series("MSFT", "MSFT", "daily_bars")
    for load_id, outcome in enumerate(outcomes, 1):
        warehouse.execute(
            "insert into quality.loads by name select $1 as load_id, 'r' as run_id, 'yahoo' as source,"
            " 'daily_bars' as dataset, 'MSFT' as symbol, $2 as outcome, date '2026-01-02' as window_since,"
            " date '2026-02-04' as window_until, timestamp '2026-02-04 23:00' as known_at, 0 as rows_parsed,"
            " 0 as rows_running, 0 as rows_rejected, 0 as rows_written",
            [load_id, outcome],
        )
    assert out_of_scope(load_universe(), warehouse, run, "yahoo", series) == reason
    assert out_of_scope(load_universe(), warehouse, narrowed(run, None, None, None), "yahoo", series) is None
    warehouse.close()


# The usual window of a series known up to 31 January begins ten days before that.
@pytest.mark.parametrize(
    ("first", "last", "since", "until"),
    [
        ("2025-12-01", "2025-12-31", "2025-12-01", "2025-12-31"),
        ("2025-12-01", None, "2025-12-01", "2026-02-04"),
        ("2026-02-02", "2026-02-03", "2026-01-21", "2026-02-03"),
    ],
)
def test_a_backfill_asks_its_days_again_and_leaves_no_gap_before_them(first, last, since, until):
    run = narrowed(a_run("2026-02-05"), None, first, last)
    usual = Window(date(2026, 1, 21), date(2026, 2, 4), run.now)
    window = with_backfill(usual, run)
    assert (window.since.isoformat(), window.until.isoformat()) == (since, until)
    assert with_backfill(usual, a_run("2026-02-05")) == usual


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (("stocks", None, None), "scope 'stocks' is unknown"),
        ((None, "2026-02-04", "2026-02-03"), "does not lie between"),
        ((None, "2026-02-04", "2026-02-06"), "does not lie between"),
        ((None, "1999-01-01", None), "does not lie between"),
    ],
)
def test_an_impossible_part_is_refused_with_a_next_step(part, words):
    with pytest.raises(WrongPart, match=rf"{words}.*Next: "):
        narrowed(a_run("2026-02-05"), *part)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: units not verified")
def test_systemd_takes_the_example_units(tmp_path):
    program = tmp_path / "scaretrade"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in (DEPLOY / "systemd").iterdir():
        installed = unit.read_text().replace("/opt/scaretrade/.venv/bin/scaretrade", str(program))
        (tmp_path / unit.name).write_text(installed)
    units = sorted(str(p) for p in tmp_path.glob("scaretrade*.*"))
    assert len(units) == 3
    found = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_timer_and_crontab_start_when_the_schedules_do():
    timer = re.findall(r"OnCalendar=(\S+) (\d\d):(\d\d) (\S+)", (DEPLOY / "systemd" / "scaretrade.timer").read_text())
    starts = {(zone, int(hour), int(minute)) for _, hour, minute, zone in timer}
    for time in TIMES:
        minute, hours, *_, weekdays = time.cron.split()
        if weekdays != "6":
            assert {(time.timezone, int(hour), int(minute)) for hour in hours.split(",")} <= starts
    crontab = (DEPLOY / "crontab").read_text()
    assert "CRON_TZ=America/New_York\n30 18 * * 1-5 " in crontab
    assert "CRON_TZ=UTC\n45 0 * * * " in crontab
