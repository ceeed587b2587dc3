"""Answers that arrive in part or not at all, and the largest that is taken."""

from typing import Any

import pytest
import requests
import responses
from responses.registries import OrderedRegistry

from pipelines.sources.base import Outcome, SourceError
from tests.http.wire import REQUEST, URL, Canned, failure, session


@responses.activate(registry=OrderedRegistry)
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"body": requests.ConnectTimeout("slow")}, id="connect-timeout"),
        pytest.param({"body": requests.ReadTimeout("slow")}, id="read-timeout"),
        pytest.param({"body": ConnectionResetError(104, "reset")}, id="reset"),
        pytest.param({"body": requests.exceptions.ContentDecodingError("gzip")}, id="bad-gzip"),
        pytest.param({"body": '{"a": [1, 2', "content_type": "application/json"}, id="cut-off-json"),
        pytest.param({"body": "[]", "headers": {"Content-Length": "900"}}, id="short-body"),
        pytest.param({"body": ""}, id="empty-body"),
    ],
)
def test_a_broken_transfer_is_repeated(trouble: dict[str, Any]) -> None:
    responses.get(URL, **trouble)
    responses.get(URL, json={"a": 1})
    waits: list[float] = []
    assert session(waits).get(REQUEST).body == b'{"a": 1}'
    assert len(waits) == 1


def test_a_body_shorter_than_declared_is_no_answer() -> None:
    error = failure(adapter=Canned(b"[]", **{"Content-Length": "3"}))
    assert error.outcome is Outcome.TRANSIENT
    assert "2 bytes of 3 arrived" in error.reason


def test_no_network_points_to_the_offline_market() -> None:
    error = failure(base_url="http://127.0.0.1:9")
    assert error.outcome is Outcome.TRANSIENT
    assert "make run" in error.next_step
    assert "after 3 attempts" in error.reason


@pytest.mark.parametrize("base_url", ["no-scheme.test", "http://"])
def test_a_misspelt_base_url_is_named_at_once(base_url: str) -> None:
    waits: list[float] = []
    error = failure(waits, base_url=base_url)
    assert (error.next_step, waits) == ("check the base URL in .env", [])


@responses.activate
def test_an_untrusted_certificate_is_not_retried() -> None:
    responses.get(URL, body=requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"))
    waits: list[float] = []
    assert "CA bundle" in failure(waits).next_step
    assert waits == []


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_an_answer_has_a_largest_size(size: int, fits: bool) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    one = session(adapter=Canned(body), max_bytes=1000)
    if fits:
        assert one.get(REQUEST).body == body
        return
    with pytest.raises(SourceError, match="limit of 1,000 bytes") as caught:
        one.get(REQUEST)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT
