"""Contract to verdict: every kind of rule, what is rejected row by row, and what refuses the whole batch."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipelines.contracts import Contract
from pipelines.quality import allowed_rejections, validate

LATEST = date(2026, 2, 5)
COLUMNS = {
    "symbol": {"type": "VARCHAR", "description": "Instrument"},
    "date": {"type": "DATE", "description": "Day"},
    "price": {"type": "DOUBLE", "description": "Above zero", "above": 0},
    "volume": {"type": "DOUBLE", "description": "At least zero", "minimum": 0, "maximum": 1000, "required": False},
    "high": {"type": "DOUBLE", "description": "Highest"},
    "low": {"type": "DOUBLE", "description": "Lowest", "required": False},
    "kind": {"type": "VARCHAR", "description": "Kind", "values": ["etf", "equity"]},
    "seen_at": {"type": "TIMESTAMP", "description": "Instant", "required": False},
}


def a_contract(**changes):
    facts = {
        "name": "raw.things",
        "description": "Things",
        "grain": ["symbol", "date"],
        "columns": COLUMNS,
        "pairs": [{"greater": "high", "lesser": "low"}],
    }
    return Contract.model_validate(facts | changes)


def rows(n=3):
    return pd.DataFrame(
        {
            "symbol": "IBM",
            "date": pd.date_range("2026-02-05", periods=n, freq="-1D"),
            "price": 1.0,
            "volume": 5.0,
            "high": 3.0,
            "low": 2.0,
            "kind": "equity",
            "seen_at": pd.Timestamp("2026-02-05 23:59"),
        }
    )


def spoilt(column, value, row=1):
    frame = rows()
    frame.loc[row, column] = value
    return frame


def test_good_rows_are_accepted_as_they_are():
    verdict = validate(a_contract(), rows(), LATEST)
    pd.testing.assert_frame_equal(verdict.accepted, rows())
    assert verdict.rejected.empty
    assert verdict.refusals == []
    assert all(outcome.passed for outcome in verdict.outcomes)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("price", None, "price is known"),
        ("symbol", None, "symbol is known"),
        ("price", 0.0, "price is above 0.0"),
        ("price", -1.0, "price is above 0.0"),
        ("volume", -0.001, "volume is at least 0.0 and at most 1000.0"),
        ("volume", 1000.001, "volume is at least 0.0 and at most 1000.0"),
        ("kind", "bond", "kind is one of ['etf', 'equity']"),
        ("high", 1.999, "high is at least low"),
        pytest.param("date", pd.Timestamp("2026-02-06"), "date is before 2026-02-06 00:00:00"),
        pytest.param("seen_at", pd.Timestamp("2026-02-06 00:00"), "seen_at is before 2026-02-06 00:00:00"),
    ],
)
def test_a_row_that_breaks_a_rule_is_rejected_with_it_and_the_others_stay(column, value, reason):
    verdict = validate(a_contract(), spoilt(column, value), LATEST)
    assert verdict.rejected["reason"].to_dict() == {1: reason}
    assert list(verdict.accepted.index) == [0, 2]
    assert verdict.refusals == []
    (failed,) = [outcome for outcome in verdict.outcomes if not outcome.passed]
    assert (failed.severity, failed.failing) == ("warning", [1])
    assert failed.message == f"{reason}: 1 of 3 rows break this"


@pytest.mark.parametrize(
    ("column", "value"),
    [("volume", None), ("volume", 0.0), ("volume", 1000.0), ("low", None), ("low", 3.0), ("seen_at", None)],
)
def test_values_on_the_bound_and_optional_nulls_are_accepted(column, value):
    verdict = validate(a_contract(), spoilt(column, value), LATEST)
    assert verdict.rejected.empty
    assert len(verdict.accepted) == 3


def test_the_last_instant_of_the_latest_day_is_accepted():
    verdict = validate(a_contract(), spoilt("seen_at", pd.Timestamp("2026-02-05 23:59:59.999999")), LATEST)
    assert verdict.rejected.empty


def test_a_maximum_alone_is_a_rule_too():
    columns = COLUMNS | {"high": {"type": "DOUBLE", "description": "Highest", "maximum": 10}}
    verdict = validate(a_contract(columns=columns), spoilt("high", 11.0), LATEST)
    assert list(verdict.rejected.index) == [1]


def repeated(**changes):
    frame = rows()
    return pd.concat([frame, frame.iloc[[1]].assign(**changes)], ignore_index=True)


def test_of_identical_repeats_the_first_is_kept():
    verdict = validate(a_contract(max_rejected_fraction=0.5), repeated(), LATEST)
    assert list(verdict.accepted.index) == [0, 1, 2]
    assert verdict.rejected["reason"].to_dict() == {3: "one row for each symbol, date"}


def test_of_contradicting_repeats_none_is_kept():
    verdict = validate(a_contract(max_rejected_fraction=0.5), repeated(price=2.0), LATEST)
    assert list(verdict.accepted.index) == [0, 2]
    assert set(verdict.rejected.index) == {1, 3}


def test_two_identical_rows_and_a_third_that_contradicts_them_are_all_rejected():
    frame = pd.concat([repeated(), rows().iloc[[1]].assign(price=9.0)], ignore_index=True)
    verdict = validate(a_contract(max_rejected_fraction=0.6), frame, LATEST)
    assert set(verdict.rejected.index) == {1, 3, 4}


def test_repeats_that_differ_only_in_where_they_came_from_are_identical():
    frame = repeated().assign(payload_id=["a", "b", "c", "d"])
    verdict = validate(a_contract(max_rejected_fraction=0.5), frame, LATEST)
    assert list(verdict.accepted.index) == [0, 1, 2]


@pytest.mark.parametrize("column", list(COLUMNS))
def test_a_missing_column_refuses_the_batch(column):
    verdict = validate(a_contract(), rows().drop(columns=column), LATEST)
    (refusal,) = verdict.refusals
    assert refusal.message == f"columns missing: {column}"
    assert verdict.rejected.empty
    assert "reason" in verdict.rejected


@pytest.mark.parametrize(
    ("fraction", "n", "allowed"),
    [(0.01, 1, 1), (0.01, 100, 1), (0.01, 199, 1), (0.01, 200, 2), (0.0, 10_000, 1), (0.5, 3, 1), (0.5, 4, 2)],
)
def test_a_fraction_of_the_rows_may_be_rejected_but_always_one(fraction, n, allowed):
    assert allowed_rejections(a_contract(max_rejected_fraction=fraction), n) == allowed


@pytest.mark.parametrize(("n_bad", "refused"), [(2, False), (3, True)])
def test_more_bad_rows_than_allowed_refuse_the_batch(n_bad, refused):
    frame = rows(200)
    frame.loc[: n_bad - 1, "price"] = 0.0
    verdict = validate(a_contract(), frame, LATEST)
    assert bool(verdict.refusals) is refused
    assert len(verdict.rejected) == n_bad
    if refused:
        assert verdict.refusals[0].message == "price is above 0.0: 3 of 200 rows break this"


def test_a_rule_of_lesser_severity_warns_however_many_rows_break_it():
    contract = a_contract(pairs=[{"greater": "high", "lesser": "low", "severity": "warning"}])
    verdict = validate(contract, rows().assign(high=1.0), LATEST)
    assert verdict.refusals == []
    assert len(verdict.rejected) == 3


def test_a_single_bad_row_leaves_an_empty_batch_that_is_not_refused():
    verdict = validate(a_contract(), rows(1).assign(price=0.0), LATEST)
    assert verdict.accepted.empty
    assert list(verdict.accepted.columns) == list(COLUMNS)
    assert len(verdict.rejected) == 1
    assert verdict.refusals == []


def test_an_empty_frame_is_refused():
    verdict = validate(a_contract(), rows(1).iloc[:0], LATEST)
    assert [refusal.name for refusal in verdict.refusals] == ["rows_expect_table_row_count_to_be_between"] or any(
        "the table is empty" in refusal.message for refusal in verdict.refusals
    )


def test_a_rule_that_cannot_be_computed_refuses_the_batch():
    verdict = validate(a_contract(), rows().assign(price="dear"), LATEST)
    assert any("price" in refusal.name and "could not be computed" in refusal.message for refusal in verdict.refusals)


def test_positions_count_from_zero_whatever_the_index_was():
    verdict = validate(a_contract(), spoilt("price", 0.0).set_axis([7, 8, 9]), LATEST)
    assert list(verdict.rejected.index) == [1]


def in_a_process(code):
    project = Path(__file__).parents[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GX_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_great_expectations_is_imported_only_to_validate_and_never_reports_home():
    code = (
        "import os, sys, pipelines.ingest, pipelines.definitions\n"
        "print('great_expectations' in sys.modules, os.environ.get('GX_ANALYTICS_ENABLED'))"
    )
    assert in_a_process(code) == ["False", "false"]
