"""How the simulated vendors are asked and how they answer."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pipelines.sources.sample_market import SAMPLE_START
from pipelines.sources.sample_paths import DAY, unix


class Asked(NamedTuple):
    """A request as a simulated vendor sees it: the path's end, the query, its symbols as ours, and which world.

    Nothing that ends after `as_of` (Unix seconds) is in the answer.
    """

    tail: str
    query: Mapping[str, str]
    symbols: Mapping[str, str]
    as_of: int
    seed: int


class Answer(NamedTuple):
    """A simulated vendor's status, text and content type."""

    status: int
    body: str
    content_type: str = "application/json;charset=utf-8"


def as_json(document: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(document, separators=(",", ":")))


def completed(as_of: int, step: int) -> int:
    """How many bars of `step` seconds since the sample's start have ended."""
    return max((as_of - unix(SAMPLE_START)) // step, 0)


def whole_days(asked: Asked, first: str, last: str) -> slice:
    """The completed days of the sample between two dates of the query, both inclusive and both optional."""
    start, end = (_since_start(asked.query.get(name)) for name in (first, last))
    done = completed(asked.as_of, DAY)
    return slice(max(start or 0, 0), done if end is None else max(min(done, end + 1), 0))


def _since_start(day: str | None) -> int | None:
    return (date.fromisoformat(day[:10]) - SAMPLE_START).days if day else None
