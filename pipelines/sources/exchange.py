"""One attempt at a request, as `--verbose` tells it in one line."""

import time
from dataclasses import dataclass, field
from http import HTTPStatus

from pipelines.sources.base import Request


@dataclass
class Exchange:
    """What was asked, free of secrets, and what of the answer has come so far."""

    request: Request
    address: str
    attempt: int = 1
    began: float = field(default_factory=time.monotonic)
    waited_seconds: float = 0.0
    status: int | None = None
    n_bytes: int = 0

    def told(self, outcome: str) -> str:
        """The line: series, address, days and why they are asked, what came, and how long it took."""
        request, window = self.request, self.request.window
        why = f" ({window.why})" if window.why else ""
        return (
            f"{request.source} {request.series.dataset} {request.series.symbol}: GET {self.address}"
            f" for {window.since} to {window.until}{why}: {self.came(outcome)}{self.conditions()}"
        )

    def came(self, outcome: str) -> str:
        """The answer, its size and its time; the time does not count the wait for the rate limit."""
        took = f"in {(time.monotonic() - self.began - self.waited_seconds) * 1000:.0f} ms"
        if self.status == HTTPStatus.NOT_MODIFIED:
            return f"304, unchanged, so the stored answer is used, {took}"
        answer = f"{self.status} {outcome}" if self.status else f"{outcome}, no answer"
        return f"{answer}, {self.n_bytes:,} bytes {took}"

    def conditions(self) -> str:
        """What was unusual: a wait of at least 50 ms, another attempt."""
        waited = f", after {self.waited_seconds:.1f} s for its rate limit" if self.waited_seconds >= 0.05 else ""
        return waited + (f", attempt {self.attempt}" if self.attempt > 1 else "")
