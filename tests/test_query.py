"""Questions to the published file: ready-made or SQL, read-only, answered or refused with a next step."""

import io
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.query import QUERIES, QueryError, ask, connect, ready_made

# These have nothing to show on the sample market: no check failed in it, and no day of losses is bad.
MAY_BE_EMPTY = {"failed_checks", "realized_loss_bad_days"}
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))


@pytest.fixture
def home(sample_home):
    return sample_home


def asked(home, *arguments):
    return CliRunner().invoke(main, ["query", "--home", str(home), *arguments])


def refusal(home, sql):
    """What is said of a query that is refused, line by line."""
    with pytest.raises(QueryError) as refused:
        ask(home, sql)
    return str(refused.value).splitlines()


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
    ("sql", "name", "hint"),
    [
        ("select * from marts.drawdown", "drawdown", "Did you mean marts.drawdowns? "),
        ("select * from drawdowns", "drawdowns", "Did you mean marts.drawdowns? "),
        ("select * from DrawDowns", "DrawDowns", "Did you mean marts.drawdowns? "),
        ("select * from core.price", "price", "Did you mean core.prices? "),
        (
            "select * from mart.correlation_regime",
            "mart.correlation_regime",
            "Did you mean marts.correlation_regimes? ",
        ),
        ("select * from market_cap", "market_cap", "Did you mean core.market_caps or raw.market_caps? "),
        ("from meat", "meat", "Did you mean meta? "),
        ('select * from "daily bars"', "daily bars", "Did you mean raw.daily_bars? "),
        ("select * from zzz.qqq", "zzz.qqq", ""),
    ],
)
def test_an_unknown_table_is_answered_with_the_nearest_and_the_next_step(home, sql, name, hint):
    first, *place = refusal(home, sql)
    assert first == f"No table is called {name}. {hint}Next: `scaretrade tables` lists them"
    assert place[1] == f"LINE 1: {sql}"
    assert place[2].strip("^ ") == ""


@pytest.mark.parametrize(
    ("sql", "name", "hint"),
    [
        ("select clse from core.prices", "clse", "Did you mean close? "),
        ("select p.Close_Adj from core.prices as p", "Close_Adj", "Did you mean close_adjusted? "),
        ("from marts.drawdowns where drawdwn < 0", "drawdwn", "Did you mean drawdown? "),
        ("select symbol from core.sessions", "symbol", "It is a column of core.basket_members, core.fund"),
        ("select loss_to_realized_cap from core.sessions", "loss_to_realized_cap", "It is a column of marts.realized"),
        ("select zzz from core.sessions", "zzz", "Next: "),
    ],
)
def test_an_unknown_column_is_answered_with_the_nearest_or_its_tables(home, sql, name, hint):
    first, *place = refusal(home, sql)
    assert first.startswith(f"No column of the tables asked is called {name}. {hint}")
    assert first.endswith("Next: `scaretrade tables --columns` lists every column")
    assert len(first) < 250
    assert f"LINE 1: {sql}" in place


def test_any_other_error_keeps_the_databases_words(home):
    with pytest.raises(QueryError, match="syntax error at or near"):
        ask(home, "selec 1")


def test_the_name_of_a_table_alone_is_answered_with_how_to_ask_it(home):
    hint = 'to see a table, ask `scaretrade query "from marts.drawdowns limit 5"`'
    assert hint in asked(home, "marts.drawdowns").stderr
    assert hint in asked(home, "drawdowns").stderr


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


def test_a_file_that_another_program_holds_for_writing_is_named_with_the_next_step(home, tmp_path):
    shutil.copy(home / "market.duckdb", tmp_path / "market.duckdb")
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(tmp_path / "market.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        result = asked(tmp_path, "select 1")
        other.communicate("")
    assert result.exit_code == 2
    assert "Next: close the program that has the file open for writing" in result.stderr


def test_a_file_that_is_no_database_is_named_with_the_next_step(tmp_path):
    (tmp_path / "market.duckdb").write_text("no database at all")
    for command in (["query", "select 1"], ["status"]):
        result = CliRunner().invoke(main, [*command, "--home", str(tmp_path)])
        assert result.exit_code == 2
        assert f"{tmp_path}/market.duckdb" in result.stderr
        assert "Next: run `scaretrade run`, which publishes a new version" in result.stderr


def test_many_readers_at_once(home):
    with connect(home) as one, connect(home) as other:
        query = "select count(*) from core.prices"
        assert one.execute(query).fetchall() == other.execute(query).fetchall() != [(0,)]


QUESTION = """select symbol, date, close, null as nothing from core.prices
where symbol = 'BTC' and date >= '2025-09-01' order by date limit 2"""


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
