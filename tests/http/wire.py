"""A source that adds nothing to the common rules, and sessions that ask it."""

import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests
from requests.adapters import BaseAdapter

from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession, classify

NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 9), date(2026, 2, 10), NOW)
REQUEST = Request("fake", Series("ABC", "abc", "daily_bars"), "/v1/bars", {"s": "abc"}, WINDOW)
MIRROR = "https://mirror.test/fake"
URL = f"{MIRROR}/v1/bars"
PAGE = "<!DOCTYPE html><title>Maintenance</title>"


class Fake:
    """A source that adds nothing to the common rules."""

    NAME = "fake"
    BASE_URL = "https://api.test"
    REQUESTS_PER_SECOND = 50.0
    HEADERS: Mapping[str, str] = {}
    TERMS = "none"

    def build_requests(self, series: Series, window: Window) -> list[Request]:
        return [REQUEST]

    def classify(self, response: requests.Response) -> Outcome:
        return classify(response)

    def parse(self, body: bytes, request: Request) -> dict[str, pd.DataFrame]:
        return {}


class Canned(BaseAdapter):
    """Answers with one body and one set of headers, without a wire."""

    def __init__(self, body: bytes, **headers: str) -> None:
        super().__init__()
        self.body, self.headers = body, headers

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.raw = 200, request.url or "", io.BytesIO(self.body)
        response.headers.update(self.headers)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def session(waits: list[float] | None = None, base_url: str | None = MIRROR, **options: Any) -> VendorSession:
    sleep: Callable[[float], None] = (waits if waits is not None else []).append
    return VendorSession(Fake(), base_url, sleep=sleep, now=lambda: NOW, **options)


def failure(waits: list[float] | None = None, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        session(waits, **options).get(REQUEST)
    return caught.value
