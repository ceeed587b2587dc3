"""Keys and passwords never leave the module, wherever a vendor or a library repeats them."""

import logging
import socket
import threading

import pytest
import requests
import responses

from pipelines.sources.base import Key, Request, SourceError
from pipelines.sources.http import redact
from tests.http.wire import REQUEST, URL, WINDOW, failure, session

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
