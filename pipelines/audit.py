"""Checks on the built tables before they are published: contracts' keys and bounds, and the questions in `checks/`."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import pandas as pd

from pipelines.batch import Batch
from pipelines.contracts import Contract, contracts
from pipelines.engines import model_names, tables_in
from pipelines.quality import CheckOutcome
from pipelines.settings import PROJECT, Run
from pipelines.warehouse import Warehouse

CHECKS = PROJECT / "warehouse" / "checks"
# Critical stops publication; an error is a fault that waiting for it would not mend; a warning may be none.
Severity = Literal["critical", "error", "warning"]
SEVERITIES: dict[str, Severity] = {severity: severity for severity in get_args(Severity)}


@dataclass(frozen=True)
class Check:
    """A query that returns the rows that break a rule."""

    name: str
    table: str
    severity: Severity
    message: str
    query: str

    @property
    def inputs(self) -> frozenset[str]:
        """The tables its query reads."""
        return tables_in(self.query)


@dataclass(frozen=True)
class CheckResult:
    """What a check found."""

    name: str
    table: str
    severity: Severity
    passed: bool
    n_failing: int
    message: str
    sample: str | None = None


@cache
def checks() -> tuple[Check, ...]:
    """Every check on derived tables."""
    derived = [contracts()[name] for name in model_names()]
    return tuple(
        [keeps_contract(c) for c in derived]
        + [read_check(path.stem, path.read_text()) for path in sorted(CHECKS.glob("*.sql"))]
    )


def checks_of(table: str) -> list[Check]:
    """The checks of one table."""
    return [check for check in checks() if check.table == table]


def read_check(name: str, text: str) -> Check:
    """A check from its file: `-- key: value` lines for table, severity and message, then the query."""
    header = dict(line[3:].split(": ", 1) for line in text.splitlines() if line.startswith("-- "))
    return Check(name, header["table"], SEVERITIES[header["severity"]], header["message"], text)


def keeps_contract(contract: Contract) -> Check:
    """One row for each key, and every value within the contract's bounds and value lists."""
    key = contract.quoted_grain
    rules = [rule for name in contract.columns for rule in broken_bounds(contract, name)]
    query = (
        f"select {key}, 'several rows of this key' as fault from {contract.name} group by {key} having count(*) > 1"
        f" union all select {key}, 'a value out of bounds' as fault from {contract.name}"
        f" where {' or '.join(rules) or 'false'}"
    )
    message = f"One row for each {', '.join(contract.grain)}, every value within the contract's bounds"
    return Check("keeps_contract", contract.name, "critical", message, query)


def broken_bounds(contract: Contract, name: str) -> list[str]:
    """SQL conditions under which a column's value breaks its contract."""
    column = contract.columns[name]
    rules = [
        f'"{name}" {operator} {bound}'
        for operator, bound in (("<", column.minimum), (">", column.maximum), ("<=", column.above))
        if bound is not None
    ]
    if column.type == "DOUBLE":
        rules.append(f'isnan("{name}")')
    if column.values:
        rules.append(f'"{name}" not in ({", ".join(repr(v) for v in column.values)})')
    return rules


def run_check(warehouse: Warehouse, check: Check) -> CheckResult:
    """Run one check, counting and sampling the rows that break it."""
    failing = warehouse.frame(f"select * from ({check.query}) limit 1001")
    n = len(failing)
    if n == 1001:
        n = int(warehouse.scalar(f"select count(*) from ({check.query})"))
    sample = failing.head(5).to_json(orient="records", date_format="iso") if n else None
    return CheckResult(check.name, check.table, check.severity, n == 0, n, check.message, sample)


def from_outcome(source: str, table: str, outcome: CheckOutcome) -> CheckResult:
    """The result of an expectation on an incoming frame, in the same shape."""
    n = len(outcome.failing)
    sample = json.dumps({"rows": outcome.failing[:5]}) if n else None
    name = f"{source}_{outcome.name}"
    return CheckResult(name, table, outcome.severity, outcome.passed, n, outcome.message, sample)


def answered(batch: Batch) -> CheckResult:
    """Whether every series of a source gave an answer."""
    names = [f"{load.series.symbol}: {load.outcome}" for load in batch.failures]
    return CheckResult(
        f"{batch.source}_every_series_answered",
        "quality.loads",
        "warning",
        not names,
        len(names),
        "Series without an answer in this run; quality.loads has each one's reason and next step",
        json.dumps(names) if names else None,
    )


def record(warehouse: Warehouse, run: Run, results: list[CheckResult]) -> None:
    """Keep results in `quality.check_results`; a repeated check of the same run replaces its former result."""
    if not results:
        return
    rows = pd.DataFrame(
        {
            "run_id": run.run_id,
            "check_name": r.name,
            "table_name": r.table,
            "severity": r.severity,
            "passed": r.passed,
            "n_failing": r.n_failing,
            "message": r.message,
            "sample": r.sample,
            "checked_at": run.now.replace(tzinfo=None),
        }
        for r in results
    )
    warehouse.connection.register("incoming", rows)
    warehouse.execute("insert or replace into quality.check_results by name select * from incoming")
    warehouse.connection.unregister("incoming")
