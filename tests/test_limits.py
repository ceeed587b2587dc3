"""Payload limits: an answer that is larger than allowed, or would become so, is refused before it fills the memory."""

import threading
import tracemalloc
import zlib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.sources.base import Outcome, SourceError
from pipelines.sources.http import VendorSession
from tests.http.wire import REQUEST, Fake

MIB = 2**20
LIMIT = MIB
# What a refusal may take: the limit itself, copies on the way, and the library's own buffers.
ALLOWED = 8 * MIB


def zeros(wbits):
    """64 MiB of zeros in about 64 KiB; and of those, compressed again, in some hundred bytes."""
    packer, block = zlib.compressobj(9, zlib.DEFLATED, wbits), bytes(MIB)
    return b"".join([*(packer.compress(block) for _ in range(64)), packer.flush()])


GZIP, DEFLATE = 31, 15
BOMB = zeros(GZIP)
TWICE = zlib.compressobj(9, zlib.DEFLATED, GZIP)
PLAIN = bytes(64 * MIB)
BODIES = {
    "/gzip": (200, {"Content-Encoding": "gzip"}, BOMB),
    "/deflate": (200, {"Content-Encoding": "deflate"}, zeros(DEFLATE)),
    "/members": (200, {"Content-Encoding": "gzip"}, zlib.compress(bytes(MIB), 9, GZIP) * 64),
    "/twice": (200, {"Content-Encoding": "gzip, gzip"}, TWICE.compress(BOMB) + TWICE.flush()),
    "/plain": (200, {}, PLAIN),
    "/refusal": (500, {"Content-Encoding": "gzip"}, BOMB),
    "/redirect": (302, {"Location": "/end", "Content-Encoding": "gzip"}, BOMB),
    "/endless": (302, {"Location": "/end"}, PLAIN),
    "/end": (200, {}, b"[]"),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, headers, body = BODIES[self.path.partition("?")[0]]
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def asked(address, path):
    """The answer's body, and the most memory that its way here took."""
    with VendorSession(Fake(), address, max_bytes=LIMIT, sleep=lambda seconds: None) as session:
        tracemalloc.start()
        try:
            body = session.get(replace(REQUEST, path=path)).body
        except SourceError as error:
            body = error
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return body, peak


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/members", "/twice", "/plain", "/refusal"])
def test_an_answer_that_would_grow_past_the_limit_is_refused_in_little_memory(address, path):
    assert len(BODIES[path][2]) < LIMIT or path == "/plain"
    error, peak = asked(address, path)
    assert isinstance(error, SourceError)
    assert error.outcome is Outcome.SCHEMA_DRIFT
    assert f"larger than the limit of {LIMIT:,} bytes" in error.reason
    assert peak < ALLOWED


@pytest.mark.parametrize("path", ["/redirect", "/endless"])
def test_the_body_of_a_redirect_is_not_read(address, path):
    body, peak = asked(address, path)
    assert body == b"[]"
    assert peak < ALLOWED
