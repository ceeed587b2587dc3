"""Shared fixtures: the local vendor server with real data, where it is there."""

import json
import logging
import os
import subprocess
import sys
import urllib.request
import warnings
from multiprocessing import forkserver
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock
from hypothesis import settings

from pipelines.cli import main
from pipelines.settings import url_variable
from pipelines.sources import SOURCES
from pipelines.sources.base import keys_of

with warnings.catch_warnings():
    # The library imports what Python and its own dependencies deprecate; what it does afterwards is ours to mind.
    warnings.simplefilter("ignore")
    import great_expectations.expectations  # noqa: F401

# A developer's own Dagster is not where tests are recorded.
os.environ.pop("DAGSTER_HOME", None)

# The same cases in every run of the suite; `make fuzz` asks for more, and for other ones each time.
settings.register_profile("suite", max_examples=28, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=280, deadline=None, print_blob=True)
settings.load_profile("suite")

VENDORS = Path(__file__).parents[2] / "shared" / "vendors"
SERVED = (
    "yahoo",
    "binance",
    "coinbase",
    "brk",
    "bgeometrics",
    "coinmetrics",
    "coingecko",
    "sec",
    "fred",
    "modelsdev",
)


class VendorServer:
    """The running server: its address, and the control that moves its as-of day and sets faults."""

    def __init__(self, url):
        self.url = url

    def control(self, **changes):
        request = urllib.request.Request(f"{self.url}/__control", json.dumps(changes).encode())
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    @property
    def environment(self):
        keys = {"SCARETRADE_CONTACT": "tests@example.org", "COINGECKO_PRO_API_KEY": "any"}
        return {**{url_variable(name): f"{self.url}/{name}" for name in SERVED}, **keys}


@pytest.fixture(scope="session")
def vendor_server():
    """Real market data over HTTP; skips by name where ../shared/vendors is missing."""
    if not VENDORS.exists():
        pytest.skip("../shared/vendors is missing: real data are not tested")
    command = [sys.executable, "-u", str(VENDORS / "serve.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        yield VendorServer(line.split()[-1])
        server.terminate()


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory):
    """The sample market's home, made once for all tests of all workers that only read it.

    Since 2022: long enough for losses to be ranked.
    """
    own = tmp_path_factory.getbasetemp()
    home = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sample"
    with FileLock(f"{home}.lock"):
        if not (home / "market.duckdb").exists():
            command = ["run", "--profile", "sample", "--home", str(home), "--since", "2022-01-01", "--quiet"]
            result = CliRunner().invoke(main, command)
            assert result.exit_code == 0, result.output
    return home


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    """No test sees the developer's settings or writes into the project."""
    keys = {key.variable for source in SOURCES.values() for key in keys_of(source)}
    for name in (*os.environ, *keys):
        if name in keys or name.startswith("SCARETRADE_"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCARETRADE_ENV_FILE", str(tmp_path / "none.env"))


@pytest.fixture(autouse=True)
def own_log():
    """No test sees what an earlier run in this process has made of the pipeline's logger."""
    logger = logging.getLogger("scaretrade")
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def small_market(tmp_path_factory):
    """Runs are forked from a process that sees the universe of small_runs; so do processes started otherwise."""
    from tests.small_runs import UNIVERSE

    file = tmp_path_factory.mktemp("universe") / "universe.yaml"
    file.write_text(UNIVERSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCARETRADE_UNIVERSE", str(file))
        patch.setenv("SCARETRADE_ENV_FILE", str(file.with_name("none.env")))
        forkserver.ensure_running()
    return file
