"""One writer at a time: a lock that other processes see, that ends with its holder, and that names it."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.guard import WarehouseBusy, writing
from tests.small_runs import TODAY, Running, launched

HOLD = """
import sys
from pathlib import Path
from pipelines.guard import writing
with writing(Path(sys.argv[1]), 5):
    print("held", flush=True)
    sys.stdin.readline()
"""
WAIT = 0.3


@contextmanager
def held_elsewhere(home):
    """Another process holds the home until the block ends."""
    command = [sys.executable, "-c", HOLD, str(home)]
    project = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=project) as holder:
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_second_process_waits_a_bounded_time_and_names_the_first(tmp_path):
    with held_elsewhere(tmp_path) as holder:
        started = time.monotonic()
        with pytest.raises(WarehouseBusy) as busy, writing(tmp_path, WAIT):
            pytest.fail("entered while another process holds the home")
        waited = time.monotonic() - started
    assert WAIT <= waited < WAIT + 2
    assert re.search(rf"another run holds {tmp_path} \(process {holder.pid} since \d{{4}}-.* UTC\)", str(busy.value))
    assert "Next: wait for it to end, or stop that process" in str(busy.value)


def test_the_one_who_waits_enters_when_the_first_leaves(tmp_path):
    with held_elsewhere(tmp_path) as holder:
        holder.stdin.write("\n")
        holder.stdin.flush()
        with writing(tmp_path, 10):
            assert f'"pid": {os.getpid()}' in (tmp_path / ".lock.holder").read_text()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    with held_elsewhere(tmp_path) as holder:
        holder.kill()
        holder.wait()
        with writing(tmp_path, 0):
            pass


def test_one_process_enters_again_and_holds_until_the_outermost_block_ends(tmp_path):
    with writing(tmp_path, 0):
        with writing(tmp_path, 0):
            pass
        assert not free_for_others(tmp_path)
    assert free_for_others(tmp_path)


def free_for_others(home):
    take = HOLD.replace("), 5)", "), 0)").replace("sys.stdin.readline()", "pass")
    project = Path(__file__).parents[1]
    taken = subprocess.run([sys.executable, "-c", take, str(home)], cwd=project, capture_output=True, text=True)
    assert taken.returncode == 0 or "WarehouseBusy" in taken.stderr, taken.stderr
    return taken.returncode == 0


def test_an_error_inside_gives_the_lock_back(tmp_path):
    with pytest.raises(ZeroDivisionError), writing(tmp_path, 0):
        raise ZeroDivisionError
    assert free_for_others(tmp_path)


def test_two_homes_do_not_wait_for_each_other(tmp_path):
    with held_elsewhere(tmp_path / "one"), writing(tmp_path / "other", 0):
        pass


def test_a_holder_that_said_nothing_readable_is_unknown(tmp_path):
    with held_elsewhere(tmp_path):
        (tmp_path / ".lock.holder").write_text("{")
        with pytest.raises(WarehouseBusy, match="holder unknown"), writing(tmp_path, 0):
            pass


@pytest.mark.parametrize("command", ["run", "rebuild"])
def test_the_command_line_exits_with_3_and_changes_nothing(tmp_path, monkeypatch, command):
    monkeypatch.setenv("SCARETRADE_LOCK_TIMEOUT_SECONDS", "0.2")
    home = tmp_path / "home"
    (home / "sample" / "landing").mkdir(parents=True)
    with held_elsewhere(home) as holder:
        result = CliRunner().invoke(main, [command, "--profile", "sample", "--home", str(home)])
    assert result.exit_code == 3, result.output
    assert f"scaretrade: another run holds {home} (process {holder.pid} since" in result.stderr
    assert {file.name for file in home.iterdir()} == {".lock", ".lock.holder", "sample"}
    assert not any((home / "sample" / "landing").iterdir())


@pytest.mark.usefixtures("small_market")
def test_a_run_launched_by_dagster_shares_the_lock_with_the_command_line(tmp_path, monkeypatch):
    """The UI and the schedule launch the same job with the same resource: it waits, it keeps others out, it dies."""
    monkeypatch.setenv("SCARETRADE_LOCK_TIMEOUT_SECONDS", "0.2")
    home = tmp_path / "home"
    with writing(home, 0):
        running = Running(launched, home, TODAY)
        running.wait_until(lambda: f"another run holds {home} (process {os.getpid()} since" in running.log.read_text())
        assert running.phase() == "start"
    running.wait_for("download")
    result = CliRunner().invoke(main, ["run", "--profile", "sample", "--home", str(home)])
    assert result.exit_code == 3, result.output
    assert f"another run holds {home} (process {running.process.pid} since" in result.stderr
    assert running.kill()
    with writing(home, 0):
        assert (home / "sample" / "work.duckdb").exists()
