"""Those who query the published file while it is replaced."""

import threading
import time

import duckdb

READ = ("core.prices", "core.returns", "marts.drawdowns", "marts.correlations", "raw.daily_bars", "quality.coverage")


def read(home):
    """The runs that one connection sees in several tables: one, unless a read is torn; none before the first run."""
    if not (home / "market.duckdb").exists():
        return set()
    with duckdb.connect(str(home / "market.duckdb"), read_only=True) as connection:
        seen = {value for (value,) in connection.execute("select value from meta where key = 'run_id'").fetchall()}
        for table in READ:
            found = connection.execute(f"select distinct published_run_id from {table}").fetchall()
            seen |= {run for (run,) in found} or {f"{table} is empty"}
    return seen


def watch(home, ended, pause_seconds):
    """Read until the event `ended` is set: how many reads there were, the runs seen, and what went wrong."""
    reads, runs, faults = 0, set(), []
    while not ended.is_set():
        try:
            seen = read(home)
        except (duckdb.Error, OSError) as error:
            faults.append(repr(error))
        else:
            reads += bool(seen)
            runs |= seen
            faults += [f"torn: {seen}"] if len(seen) > 1 else []
        time.sleep(pause_seconds)
    return reads, runs, faults


class Watcher(threading.Thread):
    """A reader in this process, while a block lasts."""

    def __init__(self, home):
        super().__init__()
        self.home, self.ended = home, threading.Event()

    def run(self):
        self.reads, self.runs, self.faults = watch(self.home, self.ended, 0.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.join()


def answer(home, ended, pause_seconds, answers):
    """A reader in a process of its own."""
    answers.put(watch(home, ended, pause_seconds))
