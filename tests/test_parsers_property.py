"""Damaged payloads: a parser gives rows of the undamaged payload or refuses, and never anything else."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import SOURCES
from pipelines.sources.base import Outcome, Request, SourceError
from tests import test_binance, test_brk, test_yahoo

KEYS = ["symbol", "date", "start_at", "metric", "taken_at", "tag", "unit", "start_date", "end_date", "accession"]
KEYS += ["model_id"]
# An entry without a date is one whose release is not known: dropping the date is a valid payload.
LOOSER = {"release_precision": "unknown"}
Path = tuple[Any, ...]
examples = settings(max_examples=250, derandomize=True, deadline=None)


@dataclass(frozen=True)
class Case:
    """A valid document and the request it answers."""

    document: Any
    request: Request

    def parse(self, body: bytes) -> dict[str, pd.DataFrame]:
        return SOURCES[self.request.source].parse(body, self.request)

    def body(self, document: Any) -> bytes:
        return document.encode() if isinstance(document, str) else json.dumps(document).encode()

    def tables(self) -> dict[str, pd.DataFrame]:
        return self.parse(self.body(self.document))


def _yahoo() -> Case:
    # Paid on another day than the dividend: a sum without one of its parts is a valid payload of its own.
    gain = {"1": {"amount": 0.5, "date": test_yahoo.TIMES[2]}}
    return Case(test_yahoo.changed("events", "capitalGains", to=gain), test_yahoo.REQUEST)


def _cases() -> Iterator[tuple[str, Case]]:
    """Every source's valid answers, as its own test module composes them."""
    yield "yahoo", _yahoo()
    yield "binance", Case(test_binance.ROWS, test_binance.DAILY)
    yield "brk", Case(test_brk.bulk(), test_brk.REQUEST)
    for name in sorted(set(SOURCES) - {"yahoo", "binance", "brk"}):
        module = import_module(f"tests.test_{name}")
        documents = getattr(module, "DOCUMENTS", None) or {"": module.DOCUMENT}
        requests = getattr(module, "REQUESTS", None) or {"": module.REQUEST}
        for dataset, document in documents.items():
            yield f"{name} {dataset}".strip(), Case(document, requests[dataset])


CASES = dict(_cases())
each_vendor = pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))


def places(node: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below the root of a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def retyped(value: Any) -> list[Any]:
    """The value in other JSON types; of numbers also the same number as a float."""
    others: list[Any] = [None, True, str(value), [value], {"value": value}, []]
    if isinstance(value, int | float):
        return [*others, float(value)]
    return others if value is None else [*others, 0, 1.5]


def damaged_text(text: str, data: st.DataObject) -> str:
    """The lines with one dropped, or with one field dropped or overwritten."""
    lines = text.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    fields = lines[at].rstrip("\r\n").split(",")
    field = data.draw(st.integers(0, len(fields) - 1))
    change = data.draw(st.sampled_from(["drop the line", "drop the field", "x", "", "1e9", "-", "[1]"]))
    if change == "drop the line":
        return "".join(lines[:at] + lines[at + 1 :])
    fields[field : field + 1] = [] if change == "drop the field" else [change]
    return "".join([*lines[:at], ",".join(fields) + "\n", *lines[at + 1 :]])


def damaged(case: Case, data: st.DataObject) -> Any:
    """The document with one place dropped or of another type."""
    if isinstance(case.document, str):
        return damaged_text(case.document, data)
    document = copy.deepcopy(case.document)
    *parents, last = data.draw(st.sampled_from(list(places(document))))
    holder = document
    for key in parents:
        holder = holder[key]
    if data.draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = data.draw(st.sampled_from(retyped(holder[last])))
    return document


def rows_or_refusal(case: Case, body: bytes) -> dict[str, pd.DataFrame] | None:
    """The tables; None for the one error a parser may raise."""
    try:
        return case.parse(body)
    except SourceError as refusal:
        outcome = refusal.outcome
    assert outcome is Outcome.SCHEMA_DRIFT
    return None


def assert_within(rows: pd.DataFrame, valid: pd.DataFrame) -> None:
    """Every row is one of the valid rows, but for values that are missing."""
    keys = [column for column in KEYS if column in valid]
    both = rows.merge(valid, on=keys, how="left", suffixes=("", " valid"), indicator=True)
    assert list(rows.columns) == list(valid.columns)
    assert list(rows.dtypes) == list(valid.dtypes)
    assert (both["_merge"] == "both").all()
    for column in valid.columns.difference(keys):
        looser = both[column] == LOOSER.get(column)
        assert (both[column].isna() | (both[column] == both[f"{column} valid"]) | looser).all(), column


@each_vendor
@examples
@given(data=st.data())
def test_damage_gives_valid_rows_or_a_refusal(case: Case, data: st.DataObject) -> None:
    body = case.body(damaged(case, data))
    tables, valid = rows_or_refusal(case, body), case.tables()
    assert tables is None or list(tables) == list(valid)
    for name, rows in (tables or {}).items():
        assert_within(rows, valid[name])


@each_vendor
@examples
@given(data=st.data())
def test_a_truncated_body_is_refused(case: Case, data: st.DataObject) -> None:
    body = case.body(case.document)
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    if isinstance(case.document, str) and cut.endswith(b"\n"):
        # A file cut between two lines is a shorter file: its rows are right, and the missing ones are late.
        cut = cut[:-1]
    with pytest.raises(SourceError, match="schema_drift"):
        case.parse(cut)


def shuffled(node: Any, data: st.DataObject) -> Any:
    """The document with the keys of its objects in another order."""
    if isinstance(node, dict):
        return {key: shuffled(node[key], data) for key in data.draw(st.permutations(list(node)))}
    return [shuffled(child, data) for child in node] if isinstance(node, list) else node


@pytest.mark.parametrize("case", [c for c in CASES.values() if "{" in str(c.document)], ids=lambda c: c.request.source)
@settings(examples, max_examples=50)
@given(data=st.data())
def test_the_order_of_keys_means_nothing(case: Case, data: st.DataObject) -> None:
    tables = case.parse(json.dumps(shuffled(case.document, data)).encode())
    for name, rows in case.tables().items():
        keys = [key for key in KEYS if key in rows]
        found, expected = (frame.sort_values(keys, ignore_index=True) for frame in (tables[name], rows))
        pd.testing.assert_frame_equal(found, expected)


@each_vendor
@examples
@given(body=st.binary(max_size=40) | st.from_regex(rb"[\[{][\[\]{}:,\"0-9a-z]{0,30}", fullmatch=True))
def test_rubbish_is_refused(case: Case, body: bytes) -> None:
    tables = rows_or_refusal(case, body) or {}
    assert all(rows.empty for rows in tables.values())
