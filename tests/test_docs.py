"""The documentation is a tested product: every command and query in it runs, every shown output is the real one."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.dictionary import dictionary, overview, where_models_run
from pipelines.query import ask
from pipelines.settings import PROJECT, Settings, base_url, url_variable
from pipelines.sources import SOURCES
from pipelines.sources.base import keys_of
from tests.conftest import SERVED

README = (PROJECT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [text for found, text in BLOCK.findall(README) if found == language]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample market's home in a folder called warehouse, and what its first run printed."""
    folder = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(main, ["run", "--profile", "sample"])
        assert result.exit_code == 0, result.output
    return folder / "warehouse", result.stdout


def test_the_shown_run_is_the_real_output(sample):
    shown, real = (text.splitlines() for text in (blocks("text")[0], sample[1]))
    assert [line.rstrip() for line in shown] == [line.rstrip() for line in real]


def test_the_shown_query_result_is_the_real_one(sample):
    (query,) = blocks("sql")
    assert blocks("text")[1].rstrip() == ask(sample[0], query).to_csv(index=False).rstrip()


@pytest.mark.parametrize("command", [c for c in "\n".join(blocks("console")).splitlines() if "scaretrade" in c])
def test_every_scaretrade_command_runs(sample, command, monkeypatch):
    if command.startswith("SCARETRADE_ENV_FILE="):
        pytest.skip("runs against the vendors' server: see test_live.py")
    monkeypatch.chdir(sample[0].parent)
    words = shlex.split(command, comments=True)
    assert words[0] == ".venv/bin/scaretrade"
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))))
def test_every_make_target_exists(target):
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert target in {line.split()[0] for line in listed.splitlines()}


def test_make_run_runs_the_sample_market(tmp_path):
    """The first of the two commands, as typed, in a folder of its own; the second is running this test."""
    command = ["make", "run", f"ARGS=--home {tmp_path}/warehouse --since 2025-09-01"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "SIMULATED" in done.stdout
    assert (tmp_path / "warehouse" / "market.duckdb").exists()


def test_environment_file_for_a_local_server_sets_every_source_that_it_serves(monkeypatch):
    monkeypatch.setenv("SCARETRADE_ENV_FILE", str(PROJECT / "docs" / "local-vendors.env"))
    assert {name: base_url(name) for name in SOURCES if base_url(name)} == {
        name: f"http://127.0.0.1:8899/{name}" for name in SERVED
    }
    assert "@" in Settings.load().contact


def variables_read():
    """Every variable of ours that the code names, and the settings' fields; the file read cannot name itself."""
    code = [file.read_text() for part in ("pipelines", "assets_defs") for file in (PROJECT / part).rglob("*.py")]
    named = set(re.findall(r'"(SCARETRADE_[A-Z_]*[A-Z])"', "\n".join(code)))
    fields = {f"SCARETRADE_{name.upper()}" for name in Settings.model_fields}
    return (named | fields) - {"SCARETRADE_ENV_FILE"}


def test_the_table_of_variables_is_complete():
    table = re.findall(r"^\| (`SCARETRADE_.+?) \|", README, re.MULTILINE)
    assert {name for row in table for name in re.findall(r"`(\w+)`", row)} == variables_read() | {"SCARETRADE_ENV_FILE"}


def test_the_example_environment_file_is_complete_and_loads(monkeypatch):
    monkeypatch.setenv("SCARETRADE_ENV_FILE", str(PROJECT / ".env.example"))
    text = (PROJECT / ".env.example").read_text()
    named = variables_read()
    keys = {key.variable for source in SOURCES.values() for key in keys_of(source)}
    urls = {url_variable(name) for name in SOURCES}
    assert named | keys | urls == set(re.findall(r"^(\w+)=", text, re.M))
    assert Settings.load() == Settings()


def test_the_table_of_tables_is_generated():
    assert overview() in README


def test_the_data_dictionary_is_generated():
    assert (PROJECT / "docs" / "tables.md").read_text() == dictionary()


def test_the_table_of_where_models_run_is_generated():
    assert where_models_run() in (PROJECT / "docs" / "spark.md").read_text()


def test_every_link_in_the_documents_leads_somewhere():
    for document in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_no_registry_host_or_home_folder_is_named():
    for lock in (path.read_text() for path in PROJECT.glob("requirements*.lock")):
        assert "://" not in lock
        assert "(/" not in lock
        assert "index" not in lock.replace("index_", "")
    assert str(Path.home()) + "/" not in README
