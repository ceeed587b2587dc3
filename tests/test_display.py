"""What a run shows while it works: in a terminal, in a pipe, when quiet, and when every request is explained."""

import logging
import os
import pty
import re
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from pipelines.course import Course
from pipelines.display import Lines, clock, saying, watching
from pipelines.ingest import Ingest
from pipelines.landing import Landing
from pipelines.settings import PROJECT, Profile, Run
from pipelines.sources import bgeometrics, binance
from pipelines.sources.base import Series, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.pace import WAITS
from pipelines.warehouse import Warehouse
from tests.ingest.world import universe_of
from tests.small_runs import UNIVERSE

NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)
SINCE = date(2015, 1, 1)


class Recorder:
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.moves, self.said = [], []

    def moved(self, task, done, total, unit):
        self.moves.append((task, done, total, unit))

    def doing(self, task, what):
        self.said.append((task, what))


class Slow(BaseHTTPRequestHandler):
    """A vendor that takes 0.3 s an answer, has no rows, and refuses the second request once."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(0.3)
        self.server.asked += 1
        refused = self.server.asked == 2
        self.send_response(429 if refused else 200)
        self.send_header("Content-Length", "2")
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_):
        """Nothing on the test's own output."""


@pytest.fixture
def slow_vendor():
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.asked = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ask(url, folder, watcher):
    """Ask a vendor for eleven years of bitcoin, day by day: five requests."""
    landing, run = Landing(folder / "landing"), Run("r", Profile.LIVE, folder, SINCE, NOW, date(2026, 2, 10), False)
    landing.open()
    warehouse = Warehouse(folder / "work.duckdb")
    warehouse.prepare(run)
    universe = universe_of("binance", [("BTC", "crypto", "BTCUSDT", ["daily_bars"])])
    try:
        with VendorSession(binance, url, watcher=watcher) as session:
            return Ingest(binance, session, landing, warehouse, run, universe, watcher)()
    finally:
        warehouse.close()


@pytest.fixture
def screen():
    """A terminal of 110 columns: its console, and a function that gives all that was written to it."""
    leader, follower = pty.openpty()
    written = []
    reader = threading.Thread(target=read_all, args=(leader, written))
    reader.start()
    with os.fdopen(follower, "w") as file:
        yield Console(file=file, width=110), lambda: b"".join(written).decode()
    reader.join()


def read_all(descriptor, written):
    """Keep what is written to a terminal until its other end closes, which is an error on Linux."""
    try:
        while block := os.read(descriptor, 2**16):
            written.append(block)
    except OSError:
        os.close(descriptor)


def lines_of(text):
    """Each state of the screen's lines, without the terminal's codes."""
    return [line.strip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)) if line.strip()]


def test_a_terminal_shows_how_far_a_source_is_its_rate_what_is_left_and_why_it_waits(slow_vendor, tmp_path, screen):
    console, written = screen
    with saying(console, quiet=False, verbose=False), watching(console, quiet=False) as watcher:
        ask(slow_vendor, tmp_path, watcher)
        time.sleep(0.2)
    states = lines_of(written())
    assert any(re.search(r"^binance .* 0/5 requests", line) for line in states)
    assert any(re.search(r" [1-4]/5 requests \d\.\d/s, 0:0\d left", line) for line in states)
    assert any(line.endswith("rate_limited: waiting 1 s for attempt 2 of 5") for line in states)
    assert any(re.search(r" 5/5 requests in 0:0[2-9]", line) for line in states)


def test_a_pipe_gets_no_bars_and_nothing_of_what_is_fast(slow_vendor, tmp_path, capsys):
    console = Console(stderr=True)
    with saying(console, quiet=False, verbose=False), watching(console, quiet=False) as watcher:
        ask(slow_vendor, tmp_path, watcher)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("binance daily_bars BTC: rate_limited on attempt 1 of 5, waiting 1.0 s")


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_no_progress_anywhere(slow_vendor, tmp_path, screen, capsys, terminal):
    console = screen[0] if terminal else Console(stderr=True)
    with saying(console, quiet=True, verbose=False), watching(console, quiet=True) as watcher:
        ask(slow_vendor, tmp_path, watcher)
    time.sleep(0.1)
    said = lines_of(screen[1]() if terminal else capsys.readouterr().err)
    assert [line for line in said if "/5" in line or "requests" in line] == []


def test_verbose_explains_each_request(slow_vendor, tmp_path, capsys):
    console = Console(stderr=True)
    with saying(console, quiet=False, verbose=True), watching(console, quiet=False) as watcher:
        ask(slow_vendor, tmp_path, watcher)
    lines = [line for line in capsys.readouterr().err.splitlines() if "GET " in line]
    assert len(lines) == 6
    first, refused, again = lines[:3]
    asked = (
        rf"binance daily_bars BTC: GET {slow_vendor}/api/v3/klines\?symbol=BTCUSDT\S* for 2015-01-01 to 2026-02-10"
        r" \(first time\): "
    )
    assert re.fullmatch(asked + r"200 empty, 2 bytes in [3-9]\d\d ms", first)
    assert re.fullmatch(asked + r"429 rate_limited, 2 bytes in [3-9]\d\d ms", refused)
    assert re.fullmatch(asked + r"200 empty, 2 bytes in [3-9]\d\d ms, attempt 2", again)


def test_a_request_without_an_answer_is_explained_too(tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, "scaretrade.http"):
        ask("http://user:pa55word@127.0.0.1:9", tmp_path, Recorder())
    assert re.search(r"GET http://\*\*\*@127\.0\.0\.1:9/api\S+ for .*: transient, no answer, 0 bytes", caplog.text)
    assert "pa55word" not in caplog.text


def test_a_wait_for_the_vendors_rate_limit_is_named(monkeypatch, caplog):
    import responses

    watcher, series = Recorder(), Series("BTC", "BTCUSDT", "daily_bars")
    (request, *_) = binance.build_requests(series, Window(SINCE, date(2026, 2, 10), NOW))
    monkeypatch.setattr(binance, "REQUESTS_PER_SECOND", 2.0)
    with responses.RequestsMock() as wire, caplog.at_level(logging.DEBUG, "scaretrade.http"):
        wire.get(re.compile(re.escape(binance.BASE_URL)), body=b"[]", content_type="application/json")
        with VendorSession(binance, watcher=watcher) as session:
            for _ in range(3):
                session.get(request)
    assert [what for _, what in watcher.said if what] == [WAITS]
    assert re.search(r"bytes in \d{1,2} ms, after [01]\.\d s for its rate limit$", caplog.messages[-1])


def course(source, *plans):
    """What a watcher hears of series of so many requests, the second of which fails at once."""
    recorder = Recorder()
    counted = Course(source, recorder)
    for plan in plans:
        counted.expect(plan)
        for n, requests in enumerate(plan):
            for _ in requests if n != 1 else ():
                counted.answered()
            counted.ended(requests)
    return [(done, total, unit) for _, done, total, unit in recorder.moves]


def test_requests_are_counted_also_of_a_series_that_failed_and_of_a_second_round():
    # Two requests, then two of a series that fails at the first; the second round asks one more.
    moves = course(binance, [[1, 1], [1, 1]], [[1]])
    assert list(dict.fromkeys(moves)) == [
        (0, 4, "requests"),
        (1, 4, "requests"),
        (2, 4, "requests"),
        (4, 4, "requests"),
        (4, 5, "requests"),
        (5, 5, "requests"),
    ]


def test_series_are_counted_where_only_answers_tell_of_further_requests():
    moves = course(bgeometrics, [[1], [1], [1]])
    assert list(dict.fromkeys(moves)) == [(n, 3, "series") for n in range(4)]


def test_a_source_without_series_to_ask_has_no_line():
    assert course(binance, []) == []


def test_plain_lines_come_after_10_seconds_then_ever_more_seldom():
    said, now = [], [0.0]
    lines = Lines(said.append, lambda: now[0])
    for second in range(1001):
        now[0] = float(second)
        lines.moved("yahoo", second, 1000, "requests")
    # At 10 s; each next one twice the time so far later, at most 300 s: 10 + 20, 30 + 60, 90 + 180, 270 + 300, ...
    assert said == [
        "yahoo: 10 of 1000 requests in 0:10, 1.0/s, 16:30 left",
        "yahoo: 30 of 1000 requests in 0:30, 1.0/s, 16:10 left",
        "yahoo: 90 of 1000 requests in 1:30, 1.0/s, 15:10 left",
        "yahoo: 270 of 1000 requests in 4:30, 1.0/s, 12:10 left",
        "yahoo: 570 of 1000 requests in 9:30, 1.0/s, 7:10 left",
        "yahoo: 870 of 1000 requests in 14:30, 1.0/s, 2:10 left",
    ]


def test_tables_and_a_source_that_has_not_moved_have_no_rate():
    said, now = [], [0.0]
    lines = Lines(said.append, lambda: now[0])
    for task, done, unit in (("tables", 3, "tables"), ("sec", 0, "requests")):
        now[0] = 0.0
        lines.moved(task, 0, 9, unit)
        now[0] = 12.0
        lines.moved(task, done, 9, unit)
    assert said == ["tables: 3 of 9 tables in 0:12", "sec: 0 of 9 requests in 0:12"]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (754, "12:34"), (3661, "1:01:01")])
def test_spans_as_clocks_show_them(seconds, text):
    assert clock(seconds) == text


def in_terminal(home, *arguments):
    """What a command writes to a terminal."""
    (home.parent / "universe.yaml").write_text(UNIVERSE)
    leader, follower = pty.openpty()
    written = []
    reader = threading.Thread(target=read_all, args=(leader, written))
    reader.start()
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments, "--home", str(home)]
    environment = os.environ | {"SCARETRADE_UNIVERSE": str(home.parent / "universe.yaml"), "TERM": "xterm"}
    environment |= {"PYTHONPATH": str(PROJECT), "COLUMNS": "110"}
    done = subprocess.run(command, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    reader.join()
    text = b"".join(written).decode()
    assert done.returncode == 0, text
    return text


def test_a_run_in_a_terminal_shows_its_sources_and_tables_then_the_summary_alone_and_so_does_a_rebuild(tmp_path):
    home = tmp_path / "home"
    text = in_terminal(home, "run", "--profile", "sample", "--since", "2025-09-01")
    states = lines_of(text)
    assert any(re.search(r"^yahoo .* \d/\d requests", line) for line in states)
    # Dagster sends a step's output to a file meanwhile: the display must go on, and name the table at once.
    assert len({line for line in states if re.search(r"^tables .* \d+/\d+ tables in .*(core|marts)\.\w+$", line)}) > 3
    summary = text[text.index("Rows, as of") :]
    assert "\x1b[2K" not in summary
    assert "Published:" in summary

    states = lines_of(in_terminal(home, "rebuild", "--profile", "sample"))
    assert any(re.search(r"^rebuild .* \d/\d batches in 0:\d\d \w+$", line) for line in states)
    # No line of the result is written into the bar.
    assert [line for line in states if "payloads" in line and not re.match(r"2026-04-01 \w+: ", line)] == []
    assert len([line for line in states if "payloads" in line]) >= 4
