"""What Dagster is told: every asset described and checked, one daily job, and what a run records of its tables."""

import multiprocessing
import os
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import dagster as dg
import pytest
import yaml

from pipelines.audit import checks, checks_of
from pipelines.contracts import contracts, stored_columns
from pipelines.definitions import defs
from pipelines.engines import inputs, model_names
from pipelines.runner import prepare_instance
from pipelines.sources import SOURCES
from pipelines.sources.sample import SIMULATED
from pipelines.universe import load_universe
from tests.published import rows

PUBLISHED = dg.AssetKey(["published", "market"])
SPENT_OUTPUTS = dg.AssetKey(["raw", "spent_outputs"])
# Empty in the simulated market: nothing was restated, no loss is extreme, and it has no spent outputs.
MAY_BE_EMPTY = {
    "core.restatements",
    "marts.realized_loss_episodes",
    "core.spent_output_days",
    "marts.realized_loss_age_bands",
    "marts.realized_loss_differences",
}
ASSETS = {spec.key: spec for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key.path)}
ASKED = [name for name in SOURCES if load_universe().series(name)]
DERIVED = {dg.AssetKey(name.split(".")): name for name in sorted(model_names())}
CHECKS = {spec.key: spec for asset in defs.assets for spec in asset.check_specs}


def test_the_definitions_load():
    dg.Definitions.validate_loadable(defs)


def test_there_is_an_asset_for_every_source_and_table_and_for_the_published_file():
    raw = {dg.AssetKey(["raw", name]) for name in ASKED}
    assert set(ASSETS) == raw | set(DERIVED) | {SPENT_OUTPUTS, PUBLISHED}


@pytest.mark.parametrize("key", ASSETS, ids=lambda key: key.to_user_string())
def test_every_asset_is_described(key):
    spec = ASSETS[key]
    assert len(spec.description) > 30
    assert spec.group_name == ((key in DERIVED and contracts()[DERIVED[key]].group) or key.path[0])
    assert spec.owners
    assert {"duckdb"} < set(spec.kinds)
    assert spec.freshness_policy is not None
    assert spec.freshness_policy.fail_window.to_timedelta() > spec.freshness_policy.warn_window.to_timedelta()
    if key != PUBLISHED:
        assert spec.metadata["dagster/column_schema"].columns


@pytest.mark.parametrize("key", DERIVED, ids=lambda key: key.to_user_string())
def test_a_derived_tables_schema_is_its_contracts(key):
    contract, metadata = contracts()[DERIVED[key]], ASSETS[key].metadata
    columns = metadata["dagster/column_schema"].columns
    expected = {name: (c.type, c.comment, not c.required) for name, c in stored_columns(contract).items()}
    assert {c.name: (c.type, c.description, c.constraints.nullable) for c in columns} == expected
    assert metadata["dagster/table_name"] == DERIVED[key]
    assert ("sql" in metadata) == contract.sql_file.exists()


@pytest.mark.parametrize("key", [*DERIVED, *(dg.AssetKey(["raw", s]) for s in ASKED)], ids=lambda k: k.to_user_string())
def test_every_table_is_checked_and_a_critical_fault_stops_what_reads_it(key):
    own = [spec for spec in CHECKS.values() if spec.asset_key == key]
    assert own
    assert any(spec.blocking for spec in own)
    if key in DERIVED:
        assert {(s.name, s.blocking) for s in own} == {
            (c.name, c.severity == "critical") for c in checks_of(DERIVED[key])
        }


@pytest.mark.parametrize("check", [pytest.param(c, id=f"{c.table}.{c.name}") for c in checks()])
def test_a_check_reads_only_what_is_built_by_then(check):
    upstream, waiting = {check.table}, [check.table]
    while waiting:
        found = set(inputs(waiting.pop())) & set(model_names()) - upstream
        upstream |= found
        waiting += found
    allowed = upstream | {name for name in check.inputs if name.split(".")[0] in ("raw", "latest")}
    assert check.table in model_names()
    assert check.inputs <= allowed
    assert check.inputs, "a check that reads nothing finds nothing"
    assert len(check.message) > 20


def test_every_asset_reads_what_its_model_reads():
    by_key = {key: {dep.asset_key for dep in spec.deps} for key, spec in ASSETS.items()}
    for key, name in DERIVED.items():
        models = {dg.AssetKey(t.split(".")) for t in inputs(name) if t in model_names()}
        assert models <= by_key[key]
        reads_raw = any(
            t.split(".")[0] in ("raw", "latest") and f"raw.{t.split('.')[1]}" in contracts() for t in inputs(name)
        )
        assert any(k.path[0] == "raw" for k in by_key[key]) == reads_raw
    upstream, waiting = set(), list(by_key[PUBLISHED])
    while waiting:
        key = waiting.pop()
        upstream.add(key)
        waiting += by_key[key] - upstream
    assert upstream == set(ASSETS) - {PUBLISHED}, "a blocking check of any of them keeps the file unpublished"


@pytest.mark.parametrize("name", ["daily", "backfill"])
def test_both_jobs_cover_every_asset_in_this_process(name):
    job = defs.resolve_job_def(name)
    assert set(job.asset_layer.executable_asset_keys) == set(ASSETS)
    assert job.executor_def is dg.in_process_executor
    assert defs.executor is dg.in_process_executor


def test_the_instance_reports_nothing_and_runs_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    folder = prepare_instance(tmp_path)
    settings = yaml.safe_load((folder / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False}
    with dg.DagsterInstance.get() as instance:
        assert instance.root_directory == str(folder)
        assert instance.telemetry_enabled is False
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_a_configured_instance_is_taken_as_it_is_and_ones_own_is_not_mistaken_for_one(tmp_path, monkeypatch):
    configured = tmp_path / "configured"
    configured.mkdir()
    (configured / "dagster.yaml").write_text("telemetry: {enabled: false}")
    monkeypatch.setenv("DAGSTER_HOME", str(configured))
    assert prepare_instance(tmp_path / "home") == configured
    assert (configured / "dagster.yaml").read_text() == "telemetry: {enabled: false}"
    assert os.environ["DAGSTER_HOME"] == str(configured)
    assert not (tmp_path / "home").exists()

    # What another home's run has left in the environment is not the user's wish.
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_instance(tmp_path / "one")
    assert prepare_instance(tmp_path / "other") == tmp_path / "other" / "dagster"


def opened(home, together):
    together.wait()
    prepare_instance(home)
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs() == []


def test_processes_that_open_a_new_home_together_do_not_stumble_over_each_others_tables(tmp_path):
    processes = multiprocessing.get_context("spawn")
    together = processes.Barrier(3)
    started = [processes.Process(target=opened, args=(tmp_path, together)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0, 0, 0]


def test_an_edited_instance_file_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    file = prepare_instance(tmp_path) / "dagster.yaml"
    wanted = file.read_text()
    file.write_text("telemetry:\n  enabled: true\n")
    prepare_instance(tmp_path)
    assert file.read_text() == wanted


@pytest.mark.parametrize(
    ("file", "code", "banned"),
    [
        ("pipelines/sources/x.py", "import dagster\n", True),
        ("pipelines/sources/x.py", "from dagster import asset\n", True),
        ("pipelines/warehouse.py", "import dagster as dg\n", True),
        ("pipelines/store.py", "import great_expectations as gx\n", True),
        ("assets_defs/x.py", "import dagster\n", False),
        ("pipelines/jobs.py", "import dagster\n", False),
        ("pipelines/quality.py", "import great_expectations as gx\n", False),
        ("pipelines/sources/x.py", "import pandas\n", False),
    ],
)
def test_the_lint_rule_keeps_dagster_and_great_expectations_where_they_belong(file, code, banned):
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--no-cache", "--stdin-filename", file, "-"]
    project = Path(__file__).parents[1]
    found = subprocess.run(command, input=code, cwd=project, capture_output=True, text=True)
    assert found.returncode == int(banned), found.stderr
    assert ("TID251" in found.stdout) is banned


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """One sample run as Dagster runs it: its home and its events."""
    home = tmp_path_factory.mktemp("home")
    config = {"profile": "sample", "since": "2025-09-01", "as_of": "2026-03-31", "home": str(home)}
    run_config = {
        "resources": {"pipeline": {"config": config}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("daily").execute_in_process(run_config=run_config, instance=instance)
    assert result.success
    return home, result


@pytest.fixture(scope="module")
def materialized(sample):
    events = sample[1].get_asset_materialization_events()
    return {event.asset_key: event.materialization.metadata for event in events}


def test_every_asset_was_materialized(materialized):
    assert set(materialized) == set(ASSETS)


@pytest.mark.parametrize("key", DERIVED, ids=lambda key: key.to_user_string())
def test_a_materialization_says_how_many_rows_and_of_which_days(sample, materialized, key):
    file, name, metadata = sample[0] / "market.duckdb", DERIVED[key], materialized[key]
    days = [column for column, facts in contracts()[name].columns.items() if facts.type == "DATE"]
    day = days[0] if days else "null"
    ((count, first, last),) = rows(file, f"select count(*), min({day})::varchar, max({day})::varchar from {name}")
    assert metadata["dagster/row_count"].value == count
    found = [metadata[name].value if name in metadata else None for name in ("first_date", "last_date")]
    assert found == [first, last]
    assert count > 0 or name in MAY_BE_EMPTY


# Seven months of history are too short for these.
TOO_SHORT = {"marts.market_stress", "marts.realized_loss_episodes", "marts.stress_correlations"}


@pytest.mark.parametrize("key", [k for k in DERIVED if k.path[0] == "marts"], ids=lambda key: key.to_user_string())
def test_a_mart_is_drawn(materialized, key):
    if DERIVED[key] in TOO_SHORT or DERIVED[key].startswith(("marts.realized_loss_age", "marts.realized_loss_diff")):
        assert materialized[key]["plot"].value.endswith(": no rows")
        return
    words, data = re.fullmatch(
        r"!\[(.+)\]\(data:image/svg\+xml;base64,(.+)\)", materialized[key]["plot"].value
    ).groups()
    drawn = ElementTree.fromstring(b64decode(data))  # noqa: S314 - our own drawing
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0].startswith(words)
    assert "(SIMULATED)" in texts[0]
    assert len(texts) >= 3


def test_a_source_says_what_it_asked_and_wrote(sample, materialized):
    file = sample[0] / "market.duckdb"
    for source in sorted(SIMULATED):
        metadata = {name: value.value for name, value in materialized[dg.AssetKey(["raw", source])].items()}
        ((series, parsed, written),) = rows(
            file, "select count(*), sum(rows_parsed), sum(rows_written) from quality.loads where source = $1", source
        )
        assert (metadata["series"], metadata["rows_parsed"], metadata["rows_written"]) == (series, parsed, written)
        ((payloads,),) = rows(file, "select count(*) from quality.payloads where source = $1", source)
        assert metadata["payloads"] == payloads > 0
        assert metadata["series_failed"] == metadata["rows_rejected"] == 0


def test_the_published_asset_says_that_the_data_are_simulated(materialized):
    metadata = materialized[PUBLISHED]
    assert metadata["data"].value == "simulated"
    assert metadata["as_of"].value == "2026-03-31"


def test_every_check_was_evaluated_and_is_kept_in_the_published_file(sample):
    home, result = sample
    evaluated = {e.asset_check_key: e for e in result.get_asset_check_evaluations()}
    assert set(evaluated) == set(CHECKS)
    kept = dict(
        rows(home / "market.duckdb", "select table_name || '.' || check_name, passed from quality.check_results")
    )
    for check in checks():
        assert kept[f"{check.table}.{check.name}"] is True
