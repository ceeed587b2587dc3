"""A world, what is logged in it, and one that has Tiingo's key."""

import logging

import pytest
import responses

from tests.ingest.vendors import tiingo
from tests.ingest.world import HIDDEN, World


@pytest.fixture
def world(tmp_path):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield World(tmp_path, wire)


@pytest.fixture
def log(caplog):
    """All that the pipeline logs."""
    caplog.set_level(logging.DEBUG, "scaretrade")
    return caplog


@pytest.fixture
def tiingo_world(world, monkeypatch):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)
    world.vendor = tiingo
    return world
