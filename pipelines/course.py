"""How far the asking of one source is: in requests, or in series where only answers tell of further requests."""

from collections.abc import Sequence

from pipelines.sources.base import Request, Source, is_paged
from pipelines.sources.watcher import Watcher


class Course:
    """Counts what a source has behind it, for whoever watches."""

    def __init__(self, source: Source, watcher: Watcher) -> None:
        self.name, self.watcher = source.NAME, watcher
        self.unit = "series" if is_paged(source) else "requests"
        self.done = self.total = self.behind = 0

    def expect(self, plan: Sequence[Sequence[Request]]) -> None:
        """More series are to be asked, each by its requests."""
        self.total += sum(map(self.size, plan))
        self.move(self.done)

    def answered(self) -> None:
        """One planned request has been answered."""
        if self.unit == "requests":
            self.move(self.done + 1)

    def ended(self, requests: Sequence[Request]) -> None:
        """A series is over, answered or not."""
        self.behind += self.size(requests)
        self.move(self.behind)

    def size(self, requests: Sequence[Request]) -> int:
        """What a series counts for."""
        return len(requests) if self.unit == "requests" else 1

    def move(self, done: int) -> None:
        """Tell where it stands."""
        self.done = done
        if self.total:
            self.watcher.moved(self.name, done, self.total, self.unit)
