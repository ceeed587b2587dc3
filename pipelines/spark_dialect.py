"""SQL models in Spark's dialect: sqlglot's translation, the rules it lacks, and what no rule can translate."""

from dataclasses import dataclass

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError


class NotForSpark(Exception):
    """A query uses what Spark cannot run."""


@dataclass(frozen=True)
class Step:
    """One common table expression in Spark's dialect; a shared one is read by several others."""

    name: str
    query: str
    is_shared: bool


def spark_steps(query: str) -> tuple[list[Step], str]:
    """A DuckDB query as Spark runs it: its common table expressions, each after those it reads, and the last select.

    Spark copies an expression into every place that reads it, so that a chain of them grows exponentially; DuckDB runs
    each once. As steps with a name, Spark runs each once too. Raises NotForSpark.
    """
    tree = for_spark(query)
    expressions = tree.ctes
    tree.set("with_", None)
    readers = [*(e.this for e in expressions), tree]
    return [Step(e.alias, written(e.this), uses(e.alias, readers) > 1) for e in expressions], written(tree)


def in_spark(query: str) -> str:
    """A DuckDB query as one statement in Spark's dialect; raises NotForSpark."""
    return written(for_spark(query))


def for_spark(query: str) -> exp.Query:
    """The query's tree, with what sqlglot leaves to its caller replaced; raises NotForSpark."""
    try:
        tree, *others = sqlglot.parse(query, dialect="duckdb")
    except SqlglotError as error:
        raise NotForSpark(str(error)) from error
    if others or not isinstance(tree, exp.Query):
        raise NotForSpark("a model is one select")
    refuse(tree)
    for median in [m for m in tree.find_all(exp.Median) if isinstance(m.parent, exp.Window)]:
        # Spark's median takes no ordered window; its percentile does, and interpolates as DuckDB's median.
        half = exp.Literal.number("0.5")
        median.replace(exp.Anonymous(this="percentile", expressions=[median.this, half]))
    return tree


def written(tree: exp.Query) -> str:
    """A tree as Spark's text, read again to be sure that it is that; raises NotForSpark."""
    try:
        text = tree.sql("spark", unsupported_level=ErrorLevel.RAISE, comments=False)
        sqlglot.parse_one(text, dialect="spark")
    except SqlglotError as error:
        raise NotForSpark(str(error)) from error
    return text


def uses(name: str, readers: list[exp.Query]) -> int:
    """How many places read a common table expression."""
    return sum(t.name == name and not t.db for reader in readers for t in reader.find_all(exp.Table))


def refuse(tree: exp.Query) -> None:
    """Raise NotForSpark for what sqlglot translates into text that Spark refuses, or that means something else."""
    for join in tree.find_all(exp.Join):
        if "ASOF" in join.sql("duckdb").upper().split():
            raise NotForSpark("Spark has no ASOF join. Next: join on ranges of days")
    for function in tree.find_all(exp.Anonymous):
        raise NotForSpark(f"sqlglot knows no function {function.name}. Next: use one that both engines have")
    for frame in tree.find_all(exp.WindowSpec):
        bounds = [frame.args.get(side) for side in ("start", "end")]
        if any(isinstance(bound, exp.Expression) and bound.find(exp.Column) for bound in bounds):
            raise NotForSpark("Spark wants constant bounds of a frame. Next: see marts/correlations.sql")
