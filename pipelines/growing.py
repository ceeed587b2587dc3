"""Derived tables that grow: what they lack since they were last made, instead of all of it anew.

A contract with `look_back_days` says that a row depends on no raw row later than its own day, nor on any more than so
many days earlier. So the rows before a day hold while no raw row before it is new, symbol by symbol. Symbols of which
one is, and all of them where a table was made otherwise or knows more than the run may, are made whole: the table is
always what its model makes of all raw rows.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import Any

from pipelines.contracts import MODELS, Contract, contracts
from pipelines.settings import PROJECT, Run
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse

# What a table lacks, and what of its inputs that depends on.
LACKING = "(date >= getvariable('first_day') or list_contains(getvariable('whole_symbols'), symbol))"
NEEDED = "({day} >= getvariable('first_day') - {look_back} or list_contains(getvariable('whole_symbols'), symbol))"


@dataclass(frozen=True)
class Lack:
    """What a table lacks: the days from the first on, and the symbols whose history is made whole."""

    first_day: date
    whole: list[str]


def lack_of(warehouse: Warehouse, run: Run, contract: Contract, upstream: frozenset[str]) -> Lack | None:
    """What a table lacks for a run, None where that is everything. `upstream` is all that it is made of."""
    if contract.look_back_days is None or contract.name not in warehouse.tables():
        return None
    made = warehouse.rows(
        "select known_until, load_id, first_open_day from latest.made"
        " where table_name = $1 and made_by = $2 and known_until <= $3",
        [contract.name, made_by(run), run.now.replace(tzinfo=None)],
    )
    if not made:
        return None
    whole = changed_symbols(warehouse, upstream, *made[0])
    if "core.basket_members" in upstream:
        whole = together(whole, warehouse.rows("select basket, symbol from core.basket_members"))
    n_symbols = warehouse.scalar(f"select count(distinct symbol) from {contract.name}")
    return Lack(made[0][2], sorted(whole)) if 2 * len(whole) <= n_symbols else None


def note_made(warehouse: Warehouse, run: Run, contract: Contract) -> None:
    """Keep beside a table, in its transaction, by what it was made and what was known."""
    warehouse.execute("delete from latest.made where table_name = $1", [contract.name])
    warehouse.execute(
        "insert into latest.made select $1, $2, known_until,"
        " (select coalesce(max(load_id), 0) from quality.loads),"
        " least(last_complete_day, last_complete_session) + 1 from latest.run_window",
        [contract.name, made_by(run)],
    )


def made_by(run: Run) -> str:
    """A hash of all that decides what a table holds, but for raw rows and the run's day."""
    decisive = [code_hash(), load_universe().model_dump_json(), str(run.since)]
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()


@cache
def code_hash() -> str:
    """A hash of the models, the code, and the libraries that results depend on."""
    found = hashlib.sha256()
    for file in sorted([*MODELS.rglob("*.*"), *(PROJECT / "pipelines").rglob("*.py")]):
        found.update(file.read_bytes())
    found.update("".join(version(library) for library in ("duckdb", "exchange_calendars")).encode())
    return found.hexdigest()


def changed_symbols(
    warehouse: Warehouse, upstream: frozenset[str], known_until: Any, load_id: int, first_day: date
) -> set[str]:
    """The symbols whose derived rows before a day may have changed since all up to a load was known."""
    found: set[str] = set()
    for name in sorted(upstream & set(contracts())):
        raw = contracts()[name]
        if raw.keeps_versions:
            is_new, day = "(load_id > $1 or known_at > $2)", f"{raw.day_column}::date"
            moving = f"{is_new} or {day} >= $3" if raw.moves_history else f"{is_new} and {day} < $3"
            query = f"select distinct symbol from {name} where {moving}"
            found |= {symbol for (symbol,) in warehouse.rows(query, [load_id, known_until, first_day])}
    return found


def together(symbols: set[str], members: Iterable[tuple[str, str]]) -> set[str]:
    """The symbols with all that stand and fall with them: their baskets, and those baskets' members."""
    found, members = set(symbols), list(members)
    while more := {s for pair in members if found.intersection(pair) for s in pair} - found:
        found |= more
    return found


def make_room(warehouse: Warehouse, contract: Contract, lack: Lack) -> None:
    """Delete the rows that are made anew."""
    warehouse.execute(f"set variable first_day = date '{lack.first_day}'")
    warehouse.execute("set variable whole_symbols = $1::varchar[]", [lack.whole])
    warehouse.execute(f"delete from {contract.name} where {LACKING}")


def rows_before(contract: Contract) -> str:
    """Where a model finds the newest row of each symbol before those it makes, if it goes on from them."""
    return f"latest.{contract.name.split('.')[1]}_before"


def keep_rows_before(warehouse: Warehouse, contract: Contract) -> None:
    """Take them from the table, which holds no later ones."""
    warehouse.execute(
        f"create or replace table {rows_before(contract)} as select t.* from {contract.name} as t"
        f" inner join (select symbol, max(date) as date from {contract.name} group by symbol) as n"
        " on t.symbol = n.symbol and t.date = n.date"
    )


def only_lacking(query: str, contract: Contract) -> str:
    """A model's query for the rows that its table lacks, reading no more of its inputs than these depend on."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(query, dialect="duckdb")
    for table in list(tree.find_all(exp.Table)):
        if day := day_of(f"{table.db}.{table.name}"):
            where = NEEDED.format(day=day, look_back=contract.look_back_days)
            rows = sqlglot.parse_one(f"select * from {table.db}.{table.name} where {where}", dialect="duckdb")
            table.replace(exp.Subquery(this=rows, alias=exp.to_identifier(table.alias_or_name)))
    return f"select * from ({tree.sql('duckdb')}) where {LACKING}"


def day_of(table: str) -> str | None:
    """What dates the rows of an input that is read in part, None of one that is read whole."""
    schema, _, name = table.partition(".")
    source = contracts().get(f"raw.{name}" if schema == "latest" else table)
    if source is None or source.moves_history or not (source.keeps_versions or source.look_back_days is not None):
        return None
    return f"{source.day_column}::date"
