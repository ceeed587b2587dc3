"""What a source is: requests for a window, and a pure parse of each payload. Knows no Dagster, disk or clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import pandas as pd
import requests


class Outcome(StrEnum):
    """What a vendor's response turned out to be; `ok` and `empty` are answers, the rest are failures."""

    OK = "ok"
    EMPTY = "empty"
    NOT_FOUND = "not_found"
    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    GEO_BLOCKED = "geo_blocked"
    CHALLENGE = "challenge"
    SCHEMA_DRIFT = "schema_drift"
    TRANSIENT = "transient"


@dataclass(frozen=True)
class Series:
    """One thing a source is asked for: our symbol, the vendor's name for it, and the raw table it feeds first."""

    symbol: str
    vendor_symbol: str
    dataset: str


@dataclass(frozen=True)
class Window:
    """The days asked for, both inclusive, and the instant nothing later than is used (UTC, aware)."""

    since: date
    until: date
    now: datetime


@dataclass(frozen=True)
class Request:
    """One GET: the path below the vendor's base URL and its query, free of secrets."""

    source: str
    series: Series
    path: str
    params: Mapping[str, str]
    window: Window


class SourceError(Exception):
    """A failed request or payload, named by source, dataset and symbol, with the next step for the reader."""

    def __init__(self, outcome: Outcome, request: Request, reason: str, next_step: str) -> None:
        self.outcome, self.request, self.reason, self.next_step = outcome, request, reason, next_step
        series = request.series
        super().__init__(
            f"{request.source} {series.dataset} {series.symbol}: {outcome.value}: {reason}. Next: {next_step}"
        )


class Source(Protocol):
    """The shape of a vendor's module: copy the nearest file in this folder to add one."""

    NAME: str
    BASE_URL: str
    REQUESTS_PER_SECOND: float
    HEADERS: Mapping[str, str]
    TERMS: str

    def build_requests(self, series: Series, window: Window) -> list[Request]: ...

    def classify(self, response: requests.Response) -> Outcome: ...

    def parse(self, body: bytes, request: Request) -> dict[str, pd.DataFrame]: ...
