"""A loopback server that answers like the vendors from the sample market, and lets a test spoil any answer."""

import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from pipelines.settings import end_of, url_variable
from pipelines.sources import SOURCES
from pipelines.sources.sample import SAMPLE_END, SampleAdapter
from pipelines.universe import load_universe


class Tampered:
    """The server. `spoil(path, body)` returns the body to send, or (status, headers, body)."""

    def __init__(self):
        symbols = {name: {s.vendor_symbol: s.symbol for s in load_universe().series(name)} for name in SOURCES}
        self.market = SampleAdapter(symbols, end_of(SAMPLE_END))
        self.spoil = lambda path, body: body
        self.asked = []
        self.headers = defaultdict(list)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(self):
        tampered = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                tampered.answer(self)

            def log_message(self, *args):
                pass

        return Handler

    def answer(self, handler):
        path = "/" + handler.path.split("/", 2)[2]
        self.asked.append(path)
        for name, value in handler.headers.items():
            self.headers[name].append(value)
        request = requests.Request("GET", f"http://vendor{path}").prepare()
        response = self.market.send(request)
        spoiled = self.spoil(path, response.raw.read())
        status, headers, body = spoiled if isinstance(spoiled, tuple) else (response.status_code, {}, spoiled)
        handler.send_response_only(status)
        for name, value in {"Content-Type": response.headers["Content-Type"], **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def environment(self):
        port = self.server.server_address[1]
        urls = {url_variable(name): f"http://127.0.0.1:{port}/{name}" for name in SOURCES}
        return {**urls, "SCARETRADE_CONTACT": "tests@example.org"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
