"""What is asked again, for how long, and after which wait."""

import logging

import pytest
import responses
from responses.registries import OrderedRegistry

from pipelines.sources.base import Outcome
from tests.http.wire import PAGE, REQUEST, URL, failure, session


@responses.activate(registry=OrderedRegistry)
def test_rate_limit_then_server_error_then_answer(caplog: pytest.LogCaptureFixture) -> None:
    responses.get(URL, status=429, headers={"Retry-After": "7"}, json={})
    responses.get(URL, status=503, body="busy")
    responses.get(URL, json={"a": 1})
    waits: list[float] = []
    with caplog.at_level(logging.WARNING, "scaretrade.http"):
        assert session(waits).get(REQUEST).body == b'{"a": 1}'
    assert waits[0] == 7
    assert 0 <= waits[1] <= 2
    assert [r.message.split(", waiting")[0] for r in caplog.records] == [
        "fake daily_bars ABC: rate_limited on attempt 1 of 5",
        "fake daily_bars ABC: transient on attempt 2 of 5",
    ]


@responses.activate
def test_backoff_is_jittered_and_capped() -> None:
    responses.get(URL, status=500)
    waits: list[float] = []
    error = failure(waits, attempts=40)
    assert "HTTP 500, no text (after 40 attempts)" in str(error)
    assert len(waits) == 39
    assert max(waits) <= 30
    assert len(set(waits)) == 39


@responses.activate
@pytest.mark.parametrize(
    ("header", "wait"),
    [
        pytest.param("12", 12.0, id="seconds"),
        pytest.param("120", 120.0, id="the-longest"),
        pytest.param("Wed, 11 Feb 2026 00:31:05 GMT", 65.0, id="date"),
        pytest.param("Wed, 11 Feb 2026 00:00:00 GMT", 0.0, id="past-date"),
    ],
)
def test_retry_after_is_honoured(header: str, wait: float) -> None:
    responses.get(URL, status=429, headers={"Retry-After": header})
    waits: list[float] = []
    assert failure(waits).outcome is Outcome.RATE_LIMITED
    assert waits == [wait] * 4


@responses.activate
def test_an_unreadable_retry_after_falls_back_to_the_backoff() -> None:
    responses.get(URL, status=429, headers={"Retry-After": "soon"})
    waits: list[float] = []
    failure(waits)
    assert [w <= 2**n for n, w in enumerate(waits)] == [True] * 4


@responses.activate
@pytest.mark.parametrize("header", ["121", "Wed, 11 Feb 2026 00:33:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_long_retry_after_is_given_up_with_the_time(header: str, status: int) -> None:
    responses.get(URL, status=status, headers={"Retry-After": header})
    waits: list[float] = []
    error = failure(waits)
    assert (error.outcome, waits) == (Outcome.RATE_LIMITED, [])
    assert error.next_step in ("run again after 2026-02-11 00:32 UTC", "run again after 2026-02-11 00:33 UTC")


@responses.activate
@pytest.mark.parametrize(
    ("status", "outcome", "step"),
    [
        pytest.param(400, Outcome.SCHEMA_DRIFT, "pipelines/sources/fake.py", id="400"),
        pytest.param(401, Outcome.AUTH, ".env", id="401"),
        pytest.param(404, Outcome.NOT_FOUND, "check the symbol in pipelines/universe.yaml", id="404"),
        pytest.param(418, Outcome.RATE_LIMITED, "run again later", id="418"),
        pytest.param(451, Outcome.GEO_BLOCKED, "use another source", id="451"),
    ],
)
def test_what_cannot_help_is_not_retried_and_names_the_next_step(status: int, outcome: Outcome, step: str) -> None:
    responses.get(URL, status=status, json={"msg": "vendor's words"}, headers={"Retry-After": "1"})
    waits: list[float] = []
    error = failure(waits)
    assert (error.outcome, waits) == (outcome, [])
    assert step in error.next_step
    assert "vendor's words" in error.reason


@responses.activate
def test_a_web_page_is_asked_again_twice_at_most() -> None:
    responses.get(URL, body=PAGE, content_type="text/html")
    waits: list[float] = []
    error = failure(waits)
    assert (error.outcome, len(waits)) == (Outcome.CHALLENGE, 2)


@responses.activate(registry=OrderedRegistry)
def test_a_web_page_after_other_failures_is_still_asked_again() -> None:
    for _ in range(3):
        responses.get(URL, status=502)
    responses.get(URL, body=PAGE, content_type="text/html")
    responses.get(URL, json=[])
    assert session().get(REQUEST).body == b"[]"


@responses.activate
def test_a_web_page_with_403_is_not_asked_again() -> None:
    responses.get(URL, status=403, body=PAGE, content_type="text/html")
    waits: list[float] = []
    assert (failure(waits).outcome, waits) == (Outcome.CHALLENGE, [])
