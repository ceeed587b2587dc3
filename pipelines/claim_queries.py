"""Claims' SQL: read as a tree, refused unless it is one plain question to our tables, and asked read-only."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pipelines.contracts import contracts

LEDGER = ("marts.claims", "marts.claim_windows")
SECONDS_ALLOWED = 10.0

Value = date | int | float | str

# Everything a question may consist of; what is not here (files, settings, table functions, writing) is refused.
CLAUSES = (
    exp.Select, exp.SetOperation, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group,
    exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Table, exp.TableAlias, exp.Distinct, exp.Filter,
    exp.Window, exp.WindowSpec,
)  # fmt: skip
EXPRESSIONS = (
    exp.Column, exp.Identifier, exp.Alias, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Placeholder, exp.Binary,
    exp.Unary, exp.Between, exp.In, exp.Exists, exp.Tuple, exp.Interval, exp.Var, exp.DataType, exp.Case, exp.If,
    exp.Cast,
)  # fmt: skip
FUNCTIONS = (
    exp.AggFunc, exp.Abs, exp.Ceil, exp.Coalesce, exp.DateDiff, exp.DenseRank, exp.Exp, exp.Extract, exp.Floor,
    exp.Greatest, exp.Least, exp.Ln, exp.Nullif, exp.Pow, exp.Rank, exp.Round, exp.RowNumber, exp.Sign, exp.Sqrt,
    exp.StartsWith,
)  # fmt: skip
# Kinds of the above that are not meant: functions nobody knows, and orders that come with an extension.
REFUSED = (exp.AnonymousAggFunc, exp.Collate)


class UnsafeQuery(Exception):
    """A claim's SQL is more than one question to the tables a claim may read."""


@dataclass(frozen=True)
class Answer:
    """The one row a query gave, by column; or why there is none."""

    row: Mapping[str, Any]
    failure: str | None = None


@cache
def readable_tables() -> frozenset[str]:
    """The tables a claim may read: all that is derived, but for the ledger itself."""
    derived = {name for name, c in contracts().items() if c.schema_name in ("core", "marts")}
    return frozenset({*derived, "quality.coverage"} - {*LEDGER})


@cache
def checked(sql: str) -> exp.Query:
    """The query's tree; raises UnsafeQuery, saying what is not allowed."""
    try:
        trees = sqlglot.parse(sql, dialect="duckdb")
    except SqlglotError as error:
        raise UnsafeQuery(f"its SQL cannot be read: {str(error).splitlines()[0]}") from error
    if len(trees) != 1 or not isinstance(tree := trees[0], exp.Select | exp.SetOperation):
        raise UnsafeQuery("its SQL is not one SELECT")
    for node in tree.walk():
        if not isinstance(node, (*CLAUSES, *EXPRESSIONS, *FUNCTIONS)) or isinstance(node, REFUSED):
            raise UnsafeQuery(f"its SQL may not say `{node.sql('duckdb')}`")
    _check_subqueries(tree)
    _check_tables(tree)
    return tree


def _check_subqueries(tree: exp.Query) -> None:
    """`with` stands at the top, so that its names hold everywhere, and does not loop."""
    for clause in tree.find_all(exp.With):
        if clause.parent is not tree or clause.recursive:
            raise UnsafeQuery("`with` may stand at its SQL's top only, and not be recursive")


def _check_tables(tree: exp.Query) -> None:
    """Each table is one of ours, with its schema, or a plain name from `with`: else it may be a file's."""
    named = {clause.alias.lower() for clause in tree.ctes}
    if odd := [name for name in named if not re.fullmatch(r"\w+", name)]:
        raise UnsafeQuery(f"`{odd[0]}` is no plain name")
    for table in tree.find_all(exp.Table):
        is_named = not table.db and isinstance(table.this, exp.Identifier) and table.name.lower() in named
        if not is_named and (table.catalog or table_name(table) not in readable_tables()):
            raise UnsafeQuery(
                f"it may not read `{table.sql('duckdb')}`, only tables of core and marts, with their schema"
            )


def table_name(table: exp.Table) -> str:
    """Schema and name; empty for a function."""
    return f"{table.db}.{table.name}" if isinstance(table.this, exp.Identifier) else ""


def tables_read(sql: str) -> list[str]:
    """The tables of the warehouse that a checked query reads."""
    return sorted({table_name(t) for t in checked(sql).find_all(exp.Table) if t.db})


def filled(sql: str, values: Mapping[str, Value]) -> str:
    """The query as it is run, with each `$name` replaced by its value; raises UnsafeQuery."""
    return _filled(sql, tuple(values.items()))


@cache
def _filled(sql: str, values: tuple[tuple[str, Value], ...]) -> str:
    tree, given = checked(sql).copy(), dict(values)
    for placeholder in list(tree.find_all(exp.Placeholder)):
        if placeholder.name not in given:
            raise UnsafeQuery(f"`${placeholder.name}` has no value; give it one under `values`")
        placeholder.replace(_literal(given[placeholder.name]))
    text = tree.sql("duckdb", comments=False)
    # Some names are written out without their quotes: what they amount to has to pass as well.
    checked(text)
    return text


def _literal(value: Value) -> exp.Expr:
    text = exp.convert(value.isoformat() if isinstance(value, date) else value)
    return exp.cast(text, "date", dialect="duckdb") if isinstance(value, date) else text


def ask(cursor: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Ask for one row in a transaction that cannot write and may not take long; an error is an answer too."""
    cursor.execute("begin transaction read only")
    alarm = threading.Timer(SECONDS_ALLOWED, cursor.interrupt)
    alarm.start()
    try:
        if [s.type for s in cursor.extract_statements(sql)] != [duckdb.StatementType.SELECT]:
            return Answer({}, "the query failed: it is not one SELECT")
        return _one_row(cursor.execute(sql))
    except duckdb.InterruptException:
        return Answer({}, f"the query took over {SECONDS_ALLOWED:g} seconds")
    except duckdb.Error as error:
        return Answer({}, f"the query failed: {str(error).splitlines()[0]}")
    finally:
        alarm.cancel()
        cursor.execute("rollback")


def _one_row(result: duckdb.DuckDBPyConnection) -> Answer:
    rows = result.fetchmany(2)
    if len(rows) > 1:
        return Answer({}, "the query gave several rows instead of one")
    names = [column[0] for column in result.description or []]
    return Answer(dict(zip(names, rows[0], strict=True)) if rows else {})
