"""What a source is: requests for a window, and a pure parse of each payload. Knows no Dagster, disk or clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The days asked for, both inclusive, the instant nothing later than is used (UTC, aware), and why these days."""

    since: date
    until: date
    now: datetime
    why: str = field(default="", compare=False)


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


@dataclass(frozen=True)
class Key:
    """A secret in the environment and how it travels: in a header (`form` around it) or, if it must, in the query.

    A `base_url` is where this key is valid, if not at the vendor's usual address.
    """

    variable: str
    header: str | None = None
    form: str = "{}"
    param: str | None = None
    base_url: str | None = None


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


# What a module may say beside, and what holds where it says nothing.


def keys_of(source: Source) -> tuple[Key, ...]:
    """`KEYS`: the secrets a source can use, the best first."""
    return getattr(source, "KEYS", ())


def needed_keys(source: Source, series: Series) -> tuple[str, ...]:
    """`needs(series)`: variables of which any one must be set for this series; every key's, where it says nothing."""
    needs = getattr(source, "needs", None)
    return tuple(needs(series)) if needs else tuple(key.variable for key in keys_of(source))


def next_request(source: Source, body: bytes, request: Request) -> Request | None:
    """`next_request(body, request)`: the page after this one, where only the answer tells that there is one."""
    follow = getattr(source, "next_request", None)
    return follow(body, request) if follow else None


def is_paged(source: Source) -> bool:
    """Whether only the answers tell how many requests there are."""
    return hasattr(source, "next_request")


def datasets_of(source: Source) -> tuple[str, ...]:
    """`DATASETS`: the raw tables that a series of this source may be asked for; empty where it does not say."""
    return tuple(getattr(source, "DATASETS", ()))


def asks_whole(source: Source, dataset: str) -> bool:
    """`WHOLE`: datasets that come whole with every answer, whatever the window."""
    return dataset in getattr(source, "WHOLE", ())


def days_behind(source: Source) -> int:
    """`DAYS_BEHIND`: days after which a source's newest day is due, beyond its end."""
    return int(getattr(source, "DAYS_BEHIND", 0))


def requests_a_run(source: Source) -> int | None:
    """`REQUESTS_PER_RUN`: how many answers the vendor's hourly or daily quota leaves for one run."""
    return getattr(source, "REQUESTS_PER_RUN", None)
