"""Dagster's records in a real PostgreSQL server, by the very files of deploy/."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from pipelines.settings import PROJECT
from tests import postgres
from tests.small_runs import SINCE, UNIVERSE

pytestmark = pytest.mark.postgres

DEPLOY = PROJECT / "deploy"


@pytest.fixture(scope="module")
def environment():
    """A server's address; skips by name where the server or Dagster's parts for it are missing."""
    for part in ("dagster_postgres", "dagster_docker", "dagster_k8s", "psycopg2"):
        pytest.importorskip(part, reason=f"{part} is missing. Next: make deploy-test")
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is missing: records in it are not tested. Next: make deploy-test")
    with postgres.server() as variables:
        yield variables


@pytest.fixture
def dagster_home(environment, tmp_path, monkeypatch):
    """An operator's DAGSTER_HOME with the file of deploy/docker."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "dagster"
    folder.mkdir()
    shutil.copy(DEPLOY / "docker" / "dagster.yaml", folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def asked(environment, query):
    """What PostgreSQL itself says."""
    import psycopg2

    names = {"host": "HOST", "port": "PORT", "dbname": "DB", "user": "USER", "password": "PASSWORD"}
    address = {key: environment[f"DAGSTER_POSTGRES_{name}"] for key, name in names.items()}
    connection = psycopg2.connect(**address)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def python(*arguments, **environment):
    """A command in a process of its own."""
    full = {**os.environ, "PYTHONPATH": str(PROJECT), **environment}
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, env=full, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(("where", "launcher"), [("docker", "DockerRunLauncher"), ("kubernetes", "K8sRunLauncher")])
def test_the_instance_loads_with_its_launcher_one_run_at_a_time_and_no_telemetry(
    where, launcher, dagster_home, tmp_path, monkeypatch
):
    settings = (DEPLOY / where / "dagster.yaml").read_text().replace("/data/", f"{tmp_path}/")
    (dagster_home / "dagster.yaml").write_text(settings)
    # Where there is no cluster to ask for permissions; everything else of the file is as it is.
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    with dg.DagsterInstance.get() as instance:
        assert type(instance.run_launcher).__name__ == launcher
        parts = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
        assert {type(part).__module__.partition(".")[0] for part in parts} == {"dagster_postgres"}
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert not instance.telemetry_enabled


def test_a_run_is_recorded_in_the_server_and_nothing_of_it_beside_the_warehouse(environment, dagster_home, tmp_path):
    universe = tmp_path / "universe.yaml"
    universe.write_text(UNIVERSE)
    home = tmp_path / "home"
    command = "from pipelines.cli import main; main()"
    done = python("-c", command, "run", "--since", SINCE, "--home", str(home), SCARETRADE_UNIVERSE=str(universe))
    assert done.returncode == 0, done.stderr
    run_id = json.loads((home / "current" / "version.json").read_text())["run_id"]
    assert asked(environment, "select run_id, status from runs") == [(run_id, "SUCCESS")]
    query = 'select count(*) from event_logs where asset_key = \'["published", "market"]\''
    assert asked(environment, query)[0][0] >= 1
    assert not (home / "dagster").exists()
    assert not list(Path(dagster_home).rglob("*.db"))


def test_a_schedule_that_was_stopped_stays_stopped_for_the_next_process(environment, dagster_home):
    stopping = python("-m", "dagster", "schedule", "stop", "after_utc_day", "-m", "pipelines.definitions")
    assert stopping.returncode == 0, stopping.stderr
    with dg.DagsterInstance.get() as instance:
        states = {state.instigator_name: state.status.value for state in instance.all_instigator_state()}
    assert states == {"after_utc_day": "STOPPED"}
    assert asked(environment, "select status from instigators") == [("STOPPED",)]
