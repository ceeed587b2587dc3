"""From a damaged payload into the tables: every stored row is one of the undamaged payload, and all others are named.

`make fuzz` runs the same with ten times as many cases, and other ones every time.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.batch import Batch, SeriesLoad
from pipelines.contracts import contracts
from pipelines.settings import Profile, Run
from pipelines.store import BatchRefused, store
from pipelines.warehouse import Warehouse
from tests.test_parsers_property import CASES, assert_within, damaged, damaged_text, places, rows_or_refusal

PAYLOAD = "the payload"
FILLED = sorted({f"raw.{table}" for case in CASES.values() for table in case.tables()})
# Finding the row that broke a rule takes several times as long as finding that none did.
fewer = settings(max_examples=settings.default.max_examples // 7)
each_vendor = pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))


class Loaded:
    """What became of a payload's rows in a warehouse that held nothing before."""

    def __init__(self, request, tables):
        self.tables, window = tables, request.window
        self.run = Run("fuzz", Profile.LIVE, Path("unused"), window.since, window.now, window.now.date(), is_now=True)
        self.warehouse = emptied(self.run)
        batch = Batch(request.source, self.run)
        self.fate = batch.loads[request.series] = SeriesLoad(request.series, window)
        batch.add(request.series, tables, PAYLOAD)
        self.was_refused = False
        try:
            store(self.warehouse, batch)
        except BatchRefused:
            self.was_refused = True
        self.rejected = self.warehouse.rows("select payload_id, reason, row_json from quality.rejected_rows")

    def stored(self, name):
        """The rows of a raw table, in the types of the parsed ones."""
        like = self.tables[name]
        columns = ", ".join(like.columns)
        return self.warehouse.frame(f"select {columns} from raw.{name} order by all").astype(like.dtypes.to_dict())

    def assert_accounted(self):
        """No parsed row is lost without a word: it is stored, running, or quarantined with payload and reason."""
        stored = sum(len(self.stored(name)) for name in self.tables)
        assert self.fate.parsed == sum(map(len, self.tables.values()))
        if self.was_refused:
            assert stored == 0
        else:
            assert (self.fate.written, self.fate.rejected) == (stored, len(self.rejected))
            assert stored + len(self.rejected) + self.fate.running == self.fate.parsed
        assert all(payload == PAYLOAD and reason and json.loads(row) for payload, reason, row in self.rejected)


@cache
def warehouse_in_memory():
    return Warehouse(":memory:")


def emptied(run):
    """A warehouse of which only the raw rows and the bookkeeping are made anew: the rest costs more than a load."""
    warehouse = warehouse_in_memory()
    if not warehouse.tables():
        warehouse.prepare(run)
    for table in (*FILLED, "quality.loads", "quality.rejected_rows"):
        warehouse.execute(f"delete from {table}")
    return warehouse


def damaged_once_or_twice(case, data):
    """The document with one place dropped or of another type, and perhaps another one dropped."""
    document = damaged(case, data)
    if data.draw(st.booleans()):
        return document
    if isinstance(document, str):
        return damaged_text(document, data) if document else document
    *parents, last = data.draw(st.sampled_from([*places(document)] or [()])) or [None]
    holder = document
    for key in parents:
        holder = holder[key]
    if last is not None:
        del holder[last]
    return document


@each_vendor
@given(data=st.data())
def test_what_is_stored_of_a_damaged_payload_stands_in_the_undamaged_one(case, data):
    tables = rows_or_refusal(case, case.body(damaged_once_or_twice(case, data)))
    if tables is None:
        return
    loaded = Loaded(case.request, tables)
    loaded.assert_accounted()
    for name, valid in case.tables().items():
        assert_within(loaded.stored(name), valid)


@cache
def accepted(case_id):
    """The undamaged payload's tables with the rows that are stored of them."""
    case = CASES[case_id]
    loaded = Loaded(case.request, case.tables())
    return {name: rows for name in loaded.tables if len(rows := loaded.stored(name))}


def wrong_values(contract):
    """Column to values that its contract does not allow."""
    found = {}
    for name, column in contract.columns.items():
        values = [np.nan] if column.type == "DOUBLE" and column.required else []
        values += [pd.Timestamp("2200-01-01")] if column.type in ("DATE", "TIMESTAMP") else []
        values += ["no such value"] if column.values else []
        values += [column.above, column.above - 1, -np.inf] if column.above is not None else []
        values += [column.minimum - 1, -np.inf] if column.minimum is not None else []
        values += [column.maximum + 1, np.inf] if column.maximum is not None else []
        if values:
            found[name] = values
    return found


def with_a_wrong_value(contract, rows, at, data):
    """The rows with one value that breaks a rule."""
    wrong = wrong_values(contract)
    column = data.draw(st.sampled_from(sorted(wrong)))
    spoilt = rows.copy()
    spoilt.loc[at, column] = data.draw(st.sampled_from(wrong[column]))
    return spoilt


def with_a_contradiction(contract, rows, at, data):
    """The rows, with one of them said again with another value."""
    numbers = [name for name in contract.value_columns if contract.columns[name].type == "DOUBLE"]
    again = rows.loc[[at]].copy()
    again[data.draw(st.sampled_from(numbers))] = 0.5 + data.draw(st.integers(2**20, 2**21))
    return pd.concat([rows, again], ignore_index=True)


@pytest.mark.parametrize("case_id", list(CASES))
@fewer
@given(data=st.data())
def test_a_spoilt_row_is_not_stored_and_every_other_is(case_id, data):
    tables = dict(accepted(case_id))
    name = data.draw(st.sampled_from(sorted(tables)))
    good = tables[name]
    at = data.draw(st.integers(0, len(good) - 1))
    ways = [with_a_wrong_value, with_a_contradiction] if name != "model_releases" else [with_a_wrong_value]
    tables[name] = data.draw(st.sampled_from(ways))(contracts()[f"raw.{name}"], good, at, data)
    loaded = Loaded(CASES[case_id].request, tables)
    loaded.assert_accounted()
    assert loaded.rejected
    others = good.drop(index=at)
    assert len(loaded.stored(name)) == (0 if loaded.was_refused else len(others))
    assert_within(loaded.stored(name), others)


def test_there_are_as_many_cases_as_promised():
    assert len(CASES) * (settings.default.max_examples + fewer.max_examples) >= 500
