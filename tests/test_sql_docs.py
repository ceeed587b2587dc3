"""docs/sql.md: what it shows of other programs is what they print, and a refresh means to them what it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from pipelines.publish import publish
from pipelines.settings import PROJECT, Profile
from tests.factories import built_market

DOCUMENT = (PROJECT / "docs" / "sql.md").read_text()
# A block and the one that shows what it prints; a heading says which sections were not run.
SHOWN = re.compile(r"^```(python|sql|console)\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = SHOWN.findall(DOCUMENT)
ASK = "import duckdb, sys; m = duckdb.connect('warehouse/market.duckdb', read_only=True)"
ASK += "; print(m.execute(sys.stdin.read()).df().to_csv(index=False))"
NEWEST, OLD, OLDEST = "duckdb>=2,<3", "duckdb<2", "duckdb~=1.2.0"


@pytest.fixture(scope="module")
def folder(sample_home, tmp_path_factory):
    """A folder with the sample market's home, `warehouse`, as `make run` leaves it."""
    found = tmp_path_factory.mktemp("clone")
    (found / "warehouse").symlink_to(sample_home)
    return found


def installed(folder, *wanted):
    """Packages in a folder of their own; skips by name where they cannot be had."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--target", str(folder), *wanted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{', '.join(wanted)} cannot be installed here: other DuckDB clients are not tested")
    return folder


@pytest.fixture(
    scope="module", params=[NEWEST, *(pytest.param(wanted, marks=pytest.mark.slow) for wanted in (OLD, OLDEST))]
)
def client(request, tmp_path_factory):
    """A DuckDB client of another version, or this one: its requirement and the environment it is imported in."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if request.param != NEWEST:
        environment["PYTHONPATH"] = str(installed(tmp_path_factory.mktemp("client"), request.param))
    return request.param, environment


def python(script, environment, folder, **options):
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_client_is_the_one_that_is_meant(client, folder):
    version = python("import duckdb; print(duckdb.__version__)", client[1], folder)
    assert version.startswith({NEWEST: "2.", OLD: "1.", OLDEST: "1.2."}[client[0]])


@pytest.mark.parametrize(("language", "text", "shown"), [b for b in BLOCKS if b[0] != "console"])
def test_python_and_sql_print_what_is_shown(client, folder, language, text, shown):
    printed = python(text if language == "python" else ASK, client[1], folder, input=text)
    assert printed.rstrip() == shown.rstrip()


@pytest.mark.slow
def test_the_command_line_prints_what_is_shown(folder, tmp_path):
    ((_, command, shown),) = [block for block in BLOCKS if block[0] == "console"]
    program, *arguments = shlex.split(command)
    assert program == "duckdb"
    found = shutil.which("duckdb") or installed(tmp_path / "cli", "duckdb-cli") / "duckdb_cli" / "duckdb"
    done = subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == shown.splitlines()


def test_every_block_is_run_or_said_not_to_be():
    for section in DOCUMENT.split("\n## "):
        run = len(SHOWN.findall(section))
        blocks = len(re.findall(r"^```(?!text)\w+$", section, re.MULTILINE))
        assert run == (0 if "(not run here)" in section.splitlines()[0] else blocks), section.splitlines()[0]


READER = """
import sys, duckdb

def run(connection):
    (found,) = connection.execute("select value from main.meta where key = 'run_id'").fetchone()
    (rows,) = connection.execute("select distinct published_run_id from core.prices").fetchone()
    assert found == rows
    return found

def told():
    print(*seen, flush=True)
    seen.clear()

seen, path = [], sys.argv[1]
one, attached = duckdb.connect(path, read_only=True), duckdb.connect()
attached.execute(f"attach '{path}' as market (read_only)")
seen += [run(one), attached.execute("select value from market.main.meta where key = 'run_id'").fetchone()[0]]
told()
sys.stdin.readline()
seen += [run(one), run(duckdb.connect(path, read_only=True))]
seen += [attached.execute("select value from market.main.meta where key = 'run_id'").fetchone()[0]]
one.close()
attached.execute("detach market")
attached.execute(f"attach '{path}' as market (read_only)")
seen += [attached.execute("select value from market.main.meta where key = 'run_id'").fetchone()[0]]
told()
"""


@pytest.fixture(scope="module")
def market():
    return built_market()


def test_an_open_connection_keeps_its_version_and_the_next_one_sees_the_new(client, market, tmp_path):
    run = replace(market.run, home=tmp_path, profile=Profile.SAMPLE)
    publish(market.warehouse, replace(run, run_id="first"), "2026-02-06T12:00:00Z")
    command = [sys.executable, "-c", READER, str(tmp_path / "market.duckdb")]
    with subprocess.Popen(command, env=client[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline().split() == ["first", "first"]
        for run_id in ("second", "third", "fourth"):
            publish(market.warehouse, replace(run, run_id=run_id), "2026-02-07T12:00:00Z")
        assert not (tmp_path / "versions" / "first").exists()
        reader.stdin.write("go on\n")
        reader.stdin.flush()
        beside = "first" if client[0] == OLDEST else "fourth"
        assert reader.stdout.readline().split() == ["first", beside, "first", "fourth"]
    assert reader.returncode == 0
