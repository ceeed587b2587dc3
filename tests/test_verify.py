"""`scaretrade verify` finds what is damaged on the disk, names it, and is content with what is whole."""

import re
import shutil

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.contracts import stored_tables
from tests.daily import Home, settings

DAY, NEXT = "2026-02-04", "2026-02-05"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A home after one published run."""
    home = Home(tmp_path_factory.mktemp("whole") / "home")
    home.run(DAY)
    return home


@pytest.fixture
def home(whole, tmp_path):
    """A copy of it for one test."""
    shutil.copytree(whole.folder, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def verify(home, profile="sample"):
    with settings(home.folder.parent):
        result = CliRunner().invoke(main, ["verify", "--profile", profile, "--home", str(home.folder)])
    assert isinstance(result.exception, SystemExit | None)
    return result


def failures(result):
    return [line for line in result.stdout.splitlines() if line.startswith("FAIL ")]


def change(file, *statements):
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_whole_home_passes_with_a_line_a_check(whole):
    result = verify(whole)
    assert (result.exit_code, failures(result)) == (0, [])
    lines = result.stdout.splitlines()
    payloads = whole.rows("select count(distinct payload_id), count(*) from quality.payloads")[0]
    assert f"ok   manifest: {payloads[1]} lines" in lines
    assert f"ok   payloads: {payloads[0]} of {payloads[0]} are there and hash to their names" in lines
    for name in stored_tables():
        (rows,) = whole.rows(f"select count(*) from {name}")[0]
        assert f"ok   {name}: {rows} rows" in lines
        assert f"ok   published {name}: as written" in lines
    assert len(lines) == 3 + 2 * len(stored_tables())


def test_damaged_and_missing_payloads_are_named_with_their_series_and_days(home):
    for symbol, damage in (("IBM", lambda f: f.unlink()), ("MSFT", lambda f: f.write_bytes(f.read_bytes()[:-9]))):
        query = "select payload_id from quality.payloads where symbol = $1 and dataset = 'daily_bars'"
        ((payload,),) = home.rows(query, symbol)
        damage(home.state / "landing" / payload[:2] / f"{payload}.gz")
    result = verify(home)
    assert result.exit_code == 1
    found = failures(result)
    assert len(found) == 3
    for symbol in ("IBM", "MSFT"):
        assert [
            f
            for f in found
            if re.search(rf"\w{{64}} is missing or damaged: yahoo daily_bars {symbol} from 2025-09-02 to {DAY}$", f)
        ]
    assert "FAIL payloads: " in found[-1]


def test_a_damaged_manifest_is_named(home):
    (file,) = (home.state / "landing" / "manifest").iterdir()
    file.write_text("x\n" + file.read_text())
    result = verify(home)
    assert result.exit_code == 1
    assert failures(result) == [f for f in failures(result) if f.startswith(f"FAIL manifest: {file}: line 1: ")] != []


def unkeyed(table):
    """The same table without its key, so that it can hold what the key forbids."""
    return f"create table kept as from {table}; drop table {table}; create table {table} as from kept; drop table kept"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["alter table raw.splits add column mood varchar"], "raw.splits: columns differ from its contract"),
        (["alter table core.prices add column mood varchar"], "core.prices: columns differ from its contract"),
        (["create table raw.moods as select 1"], "raw.moods: no contract knows this table"),
        (["drop view latest.splits", "drop table raw.splits"], "raw.splits: missing"),
        ([unkeyed("raw.daily_bars")], "raw.daily_bars: columns differ from its contract"),
        (
            [unkeyed("core.prices"), "insert into core.prices from core.prices where symbol = 'IBM' limit 3"],
            r"core.prices: \d+ rows; 3 rows repeat a key",
        ),
        (
            [unkeyed("core.prices"), "update core.prices set close = null where symbol = 'IBM'"],
            r"core.prices: (\d+) rows; \d+ rows lack a value",
        ),
    ],
)
def test_faults_of_the_working_file_are_named(home, statements, found):
    change(home.work, *statements)
    result = verify(home)
    assert result.exit_code == 1
    assert re.match(f"FAIL {found}", failures(result)[0])


def test_a_published_value_that_was_changed_is_found(home):
    file = home.published.resolve()
    change(file, "update core.prices set close = close + 1 where symbol = 'IBM' and date = '2026-02-03'")
    result = verify(home)
    assert (result.exit_code, failures(result)) == (
        1,
        ["FAIL published core.prices: 2 rows differ from the working file"],
    )


def test_parquet_of_another_length_or_missing_is_found(home):
    parquet = home.folder / "parquet"
    change(":memory:", f"copy (select 1) to '{parquet}/core/prices.parquet'")
    (parquet / "core" / "returns.parquet").unlink()
    result = verify(home)
    assert result.exit_code == 1
    found = failures(result)
    (rows,) = home.rows("select count(*) from core.prices")[0]
    assert f"FAIL published core.prices: 1 rows in Parquet, {rows} in the published file" in found
    assert f"FAIL published core.returns: {parquet}/core/returns.parquet is missing" in found
    assert len(found) == 2


def test_a_run_that_published_nothing_is_no_fault(home):
    home.ingest(NEXT)
    result = verify(home)
    assert (result.exit_code, failures(result)) == (0, [])
    assert "ok   published: not compared: the working file was changed since" in result.stdout


def test_a_rebuilt_file_is_whole_and_not_yet_built(home):
    with settings(home.folder.parent):
        assert CliRunner().invoke(main, ["rebuild", "--profile", "sample", "--home", str(home.folder)]).exit_code == 0
    result = verify(home)
    assert (result.exit_code, failures(result)) == (0, [])
    assert re.search(r"ok   derived tables: \d+ are not built yet", result.stdout)


def test_a_home_without_anything_published_says_so(tmp_path):
    home = Home(tmp_path / "home")
    home.ingest(DAY)
    result = verify(home)
    assert (result.exit_code, failures(result)) == (0, [])
    assert "ok   published: nothing of this profile is published" in result.stdout.splitlines()


def test_a_published_file_that_is_gone_is_found(home):
    home.published.resolve().unlink()
    result = verify(home)
    assert result.exit_code == 1
    assert failures(result) == [
        f"FAIL published: {home.published} is missing. Next: `scaretrade run` publishes it anew"
    ]


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def scratch(file):
    """Flip every byte past the headers."""
    content = file.read_bytes()
    file.write_bytes(content[:12288] + bytes(b ^ 0xFF for b in content[12288:]))


@pytest.mark.parametrize("damage", [cut, scratch], ids=lambda f: f.__name__)
@pytest.mark.parametrize("which", ["working file", "published"])
def test_a_damaged_database_is_named(home, which, damage):
    file = home.work if which == "working file" else home.published.resolve()
    damage(file)
    result = verify(home)
    assert result.exit_code == 1
    tables = "published |" if which == "published" else "core|marts|raw|quality"
    assert any(re.match(f"FAIL ({which}|{tables})", line) for line in failures(result))
    assert "ok   payloads: " in result.stdout


def test_without_a_working_file_the_landing_is_still_checked(home):
    home.work.unlink()
    result = verify(home)
    assert failures(result) == ["FAIL working file: missing. Next: `scaretrade rebuild` makes it from the landing"]
    assert "ok   payloads: " in result.stdout


def test_a_home_with_nothing_is_left_as_it_is(tmp_path):
    home = Home(tmp_path / "home")
    result = verify(home)
    assert result.exit_code == 1
    assert f"Error: {home.state} holds nothing to verify. Next: " in result.stderr
    assert not home.folder.exists()


def test_verifying_writes_nothing(home):
    def files():
        return {f: f.stat().st_mtime_ns for f in home.folder.rglob("*") if f.is_file() and not f.name.startswith(".")}

    before = files()
    assert verify(home).exit_code == 0
    assert files() == before
