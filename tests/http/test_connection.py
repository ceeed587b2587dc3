"""Whose requests are spaced out, what is sent with each, and the vendor's clock."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import responses
from requests_ratelimiter import LimiterAdapter

from pipelines.sources.http import clock_skew
from tests.http.wire import MIRROR, NOW, REQUEST, URL, Canned, failure, session


def test_certificates_are_verified() -> None:
    assert session()._session.verify is True


@responses.activate
def test_only_the_vendors_own_address_is_limited() -> None:
    adapters = {}
    for name, base_url, adapter in (
        ("own", None, None),
        ("mirror", MIRROR, None),
        ("sim", None, Canned(b"1")),
    ):
        with session(base_url=base_url, adapter=adapter) as one:
            adapters[name] = one._session.get_adapter(f"{one.base_url}/x")
    kinds = {name: isinstance(adapter, LimiterAdapter) for name, adapter in adapters.items()}
    assert kinds == {"own": True, "mirror": False, "sim": False}


@responses.activate
def test_the_limit_spaces_requests() -> None:
    responses.get("https://api.test/v1/bars", json=[])
    began = datetime.now(UTC)
    with session(base_url=None) as one:
        for _ in range(60):
            one.get(REQUEST)
    assert datetime.now(UTC) - began >= timedelta(seconds=0.9)


@responses.activate
def test_the_limiter_leaves_429_to_the_retries(caplog: pytest.LogCaptureFixture) -> None:
    responses.get("https://api.test/v1/bars", status=429)
    with caplog.at_level(logging.INFO):
        failure(base_url=None)
    assert {record.name for record in caplog.records} == {"scaretrade.http"}


@responses.activate
def test_the_contact_is_sent_with_the_user_agent() -> None:
    responses.get(URL, json=[])
    session(contact="me@example.org").get(REQUEST)
    assert "me@example.org" in responses.calls[0].request.headers["User-Agent"]


def test_clock_skew_is_the_vendors_lead() -> None:
    date_header = {"Date": "Wed, 11 Feb 2026 00:30:09 GMT"}
    assert clock_skew(date_header, NOW) == timedelta(seconds=9)
    assert clock_skew({}, NOW) is None
    assert clock_skew({"Date": "yesterday"}, NOW) is None
