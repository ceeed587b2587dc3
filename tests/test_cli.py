"""The command line: what it says, what it refuses, and that running again or rebuilding changes nothing."""

import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import sys

import click
import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.published import differences, rows, tables

SAMPLE = ("--profile", "sample", "--since", "2025-09-01", "--as-of", "2026-03-31")


def scaretrade(*arguments, **environment):
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)


def copied(home, target):
    shutil.copytree(home, target, symlinks=True)
    return target


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """One run on the sample market: its home and what it printed."""
    home = tmp_path_factory.mktemp("first") / "home"
    result = scaretrade("run", "--home", home, *SAMPLE)
    assert result.exit_code == 0, result.output
    return home, result


@pytest.fixture(scope="module")
def home(first):
    return first[0]


def derived(file):
    return [name for name in tables(file) if name.split(".")[0] in ("core", "marts")]


def test_help_lists_every_command_with_examples():
    text = scaretrade("--help").output
    for command in main.commands:
        assert f"scaretrade {command}" in text, command
        assert re.search(rf"^  {command} +\w", text, re.MULTILINE), command
    assert "Examples" in text
    assert "SCARETRADE_HOME" in text
    assert "..." not in text.split("Commands:")[1]


def test_the_help_of_each_command_explains_it():
    for name in main.commands:
        result = scaretrade(name, "--help")
        assert result.exit_code == 0
        assert re.search(rf"Usage: main {name}.*\n\n  \w.*\.\n", result.output)
        assert re.search(r"Exit\s+code:\s+[02]\s+\w", result.output)
        for option in main.commands[name].params:
            assert not isinstance(option, click.Option) or option.help, (name, option.name)
    assert "Exit code: 0 published, 1 published nothing" in scaretrade("run", "--help").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "5.2.2026"], "'5.2.2026' is no date; write it as 2026-02-05"),
        (["--since", "2026-02-30"], "'2026-02-30' is no date"),
        (["--profile", "live", "--as-of", "2999-01-01"], "--as-of 2999-01-01 lies in the future"),
        (["--profile", "sample", "--as-of", "2026-04-01"], "the simulated sample market ends on 2026-03-31"),
        (["--as-of", "2026-03-01", "--since", "2026-03-01"], "--since 2026-03-01 must lie before the as-of day"),
        (["--as-of", "2026-03-01", "--since", "2026-03-02"], "--since 2026-03-02 must lie before the as-of day"),
        (["--profile", "real"], "'real' is not one of 'sample', 'live'"),
        (["--as-off", "2026-03-01"], "No such option"),
        (["--quiet", "--verbose"], "--quiet and --verbose exclude each other"),
    ],
)
def test_a_usage_error_exits_with_2_and_makes_nothing(tmp_path, arguments, message):
    result = scaretrade("run", "--home", tmp_path / "home", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "home").exists()


def test_an_empty_value_in_the_environment_means_not_set(tmp_path):
    names = ("PROFILE", "HOME", "CONTACT", "LOCK_TIMEOUT_SECONDS", "YAHOO_URL")
    empty = {f"SCARETRADE_{name}": "" for name in names}
    # The last option is wrong on purpose: the run is refused after the environment was read and before any work.
    result = scaretrade("run", "--home", tmp_path / "home", "--as-of", "2999-01-01", **empty)
    assert result.exit_code == 2
    assert "lies in the future" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("PROFILE", "real"), ("YAHOO_URL", "no address"), ("LOCK_TIMEOUT_SECONDS", "soon")]
)
def test_a_wrong_value_in_the_environment_is_a_usage_error_that_names_it(tmp_path, name, value):
    variables = {f"SCARETRADE_{name}": value}
    result = scaretrade("run", "--home", tmp_path / "home", "--as-of", "2999-01-01", **variables)
    assert result.exit_code == 2
    assert name.lower() in result.stderr.lower()
    assert "lies in the future" not in result.stderr


def test_a_run_prints_what_it_made_and_that_it_is_simulated(first):
    home, result = first
    text = result.output
    assert text.startswith("Sample profile: the market below is SIMULATED.")
    assert "SIMULATED sample data, not a market." in text
    assert "In stress now (simulated)" in text
    assert "Rows, as of 2026-03-31" in text
    for name in derived(home / "market.duckdb"):
        (count,) = rows(home / "market.duckdb", f"select count(*) from {name}")[0]
        assert re.search(rf"{name} +│ +{count:,} ", text), name
    ((passed, failed),) = rows(
        home / "market.duckdb",
        "select count(*) filter (passed), count(*) filter (not passed and severity = 'critical')"
        " from quality.check_results where run_id = (select value from meta where key = 'run_id')",
    )
    assert f"Checks: {passed} passed, {failed} failed" in text
    assert (passed > 50, failed) == (True, 0)
    assert f"Published: {home / 'market.duckdb'}" in text
    assert f"Report: {home / 'report' / 'index.html'}" in text
    assert (home / "report" / "index.html").exists()


def test_the_sql_command_that_a_run_prints_works(first):
    command = shlex.split(first[1].output.split("Ask it:\n")[1].strip().splitlines()[0])
    assert command[0] == ".venv/bin/scaretrade"
    result = scaretrade(*command[1:], "--format", "csv")
    assert result.exit_code == 0, result.output
    answer = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["date"] for row in answer] == ["2026-03-31"] * 5
    assert all(float(row["drawdown"]) < -0.2 for row in answer)


def test_a_second_run_of_the_day_changes_no_table_and_prints_its_timings(home, tmp_path):
    again = copied(home, tmp_path / "home")
    result = scaretrade("run", "--home", again, *SAMPLE, "--timings")
    assert result.exit_code == 0, result.output
    one, other = home / "market.duckdb", again / "market.duckdb"
    assert one.resolve().parent.name != other.resolve().parent.name
    same = [n for n in tables(one) if n.split(".")[0] in ("raw", "core", "marts")] + ["quality.coverage"]
    assert differences(one, other, same) == {}
    newest = "run_id = (select value from meta where key = 'run_id')"
    assert rows(other, f"select sum(rows_written) from quality.loads where {newest}") == [(0,)]
    for step in ("marts.drawdowns", "raw.yahoo", "published.market", "all steps", "whole run"):
        assert re.search(rf"{re.escape(step)} +│ +\d+\.\d\d ", result.output), step


def test_a_rebuild_then_a_quiet_run_give_the_same_tables(home, tmp_path):
    again = copied(home, tmp_path / "home")
    result = scaretrade("rebuild", "--profile", "sample", "--home", again)
    assert result.exit_code == 0, result.output
    assert "Rebuilt. Next: `scaretrade run`" in result.output
    assert rows(again / "sample" / "work.duckdb", "select count(*) from raw.daily_bars") == rows(
        home / "market.duckdb", "select count(*) from raw.daily_bars"
    )
    run = scaretrade("run", "--home", again, *SAMPLE, "--quiet")
    assert (run.exit_code, run.output) == (0, "")
    one, other = home / "market.duckdb", again / "market.duckdb"
    compared = [*derived(one), "raw.daily_bars", "raw.hourly_bars", "raw.onchain", "raw.dividends", "raw.splits"]
    assert len(compared) > 15
    assert differences(one, other, compared) == {}


def test_a_lost_payload_is_named_and_the_rest_is_rebuilt(home, tmp_path):
    again = copied(home, tmp_path / "home")
    query = "select payload_id from quality.payloads where symbol = 'MSFT' and source = 'yahoo'"
    ((payload,),) = rows(home / "market.duckdb", query)
    (again / "sample" / "landing" / payload[:2] / f"{payload}.gz").unlink()
    result = scaretrade("rebuild", "--profile", "sample", "--home", again)
    assert result.exit_code == 0, result.output
    assert re.search(rf"yahoo daily_bars MSFT: payload {payload}: .*; its rows are missing", result.output)
    counted = "select symbol, count(*) from raw.daily_bars group by symbol"
    work = dict(rows(again / "sample" / "work.duckdb", counted))
    before = dict(rows(home / "market.duckdb", counted))
    assert before.pop("MSFT") > 100
    assert work == before


KILLED = """
import os, sys, duckdb
work = duckdb.connect(sys.argv[1])
work.execute("set checkpoint_threshold = '1TB'")
work.execute("insert into quality.loads select * replace (99 as load_id) from quality.loads")
os._exit(9)
"""


def test_a_rebuild_after_a_killed_run_can_be_opened(home, tmp_path):
    again = copied(home, tmp_path / "home")
    work = again / "sample" / "work.duckdb"
    assert subprocess.run([sys.executable, "-c", KILLED, str(work)]).returncode == 9
    assert work.with_name("work.duckdb.wal").exists()
    assert scaretrade("rebuild", "--profile", "sample", "--home", again).exit_code == 0
    with duckdb.connect(str(work)) as opened:
        loads = opened.execute("select max(load_id) from quality.loads").fetchall()
    assert loads == rows(home / "market.duckdb", "select max(load_id) from quality.loads")


def test_status_in_words_and_for_machines(home):
    text = scaretrade("status", "--home", home).output
    assert re.match(r"Published \d{4}-\S+Z: SIMULATED sample data, as of 2026-03-31, run \S+\n", text)
    assert "Late series: 0" in text
    assert "Failing checks: 0" in text
    assert re.search(r"Disk used: [1-9]\d* MB", text)
    found = json.loads(scaretrade("status", "--home", home, "--json").output)
    assert (found["data"], found["as_of"], found["late"], found["failing_checks"]) == (
        "simulated",
        "2026-03-31",
        [],
        [],
    )
    assert found["disk_bytes"] > 1_000_000


def test_the_home_may_come_from_the_environment(home):
    assert scaretrade("status", SCARETRADE_HOME=str(home)).output == scaretrade("status", "--home", home).output


def test_tables_print_the_dictionary(home):
    overview, whole = scaretrade("tables").output, scaretrade("tables", "--columns").output
    for name in tables(home / "market.duckdb"):
        assert name in overview or name == "main.meta"
    assert "close_adjusted" in whole
    assert "close_adjusted" not in overview or len(whole) > len(overview)


def test_a_home_that_cannot_be_made_is_named_with_a_next_step(tmp_path):
    (tmp_path / "file").write_text("")
    result = scaretrade("run", "--home", tmp_path / "file" / "home", *SAMPLE)
    assert result.exit_code == 1
    assert f"scaretrade: {tmp_path / 'file' / 'home'}: " in result.stderr
    assert "Next: " in result.stderr
    assert "Traceback" not in result.output


def test_the_sample_is_refused_where_live_data_are_published(home, tmp_path):
    again = copied(home, tmp_path / "home")
    version = (again / "current" / "version.json").resolve()
    version.write_text(json.dumps(json.loads(version.read_text()) | {"profile": "live"}))
    result = scaretrade("run", "--home", again, *SAMPLE)
    assert result.exit_code == 2
    assert "publishes live data; the simulated sample market would replace it. Next: " in result.stderr
