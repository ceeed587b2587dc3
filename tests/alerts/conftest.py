"""A published market without data, and the channels that tell of it."""

import json
import shutil
from dataclasses import replace

import duckdb
import pytest

from pipelines import alert_channels
from pipelines.engines import model_names
from pipelines.publish import publish
from tests.alerts.situations import AS_OF, change
from tests.factories import Market


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A published market without a row of data."""
    folder = tmp_path_factory.mktemp("alerts") / "home"
    market = Market(AS_OF, since="2026-01-01").build(*model_names())
    publish(market.warehouse, replace(market.run, home=folder, run_id="run-1"), "2026-02-06T12:00:00Z")
    with duckdb.connect(str(folder / "market.duckdb")) as file:
        file.execute("delete from marts.claims")
    return folder


@pytest.fixture
def home(empty, tmp_path):
    """The same as vendors' data, in a folder that the test may fill."""
    shutil.copytree(empty, tmp_path / "home", symlinks=True)
    change(tmp_path / "home", "update meta set value = 'vendors' where key = 'data'")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waits of a receiver in trouble, shortened."""
    monkeypatch.setattr(alert_channels, "TIMEOUT_SECONDS", 2.0)


@pytest.fixture
def file(monkeypatch, tmp_path):
    """The file channel, read as it grows."""
    monkeypatch.setenv("SCARETRADE_ALERT_FILE", str(tmp_path / "told" / "alerts.jsonl"))

    def told():
        path = tmp_path / "told" / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return told


@pytest.fixture
def mail(monkeypatch):
    def to(server, user="", scheme="smtp", host="127.0.0.1"):
        monkeypatch.setenv("SCARETRADE_ALERT_SMTP_URL", f"{scheme}://{user}{host}:{server.port}")
        monkeypatch.setenv("SCARETRADE_ALERT_EMAIL_TO", "me@example.org")
        monkeypatch.setenv("SCARETRADE_ALERT_EMAIL_FROM", "scaretrade@example.org")

    return to
