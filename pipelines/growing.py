"""Derived tables that grow: what they lack since they were last made, instead of all of it anew.

A contract with `look_back_days` says that a row depends on no raw row later than its own day, nor on any more than so
many days earlier. So the rows before a day hold while no raw row before it is new, symbol by symbol. Symbols of which
one is, and all of them where a table was made otherwise or knows more than the run may, are made whole: the table is
always what its model makes of all raw rows.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

from pipelines.contracts import MODELS, Contract, contracts
from pipelines.quoting import quoted
from pipelines.settings import PROJECT, Run
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse

NOTES = """
select schema_name || '.' || table_name, comment from duckdb_tables()
where database_name = current_database() and comment is not null
"""
KNOWN = """
select (select coalesce(max(load_id), 0) from quality.loads), least(last_complete_day, last_complete_session) + 1
from latest.run_window
"""
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
    made = notes(warehouse).get(contract.name, {})
    if contract.look_back_days is None or made.get("made_by") != made_by(run) or made["known_until"] > known_until(run):
        return None
    first_day = date.fromisoformat(made["first_open_day"])
    whole = changed_symbols(warehouse, upstream, made["known_until"], made["load_id"], first_day)
    if "core.basket_members" in upstream:
        whole = together(whole, warehouse.rows("select basket, symbol from core.basket_members"))
    n_symbols = warehouse.scalar(f"select count(distinct symbol) from {contract.name}")
    return Lack(first_day, sorted(whole)) if 2 * len(whole) <= n_symbols else None


def note_made(warehouse: Warehouse, run: Run, contract: Contract, upstream: frozenset[str]) -> None:
    """Note on a table, in its transaction, which run made it; and if it can go on from there, what was known.

    It can where the same run made all that it is made of. The note goes with the table, whatever code replaces it.
    """
    made, note = notes(warehouse), {"run_id": run.run_id}
    derived = [name for name, c in contracts().items() if name in upstream and not c.keeps_versions]
    if contract.look_back_days is not None and all(made.get(d, {}).get("run_id") == run.run_id for d in derived):
        load_id, first_open_day = warehouse.rows(KNOWN)[0]
        note |= {"made_by": made_by(run), "known_until": known_until(run)}
        note |= {"load_id": load_id, "first_open_day": str(first_open_day)}
    warehouse.execute(f"comment on table {contract.name} is '{quoted(json.dumps(note))}'")


def notes(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """What is noted on each derived table."""
    return {name: json.loads(note) for name, note in warehouse.rows(NOTES)}


def known_until(run: Run) -> str:
    """The run's instant."""
    return f"{run.now:%Y-%m-%d %H:%M:%S.%f}"


def made_by(run: Run) -> str:
    """A hash of all that decides what a table holds, but for raw rows and the run's day."""
    decisive = [CODE, load_universe().model_dump_json(), str(run.since)]
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()


def code_hash() -> str:
    """A hash of the models, the code, and the libraries that results depend on."""
    found = hashlib.sha256()
    files = [*MODELS.rglob("*.sql"), *MODELS.rglob("*.yaml"), *(PROJECT / "pipelines").rglob("*.py")]
    for file in sorted(file for file in files if not file.name.startswith(".")):
        found.update(file.read_bytes())
    found.update("".join(version(library) for library in ("duckdb", "exchange_calendars")).encode())
    return found.hexdigest()


# Of the files that this process runs: they may be replaced under it.
CODE = code_hash()


def changed_symbols(
    warehouse: Warehouse, upstream: frozenset[str], known_until: str, load_id: int, first_day: date
) -> set[str]:
    """The symbols whose derived rows before a day may have changed since all up to a load was known."""
    found: set[str] = set()
    for name in sorted(upstream & set(contracts())):
        raw = contracts()[name]
        if raw.keeps_versions:
            is_new, day = "(load_id > $1 or known_at > $2::timestamp)", f"{raw.day_column}::date"
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
