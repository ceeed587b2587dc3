"""What each answer counts as, and what is kept of it."""

import io
import json

import pytest
import requests
import responses

from pipelines.sources.base import Outcome
from pipelines.sources.http import Payload, classify
from tests.http.wire import PAGE, REQUEST, URL, Canned, session


def answer(status: int, body: str | bytes, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = content_type
    response.raw = io.BytesIO(body if isinstance(body, bytes) else body.encode())
    return response


@pytest.mark.parametrize(
    ("status", "body", "content_type", "outcome"),
    [
        pytest.param(200, '{"a":1}', "application/json", Outcome.OK, id="200-json"),
        pytest.param(200, "a,b\n1,2\n", "text/csv", Outcome.OK, id="200-csv"),
        pytest.param(200, PAGE, "text/html; charset=utf-8", Outcome.CHALLENGE, id="200-html"),
        pytest.param(200, " \n<html>", "application/json", Outcome.CHALLENGE, id="200-html-as-json"),
        pytest.param(200, b"\xef\xbb\xbf<html>", "text/plain", Outcome.CHALLENGE, id="200-html-after-bom"),
        pytest.param(200, '{"a":', "application/json", Outcome.TRANSIENT, id="200-cut-off"),
        pytest.param(200, "[[1,2],[3", "text/plain", Outcome.TRANSIENT, id="200-cut-off-undeclared"),
        pytest.param(200, "", "application/json", Outcome.TRANSIENT, id="200-empty"),
        pytest.param(204, "", "text/plain", Outcome.TRANSIENT, id="204"),
        pytest.param(304, "", "text/plain", Outcome.SCHEMA_DRIFT, id="304"),
        pytest.param(400, '{"msg":"bad"}', "application/json", Outcome.SCHEMA_DRIFT, id="400"),
        pytest.param(401, "{}", "application/json", Outcome.AUTH, id="401"),
        pytest.param(402, "{}", "application/json", Outcome.SCHEMA_DRIFT, id="402"),
        pytest.param(403, "{}", "application/json", Outcome.AUTH, id="403"),
        pytest.param(403, PAGE, "text/html", Outcome.CHALLENGE, id="403-html"),
        pytest.param(404, "{}", "application/json", Outcome.NOT_FOUND, id="404"),
        pytest.param(404, PAGE, "text/html", Outcome.NOT_FOUND, id="404-html"),
        pytest.param(408, "", "text/plain", Outcome.TRANSIENT, id="408"),
        pytest.param(418, "{}", "application/json", Outcome.RATE_LIMITED, id="418"),
        pytest.param(422, "{}", "application/json", Outcome.SCHEMA_DRIFT, id="422"),
        pytest.param(425, "", "text/plain", Outcome.TRANSIENT, id="425"),
        pytest.param(429, "Too Many", "text/html", Outcome.RATE_LIMITED, id="429-html"),
        pytest.param(451, "{}", "application/json", Outcome.GEO_BLOCKED, id="451"),
        pytest.param(500, "{}", "application/json", Outcome.TRANSIENT, id="500"),
        pytest.param(503, PAGE, "text/html", Outcome.TRANSIENT, id="503-html"),
        pytest.param(524, PAGE, "text/html", Outcome.TRANSIENT, id="524-html"),
    ],
)
def test_an_answer_is_classified_by_status_and_form(
    status: int, body: str | bytes, content_type: str, outcome: Outcome
) -> None:
    assert classify(answer(status, body, content_type)) is outcome


@responses.activate
def test_a_payload_is_the_body_as_it_came_with_a_few_headers() -> None:
    headers = {"ETag": 'W/"1"', "Set-Cookie": "session=secret"}
    responses.get(URL, body=b'{"a": 1}', headers=headers, content_type="application/json")
    payload = session().get(REQUEST)
    kept = {"Content-Type": "application/json", "ETag": 'W/"1"'}
    assert payload == Payload(REQUEST, f"{URL}?s=abc", 200, kept, b'{"a": 1}', Outcome.OK)


def test_an_adapter_stands_in_for_the_network() -> None:
    payload = session(base_url=None, adapter=Canned(json.dumps([1]).encode())).get(REQUEST)
    assert (payload.body, payload.url) == (b"[1]", "https://api.test/v1/bars?s=abc")
