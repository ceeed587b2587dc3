"""Killed anywhere: the published file stays whole, and the next run ends as if the killed one had never been."""

import shutil
import time
from collections import Counter

import dagster as dg
import numpy as np
import pytest

from pipelines.jobs import killed_runs
from pipelines.runner import prepare_instance
from tests.published import differences
from tests.readers import Watcher
from tests.small_runs import COMPARED, LAST_WEEK, TODAY, Running, daily, finish, leftovers, steps

KILLS = 60


pytestmark = pytest.mark.usefixtures("small_market")


def assert_everyone_gone(running):
    """Every process that a killed run had started ends with it."""
    deadline = time.monotonic() + 10
    while running.children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running.children() == []


def states(home):
    """What Dagster believes of the runs of a home."""
    prepare_instance(home)
    with dg.DagsterInstance.get() as instance:
        return [run.status for run in instance.get_runs()]


def test_a_run_killed_in_one_phase_after_the_other_ends_as_if_it_had_not_been(tmp_path):
    home, reference, chance = tmp_path / "killed", tmp_path / "reference", np.random.default_rng(5)
    finish(steps, reference, LAST_WEEK)
    shutil.copytree(reference, home, symlinks=True)
    hit = []
    with Watcher(home) as watcher:
        for phase in ("download", "load", "core", "marts", "landing", "publish"):
            running = Running(steps, home, TODAY)
            running.wait_for(phase)
            time.sleep(chance.uniform(0, 0.1))
            if running.kill():
                hit.append(running.phase())
        finish(steps, home, TODAY)
    finish(steps, reference, TODAY)
    assert watcher.faults == []
    assert len(watcher.runs) == 2
    assert len(set(hit)) >= 4, hit
    assert differences(reference / "market.duckdb", home / "market.duckdb", COMPARED) == {}
    assert leftovers(home) == []


@pytest.fixture
def killed_daily(tmp_path, monkeypatch):
    """The home of a daily job that was killed while it asked the vendors."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = tmp_path / "home"
    home.mkdir()
    running = Running(daily, home, TODAY)
    running.wait_for("download")
    assert running.kill()
    assert_everyone_gone(running)
    assert states(home) == [dg.DagsterRunStatus.STARTED]
    return home


def test_a_killed_run_does_not_keep_dagster_from_starting_the_next(killed_daily, monkeypatch):
    monkeypatch.setattr("pipelines.killed_runs.ENDING_SECONDS", 0)
    monkeypatch.setenv("SCARETRADE_HOME", str(killed_daily))
    with dg.DagsterInstance.get() as instance, dg.build_sensor_context(instance) as context:
        assert "No run holds" in killed_runs(context).skip_message
    assert states(killed_daily) == [dg.DagsterRunStatus.FAILURE]


def killed_after(home, seconds):
    """Kill a daily job of the home after some time, or a shorter one where it was faster; the phase it was in."""
    running = Running(daily, home, TODAY)
    time.sleep(seconds)
    if not running.kill():
        return killed_after(home, 0.9 * seconds)
    assert_everyone_gone(running)
    return running.phase()


def killed_asking(home, n):
    """Kill a daily job of the home when its n-th answer has come and is about to be landed; the phase it was in."""
    running = Running(daily, home, TODAY)
    running.wait_until(lambda: running.log.read_text().count("GET ") >= n)
    assert running.kill()
    assert_everyone_gone(running)
    return running.phase()


@pytest.mark.slow
def test_a_run_killed_at_any_of_60_points_ends_as_if_it_had_not_been(tmp_path):
    """Half of the homes are fresh, the others have last week's version published."""
    chance, hit = np.random.default_rng(60), Counter()
    fresh, weekly = tmp_path / "fresh", tmp_path / "weekly"
    finish(daily, weekly, LAST_WEEK)
    shutil.copytree(weekly, tmp_path / "last_week", symlinks=True)
    duration = min(finish(daily, fresh, TODAY), finish(daily, weekly, TODAY))
    for n in range(KILLS):
        home, is_fresh = tmp_path / f"killed_{n}", n % 2 == 0
        if is_fresh:
            home.mkdir()
        else:
            shutil.copytree(tmp_path / "last_week", home, symlinks=True)
        with Watcher(home) as watcher:
            # Requests take little of the time: every fifth kill meets one.
            point = duration * (n + chance.random()) / KILLS
            phase = killed_asking(home, chance.integers(1, 8)) if n % 5 == 0 else killed_after(home, point)
            finish(daily, home, TODAY)
        hit[phase] += 1
        reference = fresh if is_fresh else weekly
        assert differences(reference / "market.duckdb", home / "market.duckdb", COMPARED) == {}, phase
        assert watcher.faults == [], phase
        assert len(watcher.runs) >= 1, phase
        assert leftovers(home) == [], phase
        assert set(states(home)) <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}, phase
        shutil.rmtree(home)
    print(f"killed in: {dict(hit)}")
    assert len(set(hit) - {"start"}) >= 4, hit
