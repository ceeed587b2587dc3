"""Which engine runs the SQL models, and what a run says when it cannot."""

import sys

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.settings import Profile, Settings, WrongSettings, new_run
from pipelines.sql_engine import DUCKDB, EngineFailed, chosen_engine


@pytest.fixture
def without_pyspark(monkeypatch):
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("SCARETRADE_ENGINE", "spark")


def a_run(home):
    return new_run("test", Profile.SAMPLE, home, None, None)


def test_duckdb_runs_them_unless_told_otherwise(tmp_path):
    with chosen_engine(Settings.load(), a_run(tmp_path)) as engine:
        assert engine is DUCKDB


def test_an_engine_that_does_not_exist_is_a_wrong_setting(monkeypatch):
    monkeypatch.setenv("SCARETRADE_ENGINE", "sprak")
    with pytest.raises(WrongSettings, match=r"SCARETRADE_ENGINE: .*'duckdb' or 'spark'"):
        Settings.load()


def test_spark_without_pyspark_names_the_next_step(tmp_path, without_pyspark):
    with (
        pytest.raises(EngineFailed, match=r"pip install 'scaretrade\[spark\]'"),
        chosen_engine(Settings.load(), a_run(tmp_path)),
    ):
        pass


def test_a_run_says_so_before_any_source_is_asked(tmp_path, without_pyspark):
    result = CliRunner().invoke(main, ["run", "--profile", "sample", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "needs pyspark. Next: `pip install" in result.output
    assert "requests answered" not in result.output
