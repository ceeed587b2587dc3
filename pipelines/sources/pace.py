"""A vendor's rate limit, which says when it makes a request wait and for how long it did."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests_ratelimiter import LimiterAdapter

WAITS = "waiting for its rate limit"


class Pace(LimiterAdapter):
    """The library's limiter, whose own waits are silent. `told` hears what it is at, empty once it goes on."""

    def __init__(self, per_second: float, told: Callable[[str], None]) -> None:
        super().__init__(per_second=per_second)
        self.told, self.waited_seconds = told, 0.0

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send when the limit allows."""
        began, host = time.monotonic(), urlsplit(request.url or "").netloc
        if not self.limiter.try_acquire(host, blocking=False):
            self.told(WAITS)
            self.limiter.try_acquire(host)
            self.told("")
        self.waited_seconds = time.monotonic() - began
        return HTTPAdapter.send(self, request, *args, **options)
