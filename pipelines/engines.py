"""Builds the derived tables: SQL models as they stand in `warehouse/models`, Python models as registered here."""

import logging
import time
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter

import pandas as pd

from pipelines.calendars import last_complete_session, sessions
from pipelines.contracts import Contract, contracts
from pipelines.regimes import correlation_regimes
from pipelines.settings import Run
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse, table_ddl

log = logging.getLogger("scaretrade")

# Seconds each table took to build in this process, for `--timings`.
SECONDS: dict[str, float] = {}

PythonModel = Callable[[Warehouse, Run], pd.DataFrame]


def numbered_sessions(run: Run) -> pd.DataFrame:
    """The exchange's sessions from the first day of history to the last that has ended, numbered from 1."""
    frame = sessions(run.since, last_complete_session(run.now))
    return frame.assign(session_number=range(1, len(frame) + 1))


HEADLINE_CORRELATIONS = """
select base_symbol, other_symbol, window_sessions, date, correlation, ci_low, ci_high from marts.correlations
where alignment = 'exchange_close' and method = 'pearson'
order by base_symbol, other_symbol, window_sessions, date
"""

PYTHON_MODELS: dict[str, PythonModel] = {
    "core.instruments": lambda warehouse, run: load_universe().instruments_frame(),
    "core.basket_members": lambda warehouse, run: load_universe().basket_members_frame(),
    "core.sessions": lambda warehouse, run: numbered_sessions(run),
    "marts.correlation_regimes": lambda warehouse, run: correlation_regimes(warehouse.frame(HEADLINE_CORRELATIONS)),
}


class ContractBroken(Exception):
    """A model's result does not fit its contract: a column is missing, misnamed, mistyped or null."""


def model_names() -> list[str]:
    """Every derived table in an order in which each comes after its inputs."""
    models = {name for name, c in contracts().items() if name in PYTHON_MODELS or c.sql_file.exists()}
    graph = {name: inputs(name) & models for name in sorted(models)}
    return list(TopologicalSorter(graph).static_order())


@cache
def inputs(name: str) -> frozenset[str]:
    """The tables a model reads: from its SQL, or from its contract where it is Python."""
    contract = contracts()[name]
    return frozenset(contract.inputs) if name in PYTHON_MODELS else tables_in(contract.sql_file.read_text())


@cache
def tables_in(query: str) -> frozenset[str]:
    """The schema-qualified tables a query reads."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(query, dialect="duckdb")
    return frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)


def build(warehouse: Warehouse, run: Run, name: str) -> None:
    """Replace one derived table in a transaction; raises ContractBroken and leaves the old one when it does not fit."""
    contract, started = contracts()[name], time.perf_counter()
    with warehouse.transaction():
        warehouse.execute(table_ddl(contract, f"create or replace table {name}"))
        if name in PYTHON_MODELS:
            insert_checked(warehouse, contract, PYTHON_MODELS[name](warehouse, run))
        else:
            insert_query(warehouse, contract)
    SECONDS[name] = time.perf_counter() - started
    log.info("%s built in %.2f s", name, SECONDS[name])


def insert_checked(warehouse: Warehouse, contract: Contract, frame: pd.DataFrame) -> None:
    """Insert a Python model's frame, whose columns must be exactly the contract's."""
    if set(frame.columns) != set(contract.columns):
        different = sorted(set(frame.columns) ^ set(contract.columns))
        raise ContractBroken(f"{contract.name}: columns differ from the contract: {different}")
    warehouse.insert(contract.name, frame)


def insert_query(warehouse: Warehouse, contract: Contract) -> None:
    """Insert a SQL model's rows in key order, so that readers' filters skip most of the file."""
    import duckdb

    order = ", ".join(contract.grain)
    query = contract.sql_file.read_text()
    try:
        warehouse.execute(f"insert into {contract.name} by name select * from ({query}) order by {order}")
    except (duckdb.BinderException, duckdb.ConstraintException, duckdb.ConversionException) as error:
        raise ContractBroken(f"{contract.name}: the query does not fit its contract: {error}") from error
