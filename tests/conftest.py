"""Shared fixtures: the local vendor server with real data, where it is there."""

import json
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # The library imports what Python and its own dependencies deprecate; what it does afterwards is ours to mind.
    warnings.simplefilter("ignore")
    import great_expectations.expectations  # noqa: F401

VENDORS = Path(__file__).parents[2] / "shared" / "vendors"
SOURCES = ("yahoo", "binance", "brk")


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
        return {f"SCARETRADE_{name.upper()}_URL": f"{self.url}/{name}" for name in SOURCES}


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


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    """No test sees the developer's settings or writes into the project."""
    for name in ("HOME", "PROFILE", "CONTACT", *(f"{s.upper()}_URL" for s in SOURCES)):
        monkeypatch.delenv(f"SCARETRADE_{name}", raising=False)
    monkeypatch.setenv("SCARETRADE_ENV_FILE", str(tmp_path / "none.env"))
