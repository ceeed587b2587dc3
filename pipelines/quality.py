"""Contract to Great Expectations suite to verdict on an incoming frame. The only import of Great Expectations."""

import logging
import os
import warnings
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

import pandas as pd

from pipelines.contracts import Contract, Severity

os.environ["GX_ANALYTICS_ENABLED"] = "false"
logging.getLogger("great_expectations").setLevel(logging.ERROR)
# Where pyspark is installed, Great Expectations imports all of it, also what is behind pandas; none of that is used.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)


@dataclass(frozen=True)
class CheckOutcome:
    """What one expectation found: how many rows break it and which (positions in the frame)."""

    name: str
    severity: Severity
    passed: bool
    message: str
    failing: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """The frame's fate: rows accepted, rows rejected with their reasons, and whether the whole batch is refused."""

    accepted: pd.DataFrame
    rejected: pd.DataFrame
    outcomes: list[CheckOutcome]

    @property
    def refusals(self) -> list[CheckOutcome]:
        """The failed critical expectations, for which nothing of the batch may be written."""
        return [o for o in self.outcomes if not o.passed and o.severity == "critical"]


def validate(contract: Contract, frame: pd.DataFrame, latest: date) -> Verdict:
    """Judge a frame by its contract. No row may be dated after `latest`.

    Rows that break a rule are rejected one by one; more of them than the contract allows refuse the batch whole.
    """
    frame = frame.reset_index(drop=True)
    missing = [c for c in contract.columns if c not in frame]
    if missing:
        outcome = CheckOutcome("columns", "critical", False, f"columns missing: {', '.join(missing)}")
        return Verdict(frame, frame.iloc[:0].assign(reason=""), [outcome])
    outcomes = [_outcome(contract, frame, r) for r in _run_suite(contract, frame, latest)]
    reasons = _reasons(contract, frame, outcomes)
    rejected = frame.loc[sorted(reasons)].assign(reason=[reasons[i] for i in sorted(reasons)])
    return Verdict(frame.drop(index=list(reasons)), rejected, outcomes)


def allowed_rejections(contract: Contract, n: int) -> int:
    """How many of n rows may be rejected before the batch is refused: a fraction, but always one."""
    return max(1, int(contract.max_rejected_fraction * n))


def _run_suite(contract: Contract, frame: pd.DataFrame, latest: date) -> list[Any]:
    import great_expectations as gx

    asset = _data_sources().add_or_update_pandas(contract.name).add_dataframe_asset(contract.name)
    batch = asset.add_batch_definition_whole_dataframe("incoming").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(contract.name, expectations=_expectations(contract, latest))
    result = batch.validate(suite, result_format={"result_format": "BOOLEAN_ONLY"})
    if not result.success:
        # Only a broken rule is worth the work of finding its rows.
        result = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    return list(result.results)


@cache
def _data_sources() -> Any:
    """One context a process: making one costs as much as a validation."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources


def _expectations(contract: Contract, latest: date) -> list[Any]:
    import great_expectations.expectations as gxe

    expected: list[Any] = [gxe.ExpectTableRowCountToBeBetween(min_value=1)]
    if len(contract.grain) > 1:
        expected.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=contract.grain))
    for name, column in contract.columns.items():
        if column.required:
            expected.append(gxe.ExpectColumnValuesToNotBeNull(column=name))
        if column.values:
            expected.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=column.values))
        if column.type in ("DATE", "TIMESTAMP"):
            last = pd.Timestamp(latest) + pd.Timedelta(days=1)
            expected.append(gxe.ExpectColumnValuesToBeBetween(column=name, max_value=last, strict_max=True))
        low = column.above if column.above is not None else column.minimum
        if low is not None or column.maximum is not None:
            strict = column.above is not None
            expected.append(
                gxe.ExpectColumnValuesToBeBetween(
                    column=name, min_value=low, strict_min=strict, max_value=column.maximum
                )
            )
    return expected + [_pair(gxe, p.greater, p.lesser, p.severity) for p in contract.pairs]


def _pair(gxe: Any, greater: str, lesser: str, severity: Severity) -> Any:
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=greater,
        column_B=lesser,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        severity=severity,
    )


def _outcome(contract: Contract, frame: pd.DataFrame, result: Any) -> CheckOutcome:
    """One result of Great Expectations; an expectation that could not be computed refuses the batch."""
    config = result.expectation_config
    severity: Severity = "critical" if config.severity.value == "critical" else "warning"
    name, meaning = _name(config)
    if result.success:
        return CheckOutcome(name, severity, True, meaning)
    failing = [int(i) for i in result.result.get("unexpected_index_list") or []]
    if not failing:
        return CheckOutcome(name, severity, False, f"{meaning}: could not be computed or the table is empty")
    within = len(failing) <= allowed_rejections(contract, len(frame))
    message = f"{meaning}: {len(failing)} of {len(frame)} rows break this"
    return CheckOutcome(name, "warning" if within else severity, False, message, failing)


def _name(config: Any) -> tuple[str, str]:
    kwargs = config.kwargs
    kind = config.type.removeprefix("expect_").removeprefix("column_").removeprefix("values_to_")
    columns = (
        kwargs.get("column_list")
        or [kwargs[k] for k in ("column", "column_A", "column_B") if kwargs.get(k)]
        or ["rows"]
    )
    bounds = _bounds(kwargs)
    meanings = {
        "not_be_null": f"{columns[0]} is known",
        "be_between": f"{columns[0]} is {bounds}",
        "be_in_set": f"{columns[0]} is one of {kwargs.get('value_set')}",
        "pair_values_a_to_be_greater_than_b": f"{columns[0]} is at least {columns[-1]}",
        "compound_columns_to_be_unique": f"one row for each {', '.join(columns)}",
    }
    return "_".join([*columns, kind]), meanings.get(kind, f"{kind.replace('_', ' ')} {bounds}".strip())


def _bounds(kwargs: dict[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    parts = []
    if low is not None:
        parts.append(f"{'above' if kwargs.get('strict_min') else 'at least'} {low}")
    if high is not None:
        parts.append(f"{'before' if kwargs.get('strict_max') else 'at most'} {high}")
    return " and ".join(parts)


def _reasons(contract: Contract, frame: pd.DataFrame, outcomes: list[CheckOutcome]) -> dict[int, str]:
    """Row position to the rule it broke. Of identical repeats the first row stays; of contradicting ones, none."""
    reasons: dict[int, str] = {}
    for outcome in outcomes:
        failing = outcome.failing
        if outcome.name.endswith("compound_columns_to_be_unique"):
            same = frame.duplicated(list(contract.columns), keep=False)
            first = ~frame.duplicated(list(contract.columns), keep="first")
            failing = [i for i in failing if not (same[i] and first[i] and _all_same(contract, frame, i))]
        for i in failing:
            reasons.setdefault(i, outcome.message.rpartition(": ")[0])
    return reasons


def _all_same(contract: Contract, frame: pd.DataFrame, row: int) -> bool:
    key = (frame[contract.grain] == frame.loc[row, contract.grain]).all(axis=1)
    return len(frame.loc[key, list(contract.columns)].drop_duplicates()) == 1
