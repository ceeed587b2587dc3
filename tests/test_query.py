"""Questions to the published file: ready-made or SQL, read-only, answered or refused with a next step."""

import io
import json

import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.query import QUERIES, QueryError, ask, connect, ready_made

SAMPLE = ["--profile", "sample", "--since", "2025-09-01", "--as-of", "2026-03-31"]
# After one run on the sample market these have nothing to show: nothing was known before that run or restated since,
# no check failed, and history is too short to rank losses.
MAY_BE_EMPTY = {
    "as_known_on",
    "failed_checks",
    "restated_values",
    "realized_loss_bad_days",
    "realized_loss_extremes",
}
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    result = CliRunner().invoke(main, ["run", "--home", str(folder), "--quiet", *SAMPLE])
    assert result.exit_code == 0, result.output
    return folder


def asked(home, *arguments):
    return CliRunner().invoke(main, ["query", "--home", str(home), *arguments])


def test_the_list_holds_every_ready_made_question_with_its_meaning(tmp_path):
    lines = asked(tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    for line, name in zip(lines, NAMES, strict=True):
        assert line.endswith(ready_made()[name])


@pytest.mark.parametrize("name", NAMES)
def test_every_ready_made_question_is_one_and_has_an_answer(home, name):
    first = (QUERIES / f"{name}.sql").read_text().splitlines()[0]
    assert first.startswith("-- ")
    assert first.endswith("?")
    answer = ask(home, name)
    assert len(answer.columns) > 1
    assert len(answer) > 0 or name in MAY_BE_EMPTY


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select * from marts.drawdown", r"Did you mean marts\.drawdowns\?"),
        ("select * from drawdowns", r"Did you mean marts\.drawdowns\?"),
        ("select * from core.price", r"Did you mean core\.prices\?"),
        pytest.param(
            "select * from mart.correlation_regime",
            r"Did you mean marts\.correlation_regimes\?",
        ),
    ],
)
def test_a_misspelt_table_is_answered_with_the_nearest(home, sql, hint):
    with pytest.raises(QueryError, match=hint):
        ask(home, sql)


def test_a_table_like_no_other_gets_no_guess(home):
    with pytest.raises(QueryError, match=r"(?i)does not exist") as refused:
        ask(home, "select * from zzz.qqq")
    assert "Did you mean marts" not in str(refused.value)


def test_a_misspelt_question_is_answered_with_the_nearest(home):
    result = asked(home, "deepest_drawdown")
    assert result.exit_code == 2
    assert "no ready-made question is called deepest_drawdown; did you mean `deepest_drawdowns`?" in result.stderr
    assert "run `scaretrade query` for the list" in asked(home, "xyzzy").stderr


@pytest.mark.parametrize(
    "sql",
    [
        "insert into core.instruments select * from core.instruments",
        "delete from core.prices",
        "update core.prices set close = 1",
        "create table core.mine (x int)",
        "drop table core.prices",
        "copy core.prices to '{folder}/out.csv'",
        "copy (select 1) to '{folder}/out.parquet' (format parquet)",
        "export database '{folder}/out'",
        "attach '{folder}/other.duckdb' as other",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '{folder}/in.csv'",
        "select * from glob('/etc/*')",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
    ],
)
def test_nothing_is_written_and_no_other_file_is_read(home, tmp_path, sql):
    (tmp_path / "in.csv").write_text("a\n1\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(QueryError, match=r"(?i)read-only|disabled|locked|lock"):
        ask(home, sql.format(folder=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_many_readers_at_once(home):
    with connect(home) as one, connect(home) as other:
        query = "select count(*) from core.prices"
        assert one.execute(query).fetchall() == other.execute(query).fetchall() != [(0,)]


QUESTION = "select symbol, date, close, null as nothing from core.prices where symbol = 'BTC' order by date limit 2"


def test_an_answer_as_csv(home):
    result = asked(home, QUESTION, "--format", "csv")
    assert result.exit_code == 0
    frame = pd.read_csv(io.StringIO(result.stdout))
    assert frame["symbol"].tolist() == ["BTC", "BTC"]
    assert frame["date"].tolist() == ["2025-09-01", "2025-09-02"]
    assert frame["nothing"].isna().all()


def test_an_answer_as_json(home):
    found = json.loads(asked(home, QUESTION, "--format", "json").stdout)
    assert [row["symbol"] for row in found] == ["BTC", "BTC"]
    assert found[0]["date"].startswith("2025-09-01")
    assert found[0]["nothing"] is None


def test_an_answer_as_a_table(home):
    text = asked(home, QUESTION).stdout
    assert "symbol" in text
    assert text.count("BTC") == 2
    assert "2025-09-01" in text
    assert "00:00" not in text
    assert "nan" not in text.lower().replace("nothing", "")


def test_brackets_in_a_value_are_shown_and_control_characters_are_not(home):
    text = asked(home, "select '[/red] [bold]' as \"a [b]\", 'no' || chr(27) || ']0;owned' || chr(7) as c").output
    assert "[/red] [bold]" in text
    assert "a [b]" in text
    assert "no]0;owned" in text
    assert "\x1b]" not in text
    assert "\x07" not in text


def test_wrong_sql_is_a_usage_error_with_the_databases_words(home):
    result = asked(home, "select clse from core.prices")
    assert result.exit_code == 2
    assert "clse" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", [["query", "deepest_drawdowns"], ["query", "select 1"], ["status"]])
def test_where_nothing_is_published_the_next_step_is_named(tmp_path, command):
    result = CliRunner().invoke(main, [*command, "--home", str(tmp_path)])
    assert result.exit_code == 2
    assert f"nothing is published in {tmp_path} yet. Next: run `make run`" in result.stderr
    assert list(tmp_path.iterdir()) == []
