"""`scaretrade correlate` on a published file: the pairs, and that the file says what its data are."""

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.test_all_pairs import walk

N_DATES = 100


@pytest.fixture
def home(tmp_path):
    """A home whose published file holds returns of four symbols."""
    returns = (
        walk(N_DATES, 4).rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="log_return")
    )
    with duckdb.connect(str(tmp_path / "market.duckdb")) as connection:
        connection.execute("create schema core; create table meta (key varchar, value varchar)")
        connection.execute("insert into meta values ('data', 'simulated')")
        connection.register("returns", returns)
        connection.execute("create table core.returns as select *, 'exchange_close' as alignment from returns")
    return tmp_path


def asked(home, *options):
    file = home / "pairs.parquet"
    result = CliRunner().invoke(main, ["correlate", "--home", str(home), "--parquet", str(file), *options])
    return result, file


def test_every_pair_of_every_full_window_is_in_the_file(home):
    result, file = asked(home)
    assert result.output == f"66 rows in {file} (SIMULATED data, not a market)\n"
    with duckdb.connect() as connection:
        rows = connection.execute(f"from '{file}' order by base_symbol, other_symbol, date").df()
        said = connection.execute(f"select key, value from parquet_kv_metadata('{file}')").fetchall()
    assert (b"data", b"simulated") in said
    assert list(rows) == ["base_symbol", "other_symbol", "date", "window_sessions", "correlation", "n"]
    returns = walk(N_DATES, 4)
    oracle = returns["S0"].rolling(90).corr(returns["S3"]).dropna()
    found = rows[(rows["base_symbol"] == "S0") & (rows["other_symbol"] == "S3")]
    assert found["correlation"].tolist() == pytest.approx(oracle.tolist(), abs=1e-9)


def test_a_window_a_first_day_and_the_strongest_only(home):
    _, file = asked(home, "--window", "30", "--since", "2020-05-11", "--top", "1")
    with duckdb.connect() as connection:
        rows = connection.execute(f"from '{file}'").df()
    assert rows["date"].min() == pd.Timestamp("2020-05-11")
    assert rows["date"].is_unique
    assert (rows["n"] == 30).all()
    assert [file.name for file in home.iterdir() if file.suffix != ".duckdb"] == ["pairs.parquet"]


def test_without_a_published_file_the_next_step_is_named(tmp_path):
    result, file = asked(tmp_path)
    assert result.exit_code == 2
    assert "nothing is published" in result.output
    assert "Next: " in result.output
    assert not file.exists()
