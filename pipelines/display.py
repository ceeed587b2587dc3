"""What a running job shows: a line a source in a terminal, now and then a plain line elsewhere, nothing when quiet."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from pipelines.sources.watcher import NOBODY, Watcher

FIRST_PAUSE_S, LONGEST_PAUSE_S = 10, 300
# Tables differ too much in size for a rate to say anything.
PACED = ("requests", "series")


class ConsoleHandler(logging.Handler):
    """Log lines on the console, without disturbing a progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line; warnings in colour."""
        style = "yellow" if record.levelno >= logging.WARNING else None
        self.console.print(record.getMessage(), style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def terminal() -> Iterator[Console]:
    """A console on standard error. Dagster sends the stream's own number to a file during each step; a copy stays."""
    if not sys.stderr.isatty():
        yield Console(stderr=True)
        return
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as screen:
        yield Console(file=screen)


@contextmanager
def saying(console: Console, *, quiet: bool, verbose: bool) -> Iterator[None]:
    """Print the run's log lines while inside."""
    handler, logger = ConsoleHandler(console), logging.getLogger("scaretrade")
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def watching(console: Console, *, quiet: bool) -> Iterator[Watcher]:
    """A watcher that shows progress while inside; print no summary before it has ended."""
    if quiet or not console.is_terminal:
        yield NOBODY if quiet else Lines(logging.getLogger("scaretrade").info)
        return
    # What goes to a pipe must not be caught for the terminal.
    with Progress(*columns(), console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        yield Bars(bars)


def columns() -> list[ProgressColumn]:
    """What a line shows: the task, how far it is, its pace, and what it is at."""
    return [
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}", table_column=Column(no_wrap=True)),
        Pace(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[doing]}", table_column=Column(no_wrap=True, overflow="ellipsis"), markup=False),
    ]


class Pace(ProgressColumn):
    """Rate and remaining time; the time taken once it is done."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """The pace in words."""
        if task.finished or task.fields["unit"] not in PACED:
            return Text(f"in {clock(task.finished_time or task.elapsed or 0)}")
        if not task.speed or task.time_remaining is None:
            return Text("")
        return Text(f"{task.speed:.1f}/s, {clock(task.time_remaining)} left")


class Bars:
    """A line a task in a terminal."""

    def __init__(self, bars: Progress) -> None:
        self.bars, self.tasks = bars, dict[str, TaskID]()

    def moved(self, task: str, done: int, total: int, unit: str) -> None:
        """Move the task's bar."""
        if task not in self.tasks:
            self.tasks[task] = self.bars.add_task(task, total=total, unit=unit, doing="")
        self.bars.update(self.tasks[task], completed=done, total=total)

    def doing(self, task: str, what: str) -> None:
        """Name what the task is at."""
        if task in self.tasks:
            self.bars.update(self.tasks[task], doing=what)


class Lines:
    """A plain line for a task that takes long: after 10 s, and each time after twice the pause before."""

    def __init__(self, say: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        self.say, self.now = say, now
        self.begun, self.due = dict[str, float](), dict[str, float]()

    def moved(self, task: str, done: int, total: int, unit: str) -> None:
        """Say how far it is, if it is time to."""
        now = self.now()
        begun = self.begun.setdefault(task, now)
        if now < self.due.setdefault(task, now + FIRST_PAUSE_S):
            return
        took = now - begun
        self.due[task] = now + min(LONGEST_PAUSE_S, 2 * took)
        rate = done / took
        left = f", {rate:.1f}/s, {clock((total - done) / rate)} left" if unit in PACED and done else ""
        self.say(f"{task}: {done} of {total} {unit} in {clock(took)}{left}")

    def doing(self, task: str, what: str) -> None:
        """Waits are in the log already."""


def clock(seconds: float) -> str:
    """A time span as 0:07 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
