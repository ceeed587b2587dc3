"""Builds the derived tables: SQL models as they stand in `warehouse/models`, Python models as registered here."""

import logging
import time
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter

import pandas as pd

from pipelines.breaks import BLOCK_CORRELATIONS, correlation_breaks
from pipelines.calendars import last_complete_session, sessions
from pipelines.contracts import Contract, contracts
from pipelines.correlations import BENCHMARK_PAIRS, alternative_correlations
from pipelines.event_studies import EVENT_RETURNS, MARKET, event_studies
from pipelines.growing import Lack, keep_rows_before, lack_of, make_room, note_made, only_lacking, rows_before
from pipelines.market_stress import STRESS_COMPONENTS, market_stress
from pipelines.published_file import closed_copy
from pipelines.regimes import correlation_regimes
from pipelines.settings import Run
from pipelines.sql_engine import DUCKDB, Engine
from pipelines.stress import STRESS_LEGS, stress_correlations
from pipelines.universe import load_universe
from pipelines.vendors import sources_frame
from pipelines.warehouse import Warehouse, table_ddl

log = logging.getLogger("scaretrade")

# Seconds each table took to build in this process, for `--timings`.
SECONDS: dict[str, float] = {}

PythonModel = Callable[[Warehouse, Run], pd.DataFrame]


def numbered_sessions(run: Run) -> pd.DataFrame:
    """The exchange's sessions from the first day of history to the last that has ended, numbered from 1."""
    frame = sessions(run.since, last_complete_session(run.now))
    return frame.assign(session_number=range(1, len(frame) + 1))


def shipped_events(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """The hand-checked events that had happened by the run's day."""
    from pipelines.events import SEED_FILE, events_frame

    return events_frame(SEED_FILE, warehouse.frame("select * from core.sessions"), run.as_of)


SESSION_DATES = "select date from core.sessions order by date"


def studied_events(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """Event studies of the universe's symbols and windows."""
    universe = load_universe()
    returns = warehouse.frame(EVENT_RETURNS, [[*universe.event_symbols, MARKET]])
    events = warehouse.frame("select * from core.events order by session_date, event_id")
    sessions = warehouse.frame(SESSION_DATES)["date"]
    return event_studies(returns, events, sessions, universe.event_symbols, universe.event_windows)


def measured_windows(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """The claims' figures in other windows than the stated ones."""
    from pipelines.claim_queries import readable_tables
    from pipelines.claims import load_claims
    from pipelines.ledger import claim_windows

    with closed_copy(warehouse, run, readable_tables(), fresh=True) as published:
        return claim_windows(published, load_claims(), run.as_of)


def judged_claims(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """The verdicts on the claims, which say so where the data are simulated."""
    from pipelines.claim_queries import readable_tables
    from pipelines.claims import load_claims
    from pipelines.ledger import claims_ledger

    windows = warehouse.frame("select * from marts.claim_windows")
    remark = "Simulated data. " if run.is_simulated else ""
    with closed_copy(warehouse, run, readable_tables()) as published:
        return claims_ledger(published, load_claims(), windows, run.as_of, remark)


HEADLINE_CORRELATIONS = """
select base_symbol, other_symbol, window_sessions, date, correlation, ci_low, ci_high from marts.correlations
where alignment = 'exchange_close' and method = 'pearson'
order by base_symbol, other_symbol, window_sessions, date
"""

PYTHON_MODELS: dict[str, PythonModel] = {
    "core.instruments": lambda warehouse, run: load_universe().instruments_frame(),
    "core.basket_members": lambda warehouse, run: load_universe().basket_members_frame(),
    "core.loss_windows": lambda warehouse, run: load_universe().loss_windows_frame(),
    "core.correlation_windows": lambda warehouse, run: load_universe().correlation_windows_frame(),
    "core.price_levels": lambda warehouse, run: load_universe().price_levels_frame(),
    "core.named_episodes": lambda warehouse, run: load_universe().named_episodes_frame(),
    "core.sessions": lambda warehouse, run: numbered_sessions(run),
    "core.events": lambda warehouse, run: shipped_events(warehouse, run),
    "quality.sources": lambda warehouse, run: sources_frame(),
    "core.alternative_correlations": lambda warehouse, run: alternative_correlations(
        warehouse.frame(BENCHMARK_PAIRS), [w for (w,) in warehouse.rows("select * from core.correlation_windows")]
    ),
    "marts.correlation_breaks": lambda warehouse, run: correlation_breaks(warehouse.frame(BLOCK_CORRELATIONS)),
    "marts.correlation_regimes": lambda warehouse, run: correlation_regimes(warehouse.frame(HEADLINE_CORRELATIONS)),
    "marts.event_studies": lambda warehouse, run: studied_events(warehouse, run),
    "marts.market_stress": lambda warehouse, run: market_stress(
        warehouse.frame(STRESS_COMPONENTS), warehouse.frame(SESSION_DATES)["date"]
    ),
    "marts.stress_correlations": lambda warehouse, run: stress_correlations(
        warehouse.frame(STRESS_LEGS), warehouse.frame("select * from core.named_episodes")
    ),
    "marts.claim_windows": lambda warehouse, run: measured_windows(warehouse, run),
    "marts.claims": lambda warehouse, run: judged_claims(warehouse, run),
}


class ContractBroken(Exception):
    """A model's result does not fit its contract: a column is missing, misnamed, mistyped or null."""


def model_names() -> list[str]:
    """Every derived table in an order in which each comes after its inputs."""
    models = {name for name, c in contracts().items() if name in PYTHON_MODELS or c.sql_file.exists()}
    graph = {name: sorted(inputs(name) & models) for name in sorted(models)}
    return list(TopologicalSorter(graph).static_order())


def last_models() -> list[str]:
    """Derived tables that no other reads: through them, all are upstream of what is published."""
    read = {table for name in model_names() for table in inputs(name)}
    return [name for name in model_names() if name not in read]


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


@cache
def upstream(name: str) -> frozenset[str]:
    """Everything a model is made of, read by itself or through others; of a view of what is known, its raw table."""
    read = {table.replace("latest.", "raw.") for table in inputs(name)}
    return frozenset(read).union(*(upstream(table) for table in read & set(model_names())))


def build(warehouse: Warehouse, run: Run, name: str, engine: Engine = DUCKDB) -> None:
    """Make one derived table in a transaction; raises ContractBroken and leaves the old one when it does not fit."""
    contract, started = contracts()[name], time.perf_counter()
    with warehouse.transaction():
        lack = lack_of(warehouse, run, contract, upstream(name)) if engine is DUCKDB else None
        if lack:
            make_room(warehouse, contract, lack)
        else:
            warehouse.execute(table_ddl(contract, f"create or replace table {name}"))
        if name in PYTHON_MODELS:
            insert_checked(warehouse, contract, PYTHON_MODELS[name](warehouse, run))
        else:
            insert_query(warehouse, contract, engine, lack)
        # What another engine made agrees to nine digits, which is not enough to go on from.
        if engine is DUCKDB:
            note_made(warehouse, run, contract, upstream(name))
    SECONDS[name] = time.perf_counter() - started
    log.debug("%s built in %.2f s", name, SECONDS[name])


def insert_checked(warehouse: Warehouse, contract: Contract, frame: pd.DataFrame) -> None:
    """Insert a Python model's frame, whose columns must be exactly the contract's."""
    if set(frame.columns) != set(contract.columns):
        different = sorted(set(frame.columns) ^ set(contract.columns))
        raise ContractBroken(f"{contract.name}: columns differ from the contract: {different}")
    warehouse.insert(contract.name, frame)


def insert_query(warehouse: Warehouse, contract: Contract, engine: Engine, lack: Lack | None) -> None:
    """Insert a SQL model's rows as its engine gives them: windows give each series in one piece, a sort costs much."""
    import duckdb

    if rows_before(contract) in inputs(contract.name):
        keep_rows_before(warehouse, contract)
    select = engine.select(warehouse, contract)
    select = only_lacking(select, contract) if lack else select
    try:
        warehouse.execute(f"insert into {contract.name} by name {select}")
    except (duckdb.BinderException, duckdb.ConstraintException, duckdb.ConversionException) as error:
        raise ContractBroken(f"{contract.name}: the query does not fit its contract: {error}") from error
