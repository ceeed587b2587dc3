"""The real daemon against real data: a schedule fires, the daemon is away for days, and comes back without a gap."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import date

import dagster as dg
import pytest

from pipelines.runner import prepare_instance
from pipelines.schedule_times import TIMES
from pipelines.schedules import DUE_TAG
from pipelines.settings import PROJECT
from tests.published import rows
from tests.small_runs import end_group

pytestmark = [pytest.mark.vendors, pytest.mark.slow]

# Thursday; and the Wednesday after, three sessions and six UTC days later.
BEFORE, AFTER = date(2026, 2, 5), date(2026, 2, 11)
PATIENCE = 1200


class Daemon:
    """Dagster's daemon on a home, with the vendors' world and the schedules' present at one day."""

    def __init__(self, home, server):
        self.folder, self.server = prepare_instance(home), server
        self.environment = {
            **os.environ,
            **server.environment,
            "PYTHONPATH": str(PROJECT),
            "SCARETRADE_HOME": str(home),
            "SCARETRADE_PROFILE": "live",
            "SCARETRADE_SCHEDULE_CRON": "* * * * *",
        }

    @contextmanager
    def running(self, day):
        self.server.control(as_of=str(day))
        command = [sys.executable, "-m", "dagster._daemon", "run", "-m", "pipelines.definitions"]
        environment = {**self.environment, "SCARETRADE_AS_OF": str(day)}
        with (self.folder / f"daemon-{day}.log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield
            finally:
                end_group(process)

    def finished(self, wanted):
        """The runs by schedule and due day, once so many have ended."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            with dg.DagsterInstance.get() as instance:
                runs = instance.get_runs()
            if sum(run.is_finished for run in runs) >= wanted:
                return {(r.tags["dagster/schedule_name"], r.tags[DUE_TAG]): r.status.value for r in runs}
            time.sleep(2)
        raise AssertionError(f"{len(runs)} runs after {PATIENCE} s: {[r.status for r in runs]}")


@pytest.fixture
def daemon(tmp_path, vendor_server, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    return Daemon(tmp_path / "home", vendor_server)


def due(session, day, friday):
    return zip((time.name for time in TIMES), (session, day, friday), strict=True)


def test_after_days_without_the_daemon_the_next_ticks_leave_no_gap(daemon, tmp_path):
    first = dict.fromkeys(due("2026-02-05", "2026-02-05", "2026-01-30"), "SUCCESS")
    with daemon.running(BEFORE):
        assert daemon.finished(len(first)) == first
    file = tmp_path / "home" / "market.duckdb"
    newest = (
        "select symbol, max(date)::varchar from core.prices where symbol in ('BTC', 'IGV') group by symbol order by 1"
    )
    assert rows(file, newest) == [("BTC", "2026-02-05"), ("IGV", "2026-02-05")]

    second = first | dict.fromkeys(due("2026-02-11", "2026-02-11", "2026-02-06"), "SUCCESS")
    with daemon.running(AFTER):
        assert daemon.finished(len(second)) == second
    assert rows(file, newest) == [("BTC", "2026-02-11"), ("IGV", "2026-02-11")]
    days = """select symbol, count(*) from core.prices
    where symbol in ('BTC', 'IGV') and date > '2026-02-05' group by symbol order by 1"""
    # 6, 9, 10 and 11 February in New York; 6 to 11 February round the clock.
    assert rows(file, days) == [("BTC", 6), ("IGV", 4)]
    gaps = "select source, dataset, symbol from quality.coverage where last_missing_date >= '2026-02-05'"
    assert rows(file, gaps) == []
