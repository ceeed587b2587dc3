"""The SQL models stay inside the dialect that DuckDB and, through sqlglot, Spark both run."""

import pytest
import sqlglot
from sqlglot import exp

from pipelines.contracts import MODELS
from pipelines.spark_dialect import NotForSpark, in_spark, spark_steps

FILES = sorted(MODELS.glob("*/*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}.{f.stem}")
def test_model_translates_to_spark(file):
    query = file.read_text()
    tree, before = sqlglot.parse_one(in_spark(query), dialect="spark"), sqlglot.parse_one(query, dialect="duckdb")
    assert tree.find(exp.Select)
    assert {t.sql() for t in tree.find_all(exp.Table)} == {t.sql() for t in before.find_all(exp.Table)}
    assert tree.named_selects == before.named_selects


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select a.x from s.a asof join s.b on a.t >= b.t", "ASOF"),
        ("select sum(x) over (order by t rows between n - 1 preceding and current row) from s.a", "constant bounds"),
        ("select sum(x) over w from s.a window w as (order by t rows between n preceding and n following)", "constant"),
        ("select regexp_extract(x, 'a', 0, 'i') as y from s.a", "not supported"),
        ("select list_sum(x) as y from s.a", "no function list_sum"),
        ("select 1 as a; select 2 as b", "one select"),
        ("create table s.b as select 1 as a", "one select"),
        ("select case when x then from s.a", "Line 1"),
    ],
)
def test_what_does_not_run_on_spark_is_refused(query, reason):
    with pytest.raises(NotForSpark, match=reason):
        in_spark(query)


def test_what_only_looks_like_it_is_not_refused():
    assert in_spark("select a.x, a.asof from s.a inner join s.b on a.t >= b.t")
    assert in_spark("select sum(x) over (order by t rows between 29 preceding and current row) as y from s.a")
    assert in_spark("select sum(x) over (order by t range between interval 6 day preceding and current row) from s.a")


def test_a_growing_median_is_a_percentile_which_spark_takes_in_an_ordered_window():
    assert in_spark("select median(x) over (order by t) as m from s.a") == (
        "SELECT PERCENTILE(x, 0.5) OVER (ORDER BY t NULLS LAST) AS m FROM s.a"
    )
    assert in_spark("select median(x) as m from s.a") == "SELECT MEDIAN(x) AS m FROM s.a"


def test_common_table_expressions_become_steps_shared_where_two_places_read_them():
    query = """
    with a as (select x from s.t), b as (select x from a union all select x + 1 from a), c as (select x from b)
    select c.x from c inner join s.b on c.x = s.b.x
    """
    steps, last = spark_steps(query)
    assert [(s.name, s.is_shared) for s in steps] == [("a", True), ("b", False), ("c", False)]
    assert steps[1].query == "SELECT x FROM a UNION ALL SELECT x + 1 FROM a"
    assert last == "SELECT c.x FROM c INNER JOIN s.b ON c.x = s.b.x"
    assert spark_steps("select x from s.t") == ([], "SELECT x FROM s.t")


def test_there_are_models():
    assert len(FILES) >= 11
