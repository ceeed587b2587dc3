"""Runs of a small sample market in processes of their own, which a test may kill at any moment."""

import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import dagster as dg

import pipelines.summary  # noqa: F401 - imported once, in the process that runs are forked from
from pipelines.contracts import contracts
from pipelines.definitions import defs
from pipelines.engines import build, model_names
from pipelines.job import execute
from pipelines.publish import publish
from pipelines.resources import Pipeline
from pipelines.runner import prepare_instance
from pipelines.sources import SOURCES
from pipelines.universe import load_universe

SINCE, LAST_WEEK, TODAY = "2025-09-01", "2026-03-24", "2026-03-31"
UNIVERSE = """
sources:
  equity: {daily_bars: yahoo}
  etf: {daily_bars: yahoo}
  crypto: {daily_bars: binance}
  market: {}
instruments:
  MSFT: {name: Microsoft, kind: equity, vendor_symbols: {sec: "0000789019"}, datasets: {facts: sec}}
  IBM: {name: IBM, kind: equity}
  SPY: {name: SPDR S&P 500 ETF, kind: etf}
  QQQ: {name: Invesco QQQ, kind: etf}
  BTC:
    name: Bitcoin
    kind: crypto
    vendor_symbols: {binance: BTCUSDT, coinbase: BTC-USD}
    datasets: {hourly_bars: coinbase, onchain: brk}
baskets:
  two: {name: Two companies, members: [MSFT, IBM]}
correlation_bases: [BTC, QQQ]
loss_windows: [5]
"""

COMPARED = [n for n in contracts() if n.split(".")[0] in ("raw", "core", "marts")] + ["quality.coverage"]
PHASES = ("start", "download", "landing", "load", "core", "marts", "publish", "published")
PROCESSES = multiprocessing.get_context("forkserver")
# A run that is forked from a process with everything imported starts at once.
PROCESSES.set_forkserver_preload(["tests.conftest", "tests.small_runs"])


def config(home, as_of):
    return {"profile": "sample", "home": str(home), "since": SINCE, "as_of": as_of}


def daily(home, as_of):
    """What `scaretrade run --verbose` does."""
    sys.exit(execute(config(home, as_of), home, datetime.now(UTC), timings=False, quiet=False, verbose=True))


def launched(home, as_of):
    """What Dagster's launcher does for the UI and the schedule."""
    prepare_instance(home)
    with dg.DagsterInstance.get() as instance:
        run_config = {"resources": {"pipeline": {"config": config(home, as_of)}}}
        defs.resolve_job_def("daily").execute_in_process(run_config=run_config, instance=instance)


def steps(home, as_of):
    """The same steps one after another without Dagster, which takes most of the time of so small a market."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("scaretrade").setLevel(logging.DEBUG)
    pipeline = Pipeline(**config(home, as_of))
    context = SimpleNamespace(run=SimpleNamespace(run_id=str(uuid4())), instance=None)
    pipeline.setup_for_execution(context)
    for source in SOURCES:
        if load_universe().series(source):
            pipeline.ingest(source)()
    for name in model_names():
        build(pipeline.warehouse, pipeline.run, name)
    publish(pipeline.warehouse, pipeline.run, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    pipeline.teardown_after_execution(context)


class Running:
    """A started run: its log, how far it came, and its end."""

    def __init__(self, target, home, as_of):
        self.home, self.log = home, home.with_name(home.name + ".log")
        self.log.write_text("")
        self.before = set((home / "versions").glob("*"))
        self.process = PROCESSES.Process(target=logged, args=(target, self.log, home, as_of))
        self.process.start()

    def finish(self):
        self.process.join()
        assert self.process.exitcode == 0, self.log.read_text()

    def kill(self):
        """SIGKILL, as the kernel does when memory is short; False when the run had ended before."""
        self.process.kill()
        self.process.join()
        return self.process.exitcode == -signal.SIGKILL

    def phase(self):
        """How far it came."""
        text = self.log.read_text()
        if new := set((self.home / "versions").glob("*")) - self.before:
            return "publish" if any(v.suffix == ".unfinished" for v in new) else "published"
        if any((self.home / "sample" / "landing" / "unfinished").glob("*")):
            return "landing"
        last = re.findall(r"(GET )|requests (answered)|(core|marts)\.\w+ built", text)
        return {"GET ": "download", "answered": "load"}.get(said := "".join(last[-1]), said) if last else "start"

    def wait_for(self, phase):
        """Until it is in a phase, or past it where that was too short to be seen."""
        self.wait_until(lambda: PHASES.index(self.phase()) >= PHASES.index(phase))

    def wait_until(self, condition):
        while not condition():
            assert self.process.is_alive(), self.log.read_text()
            time.sleep(0.001)

    def children(self):
        """Processes that outlive it."""
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if str(self.home) in line or f" {self.process.pid} " in line]


def finish(target, home, as_of):
    """An uninterrupted run; its seconds."""
    started = time.monotonic()
    home.mkdir(exist_ok=True)
    Running(target, home, as_of).finish()
    return time.monotonic() - started


def logged(target, log, home, as_of):
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    target(home, as_of)


def end_group(process):
    """End a process that leads a group of its own, and all it started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def leftovers(home):
    """Files that only a run in progress may have."""
    # A database's own log of what it has yet to take in (SQLite's -wal) is no leftover: it is read when next opened.
    patterns = ("**/unfinished/*", "**/*.unfinished", "**/*.new", "**/*.tmp", "**/work.duckdb.*", "**/*-journal")
    return sorted(str(path.relative_to(home)) for pattern in patterns for path in home.glob(pattern))
