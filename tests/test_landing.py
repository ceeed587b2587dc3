"""The landing: payloads as received, stored once, named by content, never half-written; and replayed from there."""

import gzip
import hashlib
import json
import resource
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import responses

from pipelines.ingest import Ingest
from pipelines.landing import CorruptPayload, DamagedManifest, Landing
from pipelines.replay import replay
from pipelines.settings import Profile, end_of, new_run
from pipelines.sources import SOURCES
from pipelines.sources.base import Request, Series, Window
from pipelines.sources.http import Payload, VendorSession
from pipelines.sources.sample import SampleAdapter
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse

FETCHED = datetime(2026, 2, 6, 12, tzinfo=UTC)
SERIES = Series("IBM", "IBM", "daily_bars")


def a_run(as_of=date(2026, 2, 5), run_id="run-1"):
    return new_run(run_id, Profile.SAMPLE, Path("unused"), as_of, date(2025, 1, 1))


def a_payload(body=b'{"a": 1}', url="https://vendor.test/path?x=1"):
    window = Window(date(2026, 1, 1), date(2026, 2, 5), end_of(date(2026, 2, 5)))
    return Payload(Request("yahoo", SERIES, "/path", {"x": "1"}, window), url, 200, {}, body)


@pytest.fixture
def landing(tmp_path):
    opened = Landing(tmp_path / "landing")
    opened.open()
    return opened


def bodies(landing):
    return sorted(landing.folder.glob("??/*.gz"))


def test_the_same_content_is_stored_once_with_a_manifest_line_each(landing):
    first = landing.store(a_payload(), a_run(), 0, FETCHED)
    written = landing.file(first.payload_id).stat().st_mtime_ns
    second = landing.store(a_payload(), a_run(), 1, FETCHED)
    assert first.payload_id == second.payload_id == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert bodies(landing) == [landing.file(first.payload_id)]
    assert landing.file(first.payload_id).stat().st_mtime_ns == written
    assert [line.sequence for line in landing.manifest()] == [0, 1]


def test_a_full_disk_leaves_no_half_line_for_the_next_to_continue(landing):
    """A series that fails does not end the run: the next one's line goes into the same file."""
    landing.store(a_payload(), a_run(), 0, FETCHED)
    manifest, before = landing.folder / "manifest" / "run-1.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (manifest.stat().st_size + 100, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            landing.store(a_payload(), a_run(), 1, FETCHED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    landing.store(a_payload(), a_run(), 2, FETCHED)
    assert [line.sequence for line in landing.manifest()] == [0, 2]


def test_a_body_comes_back_as_received(landing):
    body = bytes(range(256)) * 10 + b"\r\n"
    landed = landing.store(a_payload(body), a_run(), 0, FETCHED)
    assert landing.body(landed.payload_id) == body
    assert landed.size_bytes == len(body)


def test_the_gzip_bytes_depend_on_the_content_alone(tmp_path):
    files = []
    for name in ("one", "other"):
        landing = Landing(tmp_path / name)
        landing.open()
        landed = landing.store(a_payload(b"x" * 1000), a_run(run_id=name), 0, FETCHED)
        files.append(landing.file(landed.payload_id).read_bytes())
    assert files[0] == files[1]
    # Bytes 4 to 7 of a gzip header are the time of writing, byte 3 says whether a file name follows.
    assert files[0][3:8] == bytes(5)
    assert len(files[0]) < 1000


def remove(file):
    file.unlink()


def cut(file):
    file.write_bytes(file.read_bytes()[:-9])


def empty(file):
    file.write_bytes(b"")


def flip(position):
    def flipped(file):
        content = bytearray(file.read_bytes())
        content[position] ^= 0xFF
        file.write_bytes(content)

    flipped.__name__ = f"flip_{position}"
    return flipped


def other_content(file):
    file.write_bytes(gzip.compress(b"something else"))


def a_folder(file):
    file.unlink()
    file.mkdir()


DAMAGES = [remove, cut, empty, flip(0), flip(10), flip(14), flip(-6), flip(-1), other_content, a_folder]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_body_is_never_returned(landing, damage):
    landed = landing.store(a_payload(b"abcdefgh" * 40 + bytes(range(200))), a_run(), 0, FETCHED)
    damage(landing.file(landed.payload_id))
    with pytest.raises(CorruptPayload, match=f"payload {landed.payload_id}: "):
        landing.body(landed.payload_id)


@pytest.mark.parametrize("damage", DAMAGES[:-1], ids=lambda f: f.__name__)
def test_a_damaged_body_is_written_anew_when_the_same_content_comes_again(landing, damage):
    landed = landing.store(a_payload(b"abcdefgh" * 40 + bytes(range(200))), a_run(), 0, FETCHED)
    damage(landing.file(landed.payload_id))
    landing.store(a_payload(b"abcdefgh" * 40 + bytes(range(200))), a_run(), 1, FETCHED)
    assert landing.holds(landed.payload_id)


def test_a_torn_last_line_is_ignored_and_the_others_are_read(landing):
    for sequence in range(3):
        landing.store(a_payload(b"%d" % sequence), a_run(), sequence, FETCHED)
    (file,) = (landing.folder / "manifest").glob("*.jsonl")
    whole = file.read_text()
    for torn in (whole[:-1], whole[:-40]):
        file.write_text(torn)
        assert [line.sequence for line in landing.manifest()] == [0, 1]


def unreadable(text):
    return text[5:]


def of_a_newer_version(text):
    return text.replace('"sequence"', '"mood": 1, "sequence"')


def of_no_encoding(text):
    return "\udcff" + text


@pytest.mark.parametrize("damage", [unreadable, of_a_newer_version, of_no_encoding], ids=lambda f: f.__name__)
def test_a_damaged_line_is_an_error_that_names_its_file_not_a_gap(landing, damage):
    for sequence in range(2):
        landing.store(a_payload(), a_run(), sequence, FETCHED)
    (file,) = (landing.folder / "manifest").glob("*.jsonl")
    file.write_text(damage(file.read_text()), errors="surrogateescape")
    with pytest.raises(DamagedManifest, match=rf"{file}: .*Next: "):
        list(landing.manifest())


def test_leftovers_of_a_killed_run_are_cleared_on_open_and_all_else_stays(landing):
    landed = landing.store(a_payload(), a_run(), 0, FETCHED)
    (landing.unfinished / "abc.gz").write_bytes(b"half")
    landing.open()
    assert list(landing.unfinished.iterdir()) == []
    assert landing.body(landed.payload_id)
    assert len(list(landing.manifest())) == 1


def test_a_disk_that_fills_leaves_no_body_of_that_name(landing, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        landing.store(a_payload(), a_run(), 0, FETCHED)
    assert bodies(landing) == []
    assert list(landing.manifest()) == []


def test_the_manifest_runs_in_the_order_of_arrival_whatever_the_as_of_day(landing):
    later, earlier = a_run(date(2026, 2, 5), "a"), a_run(date(2026, 2, 4), "b")
    landing.store(a_payload(b"1"), later, 0, FETCHED)
    landing.store(a_payload(b"3"), earlier, 1, FETCHED + timedelta(seconds=9))
    landing.store(a_payload(b"2"), earlier, 0, FETCHED + timedelta(seconds=9))
    landing.store(a_payload(b"4"), later, 2, FETCHED + timedelta(seconds=10))
    found = [landing.body(line.payload_id) for line in landing.manifest()]
    assert found == [b"1", b"2", b"3", b"4"]


def test_a_manifest_line_says_all_that_a_replay_needs(landing):
    landed = landing.store(a_payload(), a_run(), 7, FETCHED)
    (line,) = landing.manifest()
    assert line == landed
    assert line.series == SERIES
    assert (line.path, line.params) == ("/path", {"x": "1"})
    assert (line.window_since, line.window_until) == ("2026-01-01", "2026-02-05")
    assert (line.known_at, line.fetched_at) == ("2026-02-06T00:00:00", "2026-02-06T12:00:00")


@responses.activate
def test_no_secret_of_an_address_reaches_the_disk(landing):
    responses.get("https://vendor.test/path", body=b"{}")
    with VendorSession(SOURCES["yahoo"], "https://vendor.test") as session:
        request = replace(a_payload().request, params={"range": "1d", "apikey": "S3CRET", "token": "S3CRET"})
        payload = session.get(request)
    landed = landing.store(payload, a_run(), 0, FETCHED)
    assert "range=1d" in landed.url
    assert "S3CRET" not in landed.url
    assert "S3CRET" not in payload.url


UNIVERSE = Universe.model_validate(
    {
        "sources": {"equity": {"daily_bars": "yahoo"}, "etf": {}, "index": {}, "crypto": {"daily_bars": "binance"}},
        "instruments": {
            "MSFT": {"name": "Microsoft", "kind": "equity"},
            "IBM": {"name": "IBM", "kind": "equity"},
        },
        "baskets": {},
        "correlation_bases": [],
    }
)


class Restating(SampleAdapter):
    """The sample market, of which one symbol's closes can be moved."""

    symbol, factor = "", 1.0

    def send(self, request, *args, **kwargs):
        response = super().send(request, *args, **kwargs)
        if f"/chart/{self.symbol}?" in request.url:
            document = json.loads(response.raw.read())
            quote = document["chart"]["result"][0]["indicators"]["quote"][0]
            for name in ("open", "high", "low", "close"):
                quote[name] = [value * self.factor for value in quote[name]]
            body = json.dumps(document).encode()
            response.raw = type(response.raw)(body)
        return response


def ingest(landing, warehouse, run, *, symbol="", factor=1.0):
    adapter = Restating({"yahoo": {s: s for s in UNIVERSE.instruments}}, run.now)
    adapter.symbol, adapter.factor = symbol, factor
    warehouse.prepare(run)
    with VendorSession(SOURCES["yahoo"], adapter=adapter) as session:
        return Ingest(SOURCES["yahoo"], session, landing, warehouse, run, UNIVERSE)()


def contents(warehouse):
    query = "select symbol, date, close, known_at, load_id from raw.daily_bars order by all"
    rejected = warehouse.rows("select symbol, reason from quality.rejected_rows order by all")
    return warehouse.rows(query), rejected


def test_a_replay_of_the_landing_gives_the_same_rows(landing):
    original, copy = Warehouse(":memory:"), Warehouse(":memory:")
    first, second = a_run(date(2026, 2, 5), "one"), a_run(date(2026, 2, 6), "two")
    ingest(landing, original, first)
    # Every close of one symbol is rewritten, so the second run asks that history whole, after its overlap.
    ingest(landing, original, second, symbol="IBM", factor=0.5)
    lines = list(landing.manifest())
    assert len([line for line in lines if line.run_id == "two" and line.symbol == "IBM"]) == 2
    for run in (first, second):
        copy.prepare(run)
        replay(SOURCES["yahoo"], landing, copy, run, [line for line in lines if line.run_id == run.run_id])
    assert len(contents(original)[0]) > 500
    assert contents(copy) == contents(original)
