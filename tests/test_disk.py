"""The disk: full, read-only, oddly named. A clear error with a next step, and nothing published is damaged."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.published import differences, rows
from tests.small_runs import COMPARED, LAST_WEEK, SINCE, TODAY, finish, leftovers, steps

SCARETRADE = [sys.executable, "-c", "from pipelines.cli import main; main()"]
RUN = ("run", "--profile", "sample", "--since", SINCE, "--quiet")
# Every character that a shell, SQL, a URL, YAML or the console could take for its own, but the question mark.
ODD = 'o\'brien "x" [b] {c} 100% #1 &*; ü 日本'


@pytest.fixture(autouse=True)
def small_universe(small_market, monkeypatch):
    """Processes started here see the small market."""
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(small_market))


def scaretrade(home, *arguments, **options):
    """The command line in a process of its own."""
    command = [*SCARETRADE, *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def odd_run(small_market, tmp_path_factory):
    """A first run in a relative, oddly named folder that is a link to another: the real folder, and what it printed."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "real").mkdir()
    (folder / ODD).symlink_to("real")
    environment = {**os.environ, "SCARETRADE_UNIVERSE": str(small_market)}
    options = [o for o in RUN if o != "--quiet"]
    return folder, scaretrade(ODD, *options, "--as-of", LAST_WEEK, cwd=folder, env=environment)


@pytest.fixture
def home(odd_run, tmp_path):
    """Last week's version, published."""
    return shutil.copytree(odd_run[0] / "real", tmp_path / "home", symlinks=True)


def test_a_folder_may_have_any_name_and_be_a_link(odd_run):
    folder, result = odd_run
    assert result.returncode == 0, result.stderr
    assert f"Published: {ODD}/market.duckdb  (Parquet: {ODD}/parquet)" in result.stdout
    command = shlex.split(result.stdout.split("Ask it:\n")[1].strip().splitlines()[0])
    assert command[command.index("--home") + 1] == ODD
    for asked in (command[-1:], ["deepest_drawdowns"]):
        assert scaretrade(ODD, "query", *asked, cwd=folder).returncode == 0
    again = scaretrade(folder / ODD, "rebuild", "--profile", "sample")
    assert (again.returncode, again.stderr) == (0, "")
    assert leftovers(folder / "real") == []
    assert (folder / ODD).is_symlink()


def test_a_question_mark_in_the_name_is_refused_with_the_reason(tmp_path):
    result = scaretrade(tmp_path / "why?", *RUN)
    assert result.returncode == 2
    assert "Dagster cannot keep records in a folder with a '?'. Next: choose another name" in result.stderr
    assert "Traceback" not in result.stderr


def mounted(script, *arguments):
    """A shell script in which one may mount, its arguments from $1 on; skips by name where the system forbids it."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*alone, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this system lets nobody mount in a namespace of their own: {error}")
    command = [*alone, "sh", "-euc", script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def version(home):
    """The run that the published file says it is of, in every table asked."""
    query = "select value from meta where key = 'run_id' union select published_run_id from core.prices"
    ((run_id,),) = rows(home / "market.duckdb", query)
    return run_id


READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1" "$1"; shift; exec "$@"'


@pytest.mark.parametrize("folder", [".", "sample", "sample/landing", "dagster"])
def test_a_read_only_folder_is_named_with_the_next_step(home, folder):
    before = version(home)
    result = mounted(READ_ONLY, home / folder, *SCARETRADE, *RUN, "--home", home)
    assert result.returncode == 1
    assert str(home / folder) in result.stderr
    assert "Next: make the folder writable, or choose another with --home" in result.stderr
    assert "Traceback" not in result.stderr
    assert version(home) == before


@pytest.mark.parametrize("command", [("query", "deepest_drawdowns"), ("status",)])
def test_a_read_only_home_can_be_queried(home, command):
    result = mounted(READ_ONLY, home, *SCARETRADE, *command, "--home", home)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_rebuild_in_a_read_only_home_says_so(home):
    result = mounted(READ_ONLY, home, *SCARETRADE, "rebuild", "--profile", "sample", "--home", home)
    assert result.returncode == 1
    assert "Next: make the folder writable" in result.stderr
    assert "Traceback" not in result.stderr


# Runs a command on a copy of the home on a disk with $3 KiB free, then with room. The first copy stays beside the home.
FULL = """
home=$1 disk=$2 free=$3; shift 3
mkdir "$disk"; mount -t tmpfs -o size=512m tmpfs "$disk"; cp -a "$home" "$disk/home"
mount -o "remount,size=$(( $(du -sk "$disk" | cut -f 1) + free ))k" "$disk"
! "$@" --home "$disk/home"
cp -a "$disk/home" "$home.full"
mount -o remount,size=512m "$disk"
"$@" --home "$disk/home" 2> "$home.log"
rm -rf "$home"; cp -a "$disk/home" "$home"
"""


@pytest.fixture(scope="module")
def reference(odd_run, tmp_path_factory):
    """This week's version, published without a hindrance."""
    home = tmp_path_factory.mktemp("reference") / "home"
    shutil.copytree(odd_run[0] / "real", home, symlinks=True)
    finish(steps, home, TODAY)
    return home


@pytest.mark.parametrize("free", [0, *(pytest.param(kib, marks=pytest.mark.slow) for kib in (300, 1000, 3000, 6000))])
def test_a_full_disk_damages_nothing_and_the_next_run_with_room_goes_on(home, reference, tmp_path, free):
    before = version(home)
    result = mounted(FULL, home, tmp_path / "disk", free, *SCARETRADE, *RUN)
    assert result.returncode == 0, result.stderr
    assert "Next: free some disk space and run again; nothing published was touched" in result.stderr
    assert "Traceback" not in result.stderr
    assert version(tmp_path / "home.full") == before
    assert version(home) != before
    assert differences(reference / "market.duckdb", home / "market.duckdb", COMPARED) == {}
    assert leftovers(home) == []
