"""The wire: what each answer counts as, what is retried for how long, and what never leaves the module."""

import io
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
import responses
from requests.adapters import BaseAdapter
from requests_ratelimiter import LimiterAdapter
from responses.registries import OrderedRegistry

from pipelines.sources.base import Key, Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import Payload, VendorSession, classify, clock_skew, redact

NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 9), date(2026, 2, 10), NOW)
REQUEST = Request("fake", Series("ABC", "abc", "daily_bars"), "/v1/bars", {"s": "abc"}, WINDOW)
MIRROR = "https://mirror.test/fake"
URL = f"{MIRROR}/v1/bars"
PAGE = "<!DOCTYPE html><title>Maintenance</title>"


class Fake:
    """A source that adds nothing to the common rules."""

    NAME = "fake"
    BASE_URL = "https://api.test"
    REQUESTS_PER_SECOND = 50.0
    HEADERS: Mapping[str, str] = {}
    TERMS = "none"

    def build_requests(self, series: Series, window: Window) -> list[Request]:
        return [REQUEST]

    def classify(self, response: requests.Response) -> Outcome:
        return classify(response)

    def parse(self, body: bytes, request: Request) -> dict[str, pd.DataFrame]:
        return {}


class Canned(BaseAdapter):
    """Answers with one body and one set of headers, without a wire."""

    def __init__(self, body: bytes, **headers: str) -> None:
        super().__init__()
        self.body, self.headers = body, headers

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.raw = 200, request.url or "", io.BytesIO(self.body)
        response.headers.update(self.headers)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def session(waits: list[float] | None = None, base_url: str | None = MIRROR, **options: Any) -> VendorSession:
    sleep: Callable[[float], None] = (waits if waits is not None else []).append
    return VendorSession(Fake(), base_url, sleep=sleep, now=lambda: NOW, **options)


def failure(waits: list[float] | None = None, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        session(waits, **options).get(REQUEST)
    return caught.value


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


def test_certificates_are_verified() -> None:
    assert session()._session.verify is True


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


SECRETS = ("s3cr3t-value", "pa55word")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"https://x.test/a?{name}=s3cr3t-value&b=1", id=name)
        for name in ("apikey", "api_key", "apiKey", "token", "api_token", "x_cg_demo_api_key", "key", "KEY")
    ]
    + [
        pytest.param("https://me:pa55word@x.test/a", id="userinfo"),
        pytest.param("http://s3cr3t-value@x.test", id="userinfo-token"),
        pytest.param("{'Authorization': 'Token s3cr3t-value', 'b': 1}", id="header-dict"),
        pytest.param("Authorization: Bearer s3cr3t-value\nb: 1", id="header-line"),
        pytest.param("x-cg-pro-api-key: s3cr3t-value", id="key-header"),
        pytest.param("APCA-API-SECRET-KEY: s3cr3t-value", id="secret-header"),
        pytest.param("cookie=session=s3cr3t-value; b", id="cookie"),
        pytest.param('{"token": "s3cr3t-value"}', id="json"),
        pytest.param("/login?next=%2Fa%3Fapikey%3Ds3cr3t-value%26b", id="quoted-url"),
        pytest.param("Max retries exceeded with url: /a?token=s3cr3t-value (Caused by x)", id="library-text"),
    ],
)
def test_redaction_removes_secrets(text: str) -> None:
    assert not any(secret in redact(text) for secret in SECRETS)


def test_redaction_leaves_the_rest() -> None:
    text = "https://x.test/a?symbol=BTC&monkey=1&period1=5 key figures: token"
    assert redact(text) == text


@responses.activate
@pytest.mark.parametrize("status", [0, 200, 400, 403, 404, 429, 500])
def test_no_error_or_log_line_holds_a_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    base = "https://me:pa55word@mirror.test/fake"
    request = Request("fake", REQUEST.series, "/v1/bars", {"apikey": "s3cr3t-value"}, WINDOW)
    echo = '{"you asked": "/v1/bars?apikey=s3cr3t-value", "cut": '
    reset = requests.ConnectionError(f"reset: {base}/v1/bars?apikey=s3cr3t-value")
    body = echo if status else reset
    responses.get(f"{base}/v1/bars", status=status or 200, body=body, content_type="application/json")
    with caplog.at_level(logging.DEBUG, "scaretrade.http"), pytest.raises(SourceError) as caught:
        session(base_url=base).get(request)
    assert ("reset: " if status == 0 else f"HTTP {status}") in caught.value.reason
    said = f"{caught.value!r} {caught.value} {caught.value.reason} {caplog.text}"
    assert not any(secret in said for secret in SECRETS)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@responses.activate
def test_a_payloads_url_holds_no_secret() -> None:
    base = "https://me:pa55word@mirror.test/fake"
    responses.get(f"{base}/v1/bars", json=[])
    request = Request("fake", REQUEST.series, "/v1/bars", {"apikey": "s3cr3t-value"}, WINDOW)
    payload = session(base_url=base).get(request)
    assert payload.url == f"{URL.replace('//', '//***@')}?apikey=***"


@responses.activate
@pytest.mark.parametrize("said", ["{}", "{}".rjust(297), "it is {}", "x" * 295 + "{}", "\n" * 5000 + "x" * 290 + "{}"])
@pytest.mark.parametrize("secret", ["k3y/+ValueValue", "k3y%2F%2BValueValue", "k3y/%2BValueValue"])
def test_a_key_that_the_vendor_repeats_is_not_shown_whole_or_in_part(said: str, secret: str) -> None:
    responses.get(URL, status=401, body=said.format(secret), content_type="text/plain")
    error = failure(key=(Key("FAKE_KEY", header="X-Key"), "k3y/+ValueValue"))
    assert "HTTP 401" in error.reason
    assert "k3y" not in error.reason


@responses.activate
def test_what_a_vendor_says_cannot_steer_a_terminal() -> None:
    responses.get(URL, status=500, body="no\x1b]0;owned\x07 \x9b2J\r\nway\u202e", content_type="text/plain")
    assert failure(attempts=1).reason == "HTTP 500, no]0;owned 2J way"


@responses.activate
@pytest.mark.parametrize("said", ["pa55/word", "pa55%2Fword", "Basic bWU6cGE1NS93b3Jk"])
def test_a_password_in_the_address_is_hidden_like_a_key(said: str) -> None:
    base = "https://me:pa55%2Fword@mirror.test/fake"
    responses.get(f"{base}/v1/bars", status=401, body=f"'{said}' is wrong", content_type="text/plain")
    error = failure(base_url=base)
    assert responses.calls[0].request.headers["Authorization"] == "Basic bWU6cGE1NS93b3Jk"
    assert error.reason in ("HTTP 401, '***' is wrong", "HTTP 401, 'Basic ***' is wrong")


@responses.activate
def test_with_a_key_a_redirect_is_an_answer_of_its_own() -> None:
    responses.get(URL, status=302, headers={"Location": "https://elsewhere.test/"}, body="moved")
    error = failure(key=(Key("FAKE_KEY", param="token"), "k3y"))
    assert error.reason == "HTTP 302, moved"
    assert len(responses.calls) == 1


def test_an_address_that_cannot_be_sent_is_named_at_once() -> None:
    error = failure(base_url="http://me\u2026:pa55word@127.0.0.1:9")
    assert error.next_step == "check the base URL in .env"
    assert "pa55word" not in str(error)


def test_the_librarys_own_warnings_show_no_key(caplog: pytest.LogCaptureFixture) -> None:
    """It warns of a header that it cannot read, with the whole address."""
    with socket.create_server(("127.0.0.1", 0)) as listening, caplog.at_level(logging.DEBUG):
        port = listening.getsockname()[1]
        threading.Thread(target=answer_once, args=(listening,), daemon=True).start()
        payload = session(base_url=f"http://127.0.0.1:{port}", key=(Key("FAKE_KEY", param="token"), "k3y")).get(REQUEST)
    assert payload.body == b"[1]"
    assert "GET http://127.0.0.1" in caplog.text
    assert "k3y" not in caplog.text


def answer_once(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(2**16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nthis is no header\r\n\r\n[1]")


def test_clock_skew_is_the_vendors_lead() -> None:
    date_header = {"Date": "Wed, 11 Feb 2026 00:30:09 GMT"}
    assert clock_skew(date_header, NOW) == timedelta(seconds=9)
    assert clock_skew({}, NOW) is None
    assert clock_skew({"Date": "yesterday"}, NOW) is None


def test_an_adapter_stands_in_for_the_network() -> None:
    payload = session(base_url=None, adapter=Canned(json.dumps([1]).encode())).get(REQUEST)
    assert (payload.body, payload.url) == (b"[1]", "https://api.test/v1/bars?s=abc")
