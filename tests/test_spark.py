"""The sample market on both engines: Spark, a real cluster that loses a worker, says what DuckDB says."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from pipelines.chain.partitions import folder_of
from pipelines.contracts import MODELS, contracts
from pipelines.spark_dialect import in_spark
from pipelines.spark_engine import SparkEngine
from tests.chain_generator import write_spent_outputs
from tests.spark_cluster import SMALL, Cluster, wait_for

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(find_spec("pyspark") is None, reason="pyspark is missing: `make spark` installs it"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Java is missing: nothing runs on Spark"),
]
COMMAND = [str(Path(sys.executable).with_name("scaretrade")), "run", "--profile", "sample", "--home"]
# Named by the run that wrote them, so that they differ between any two runs.
BOOKKEEPING = {"quality.check_results", "quality.loads", "quality.payloads", "quality.rejected_rows"}
COMPARED = sorted(set(contracts()) - BOOKKEEPING)
# The largest query; its folder there is one only while Spark writes.
LONGEST = "marts.correlations"


def start(home, **environment):
    """A sample run in a process of its own."""
    return subprocess.Popen(
        [*COMMAND, str(home)],
        env=os.environ | SMALL | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(running):
    """Wait for a run that must publish."""
    printed, _ = running.communicate(timeout=1800)
    assert running.returncode == 0, printed
    return printed


def spark_at(cluster):
    return {
        "SCARETRADE_ENGINE": "spark",
        "SCARETRADE_SPARK_MASTER": cluster.url,
        "SPARK_CONF_DIR": str(cluster.settings),
    }


@pytest.fixture(scope="module")
def on_duckdb(tmp_path_factory):
    """The home of a run on DuckDB, with spent outputs of 200 days, so that no table is empty."""
    home = tmp_path_factory.mktemp("duckdb") / "warehouse"
    write_spent_outputs(folder_of(home / "sample"), 20_000, n_days=200, n_blocks=3)
    finish(start(home))
    return home


@pytest.fixture
def home(on_duckdb, tmp_path):
    """A copy: the same landing and the same raw rows, and nothing published."""
    shutil.copytree(on_duckdb / "sample", tmp_path / "warehouse" / "sample")
    return tmp_path / "warehouse"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One for all tests, of which the last one takes a worker from it."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def differences(connection, contract):
    """Rows of one table that one engine has and the other has not, or has with another value."""
    key, same = [f'"{c}"' for c in contract.grain], ["true"]
    for name, column in contract.columns.items():
        d, s = f'd."{name}"', f's."{name}"'
        if column.type == "DOUBLE":
            # Sums near one that cancel leave their rounding: a correlation of a millionth has no ten digits.
            near = f"abs({d} - {s}) <= greatest(1e-9 * abs({d}), 1e-14)"
            same.append(f"({d} is not distinct from {s} or {near})")
        else:
            same.append(f"{d} is not distinct from {s}")
    joined = " and ".join(f"d.{c} is not distinct from s.{c}" for c in key)
    # Raw tables hold several sources and versions of a key.
    if contract.keeps_versions:
        joined += " and d.source = s.source and d.load_id = s.load_id"
    return connection.execute(
        f"select count(*) from duck.{contract.name} as d full join spark.{contract.name} as s on {joined}"
        f" where not coalesce({' and '.join(same)}, false)"
    ).fetchone()[0]


def is_empty(connection, name):
    """Whether a table holds nothing that could differ."""
    return not connection.execute(f"select 1 from duck.{name} limit 1").fetchall()


def checked(connection, database):
    """What the published run's checks of derived tables found; the checks of raw rows are of what came new."""
    return connection.execute(
        f"select check_name, table_name, passed, n_failing from {database}.quality.check_results"
        f" where run_id = (select value from {database}.main.meta where key = 'run_id')"
        " and table_name not like 'raw.%' order by all"
    ).fetchall()


def compare(on_duckdb, home):
    """Every published table, row by row: keys exactly, numbers to 1e-9 of their size."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{on_duckdb / 'market.duckdb'}' as duck (read_only)")
        connection.execute(f"attach '{home / 'market.duckdb'}' as spark (read_only)")
        assert [name for name in COMPARED if is_empty(connection, name)] == []
        assert {name: n for name in COMPARED if (n := differences(connection, contracts()[name]))} == {}
        assert checked(connection, "duck") == checked(connection, "spark") != []


def test_a_cluster_publishes_what_duckdb_publishes(on_duckdb, home, cluster):
    finish(start(home, **spark_at(cluster)))
    compare(on_duckdb, home)
    (finished,) = cluster.state()["completedapps"]
    assert (finished["name"], finished["cores"]) == ("scaretrade", 2)


def test_a_worker_lost_in_the_middle_of_a_job_changes_nothing(on_duckdb, home, cluster):
    running = start(home, **spark_at(cluster))
    writing = home / "sample" / "spark" / LONGEST / "_temporary"

    def job_has_begun():
        assert running.poll() is None, running.communicate()[0]
        return writing.exists()

    wait_for(job_has_begun, 1200)
    cluster.kill_a_worker()
    assert writing.exists()
    wait_for(cluster.has_lost_a_worker)
    finish(running)
    compare(on_duckdb, home)
    assert cluster.state()["aliveworkers"] == 1


def test_spark_itself_parses_every_model(tmp_path):
    with SparkEngine("local[1]", tmp_path / "spark") as engine:
        parser = engine.session._jsparkSession.sessionState().sqlParser()
        for file in sorted(MODELS.glob("*/*.sql")):
            assert parser.parsePlan(in_spark(file.read_text())), file
