"""One home whose wire is in the tests' hands: runs of a source follow each other on it."""

import json
import logging
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import requests
import responses

from pipelines.ingest import Ingest
from pipelines.keys import key_in_use, missing_key
from pipelines.landing import Landing
from pipelines.settings import Profile, new_run
from pipelines.sources import SOURCES
from pipelines.sources.http import VendorSession
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse

WIRE = "https://wire.test"
HIDDEN = "s3cr3t/value+1"


class World:
    """One home: runs of a source follow each other on the same warehouse and landing; the wire is in the tests' hands.

    `vendor(path, asked)` gives the answer: a document, or (status, headers, body).
    """

    def __init__(self, folder, wire):
        self.folder, self.warehouse, self.landing = folder, Warehouse(":memory:"), Landing(folder / "landing")
        self.landing.open()
        self.calls: list[requests.PreparedRequest] = []
        self.vendor: Callable = lambda path, asked: (404, {}, "{}")
        wire.add_callback(responses.GET, re.compile(f"^{WIRE}/.*"), self.answer)

    def answer(self, request):
        self.calls.append(request)
        parts = urlsplit(request.url)
        found = self.vendor(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        status, headers, body = found if isinstance(found, tuple) else (200, {}, json.dumps(found))
        if "ETag" in headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return 304, headers, ""
        return status, headers, body

    def run(self, name, instruments, as_of="2026-02-05", since="2026-01-02"):
        """One run of one source; `calls` then holds what this run asked."""
        self.calls.clear()
        source, days = SOURCES[name], [date.fromisoformat(day) for day in (as_of, since)]
        run = new_run(f"run-{as_of}-{len(list(self.landing.manifest()))}", Profile.LIVE, self.folder, *days)
        self.warehouse.prepare(run)
        with VendorSession(source, WIRE, key=key_in_use(source), sleep=lambda seconds: None) as session:
            lacking = partial(missing_key, source)
            universe = universe_of(name, instruments)
            return Ingest(source, session, self.landing, self.warehouse, run, universe, lacking=lacking)()

    def loads(self, columns="symbol, outcome"):
        """What became of the series of the last run."""
        newest = "load_id = (select max(load_id) from quality.loads)"
        return self.warehouse.rows(f"select {columns} from quality.loads where {newest} order by symbol, dataset")

    def asked(self, name):
        """A query parameter of each request of the last run."""
        return [parse_qs(urlsplit(call.url).query)[name][0] for call in self.calls]

    def symbols_asked(self):
        """The vendor symbols of the last run's requests, where the path names them."""
        return [urlsplit(call.url).path.split("/")[3] for call in self.calls]


def universe_of(source, instruments):
    """A universe of (symbol, kind, vendor symbol, datasets) asked from one source."""
    listed = {
        symbol: {
            "name": symbol,
            "kind": kind,
            "vendor_symbols": {source: vendor},
            "datasets": dict.fromkeys(datasets, source),
        }
        for symbol, kind, vendor, datasets in instruments
    }
    kinds = {kind: {} for kind in ("equity", "etf", "index", "crypto", "market")}
    return Universe.model_validate({"sources": kinds, "instruments": listed, "baskets": {}, "correlation_bases": []})


def warnings_of(log):
    return [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]


def days_from(first, n):
    return [date.fromisoformat(first) + timedelta(days=i) for i in range(n)]


DAYS = days_from("2022-06-01", 1346)  # to the 5th of February 2026
BTC = [("BTC", "crypto", "BTCUSDT", ["daily_bars"])]


def contents(warehouse):
    return warehouse.rows("select * from raw.daily_bars order by all")
