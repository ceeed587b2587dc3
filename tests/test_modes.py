"""Who may write where: nobody but the owner and their group into a home, and the UI listens on this machine alone."""

import os
import stat

import dagster as dg
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.runner import prepare_instance
from tests.daily import Home


@pytest.fixture(params=[0o000, 0o022, 0o002, 0o077], ids="{:03o}".format)
def umask(request):
    """The mask of the shell, whatever that is; 000 is what some containers and schedulers start programs with."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder):
    """Every file and folder of a home with its permissions; links have none of their own."""
    found = [folder, *folder.rglob("*")]
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in found if not path.is_symlink()
    }


def test_others_cannot_write_into_a_home_and_see_it_only_where_the_mask_lets_them(tmp_path, umask, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = Home(tmp_path / "home")
    prepare_instance(home.folder)
    with dg.DagsterInstance.get() as instance:
        instance.get_runs()
    home.run("2025-10-31")
    found = modes(home.folder)
    assert {".duckdb", ".parquet", ".gz", ".jsonl", ".json", ".yaml", ".db"} <= {
        p.suffix for p in home.folder.rglob("*")
    }
    assert {path: oct(mode) for path, mode in found.items() if mode & (umask | 0o002)} == {}


@pytest.mark.parametrize(("options", "host"), [([], "127.0.0.1"), (["--host", "0.0.0.0"], "0.0.0.0")])  # noqa: S104
def test_the_ui_listens_on_this_machine_unless_it_is_told_otherwise(tmp_path, monkeypatch, options, host):
    started = []
    monkeypatch.setattr("os.execv", lambda program, arguments: started.append(arguments))
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("SCARETRADE_PROFILE", "")
    result = CliRunner().invoke(main, ["ui", "--home", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    ((program, command, *arguments),) = started
    assert (program.rpartition("/")[2], command) == ("dagster", "dev")
    assert arguments[arguments.index("-h") + 1] == host
    assert arguments.count("-h") == 1
