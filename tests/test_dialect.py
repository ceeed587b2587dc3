"""The SQL models stay inside the dialect that DuckDB and, through sqlglot, Spark both run."""

import pytest
import sqlglot
from sqlglot import ErrorLevel, exp

from pipelines.contracts import MODELS

FILES = sorted(MODELS.glob("*/*.sql"))


def spark(query):
    """The query in Spark's dialect; raises where sqlglot knows no translation."""
    return sqlglot.transpile(query, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)


def asof_joins(query):
    """Joins by nearest earlier key, which Spark does not have."""
    tree = sqlglot.parse_one(query, dialect="duckdb")
    return [j for j in tree.find_all(exp.Join) if "ASOF" in j.sql("duckdb").upper().split()]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_model_translates_to_spark(file):
    query = file.read_text()
    translated = spark(query)
    assert len(translated) == 1
    tree = sqlglot.parse_one(translated[0], dialect="spark")
    before = sqlglot.parse_one(query, dialect="duckdb")
    assert tree.find(exp.Select)
    assert {t.sql() for t in tree.find_all(exp.Table)} == {t.sql() for t in before.find_all(exp.Table)}
    assert tree.named_selects == before.named_selects


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_model_has_no_asof_join(file):
    assert not asof_joins(file.read_text())


def test_asof_join_would_be_found():
    assert asof_joins("select a.x from s.a asof join s.b on a.t >= b.t")
    assert not asof_joins("select a.x, a.asof from s.a join s.b on a.t >= b.t")


def test_there_are_models():
    assert len(FILES) >= 11
