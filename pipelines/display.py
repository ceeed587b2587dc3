"""What a running job shows: a progress bar a source in a terminal, plain lines elsewhere, nothing when quiet."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


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
def watching(console: Console, *, quiet: bool, verbose: bool) -> Iterator[None]:
    """Show the run's log lines and its sources' progress while inside."""
    from pipelines.resources import Observer

    handler = ConsoleHandler(console)
    logger = logging.getLogger("scaretrade")
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
    before = Observer.progress
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
            Observer.progress = staticmethod(reporter(bars, quiet=quiet))
            yield
    finally:
        Observer.progress = staticmethod(before)
        logger.removeHandler(handler)


def reporter(bars: Progress, *, quiet: bool) -> Callable[[str, int, int], None]:
    """A progress callback: moves the source's bar; without a terminal, a line at its end."""
    tasks: dict[str, TaskID] = {}

    def progress(source: str, done: int, total: int) -> None:
        if bars.disable:
            if done == total and not quiet:
                logging.getLogger("scaretrade").info("%s: %d requests answered", source, total)
            return
        if source not in tasks:
            tasks[source] = bars.add_task(source, total=total)
        bars.update(tasks[source], completed=done, total=total)

    return progress
