"""Who is told how a run gets on. Whoever works knows this shape alone; what shows it is the command line's."""

from typing import Protocol


class Watcher(Protocol):
    """Told of tasks by name, such as a source; it returns at once and raises nothing."""

    def moved(self, task: str, done: int, total: int, unit: str) -> None:
        """A task has so many of its requests, series, tables or batches behind it; `total` may still grow."""
        ...

    def doing(self, task: str, what: str) -> None:
        """What a task is at, such as a wait and its reason; empty when that is over."""
        ...


class Nobody:
    """A watcher that looks away."""

    def moved(self, task: str, done: int, total: int, unit: str) -> None:
        """Says nothing."""

    def doing(self, task: str, what: str) -> None:
        """Says nothing."""


NOBODY = Nobody()
