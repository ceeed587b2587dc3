"""Publication: a whole new version or none, in a file that older clients open, which says what it is."""

import resource
import shutil
from dataclasses import replace

import duckdb
import pytest

from pipelines.chain.partitions import folder_of
from pipelines.claim_queries import readable_tables
from pipelines.contracts import contracts, published_columns
from pipelines.engines import build
from pipelines.publish import WrongHome, clear_unfinished, current_version, guard, publish
from pipelines.published_file import SIMULATED, closed_copy, unfinished_version
from pipelines.query import QueryError, ask
from pipelines.settings import Profile
from tests.chain_generator import write_spent_outputs
from tests.daily import Home
from tests.factories import built_market
from tests.published import rows, tables

# Spent outputs are Parquet already and far too many to copy: the file has a view that reads them where they are.
COPIED = [name for name, contract in contracts().items() if contract.storage != "in_place"]
PUBLISHED_AT = "2026-02-06T12:00:00Z"


@pytest.fixture(scope="module")
def market():
    return built_market()


def a_run(market, home, run_id="run-1", profile=Profile.SAMPLE):
    return replace(market.run, home=home, run_id=run_id, profile=profile)


@pytest.fixture
def home(market, tmp_path):
    publish(market.warehouse, a_run(market, tmp_path / "home"), PUBLISHED_AT)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def published(market, tmp_path_factory):
    """A version that no test changes."""
    folder = tmp_path_factory.mktemp("published")
    return publish(market.warehouse, a_run(market, folder), PUBLISHED_AT)


def meta(home):
    return dict(rows(home / "market.duckdb", "select key, value from meta"))


def report(home):
    return (home / "report" / "index.html").read_text()


def versions(home):
    return sorted(folder.name for folder in (home / "versions").iterdir())


def test_every_table_with_a_contract_is_published_and_no_other(market, published):
    assert set(tables(published)) == set(contracts()) | {"main.meta"}
    for name in contracts():
        expected = market.warehouse.scalar(f"select count(*) from {name}")
        assert rows(published, f"select count(*) from {name}") == [(expected,)]


def test_a_new_version_replaces_the_current_one_and_the_one_before_stays(market, home):
    with duckdb.connect(str(home / "market.duckdb"), read_only=True) as reader:
        for n in (2, 3, 4):
            publish(market.warehouse, a_run(market, home, f"run-{n}"), PUBLISHED_AT)
            assert meta(home)["run_id"] == f"run-{n}"
            assert current_version(home)["run_id"] == f"run-{n}"
        assert reader.execute("select value from meta where key = 'run_id'").fetchall() == [("run-1",)]
    assert versions(home) == ["run-3", "run-4"]


def test_more_versions_are_kept_where_asked(market, home):
    for n in (2, 3, 4):
        publish(market.warehouse, a_run(market, home, f"run-{n}"), PUBLISHED_AT, kept_versions=3)
    assert versions(home) == ["run-2", "run-3", "run-4"]


def assert_old_version_is_whole_and_next_run_cleans(market, home):
    assert meta(home)["run_id"] == "run-1"
    assert current_version(home)["run_id"] == "run-1"
    assert [name for name in versions(home) if not name.endswith(".unfinished")] == ["run-1"]
    parquet = home / "parquet" / "core" / "prices.parquet"
    assert rows(home / "market.duckdb", f"select count(*) > 300 from '{parquet}'") == [(True,)]
    assert "run run-1," in report(home)
    clear_unfinished(home / "versions")  # as a run does when it opens the warehouse
    publish(market.warehouse, a_run(market, home, "run-3"), PUBLISHED_AT)
    assert meta(home)["run_id"] == "run-3"
    assert "run run-3," in report(home)
    assert versions(home) == ["run-1", "run-3"]


def test_a_table_missing_in_the_middle_of_the_copy_leaves_the_old_version(market, home):
    market.warehouse.execute("alter table core.sessions rename to hidden")
    try:
        with pytest.raises(duckdb.CatalogException, match="sessions"):
            publish(market.warehouse, a_run(market, home, "run-2"), PUBLISHED_AT)
    finally:
        market.warehouse.execute("alter table core.hidden rename to sessions")
    assert "run-2.unfinished" in versions(home)
    assert_old_version_is_whole_and_next_run_cleans(market, home)


def test_a_file_that_cannot_grow_leaves_the_old_version(market, home):
    """What a full disk does, by the limit that the system sets on a file's size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(duckdb.Error, match=r"(?i)could not write|too large|IO Error"):
            publish(market.warehouse, a_run(market, home, "run-2"), PUBLISHED_AT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_old_version_is_whole_and_next_run_cleans(market, home)


def test_a_folder_that_is_a_file_leaves_the_old_version(market, home):
    (home / "versions").rename(home / "aside")
    (home / "versions").write_text("")
    with pytest.raises(OSError, match="versions"):
        publish(market.warehouse, a_run(market, home, "run-2"), PUBLISHED_AT)
    (home / "versions").unlink()
    (home / "aside").rename(home / "versions")
    assert_old_version_is_whole_and_next_run_cleans(market, home)


def test_what_a_killed_run_left_is_cleaned(market, home):
    half = home / "versions" / "run-2.unfinished"
    (half / "parquet").mkdir(parents=True)
    (half / "market.duckdb").write_bytes(b"half")
    (home / "current.new").symlink_to("versions/nowhere")
    assert_old_version_is_whole_and_next_run_cleans(market, home)
    assert not (home / "current.new").is_symlink()


def storage_number(file):
    """The version number in a DuckDB file's header: 8 bytes of checksum, then DUCK, then the number."""
    with file.open("rb") as header:
        head = header.read(20)
    assert head[8:12] == b"DUCK"
    return int.from_bytes(head[12:20], "little")


def test_the_file_is_in_a_storage_version_that_1_2_clients_open(published):
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as published (read_only)")
        query = "select tags['storage_version'] from duckdb_databases() where database_name = 'published'"
        ((stored,),) = connection.execute(query).fetchall()
    # 64 is what v0.10 up to v1.2 write and every later client reads; this client's own default is another.
    assert stored.startswith("v1.2.0")
    assert storage_number(published) <= 65


def comments(file):
    tables_found = dict(
        rows(
            file,
            "select schema_name || '.' || table_name, comment from duckdb_tables() where not internal"
            " union all select schema_name || '.' || view_name, comment from duckdb_views() where not internal",
        )
    )
    columns = rows(
        file,
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns()"
        " where not internal and table_name <> 'meta'",
    )
    return tables_found, {(table, column): comment for table, column, comment in columns}


def test_every_table_and_column_has_its_contracts_comment(published):
    of_tables, of_columns = comments(published)
    for name, contract in contracts().items():
        assert of_tables[name] == SIMULATED + contract.description
        for column, facts in published_columns(contract).items():
            assert of_columns.pop((name, column)) == facts.comment != ""
    assert of_columns == {}
    assert set(of_tables) == set(contracts()) | {"main.meta"}


def test_spent_outputs_are_read_where_they_are(market, tmp_path):
    run = a_run(market, tmp_path)
    write_spent_outputs(folder_of(run.state), 1_000, n_days=2)
    file = publish(market.warehouse, run, PUBLISHED_AT)
    assert rows(file, "select provider, count(*) from raw.spent_outputs group by all") == [("own_node", 1_000)]
    days = rows(file, "select date::varchar, min(spent_height) from raw.spent_outputs group by all order by all")
    assert days == [("2025-01-01", 0), ("2025-01-02", 144)]
    assert not (tmp_path / "parquet" / "raw" / "spent_outputs.parquet").exists()
    with pytest.raises(QueryError, match=r"Next: ask raw.spent_coin_days"):
        ask(tmp_path, "from raw.spent_outputs")


def test_simulated_tables_say_so_everywhere(published):
    of_tables, _ = comments(published)
    assert {name for name, comment in of_tables.items() if not comment.startswith("SIMULATED")} == set()
    found = meta(published.parent)
    assert (found["data"], found["profile"]) == ("simulated", "sample")
    assert found["note"].startswith("SIMULATED")
    assert (found["as_of"], found["history_since"], found["published_at"]) == (
        "2026-02-05",
        "2025-10-01",
        PUBLISHED_AT,
    )


def test_live_tables_do_not_say_simulated(market, tmp_path):
    file = publish(market.warehouse, a_run(market, tmp_path, profile=Profile.LIVE), PUBLISHED_AT)
    of_tables, of_columns = comments(file)
    everything = [*of_tables.values(), *of_columns.values(), *meta(tmp_path).values()]
    assert [text for text in everything if "simulated" in text.lower()] == []
    assert meta(tmp_path)["data"] == "vendors"


def test_the_sample_never_replaces_live_tables(market, tmp_path):
    live = a_run(market, tmp_path, "live-1", Profile.LIVE)
    publish(market.warehouse, live, PUBLISHED_AT)
    sample = a_run(market, tmp_path, "sample-1")
    with pytest.raises(WrongHome, match=r"publishes live data.*Next: .*--home sample"):
        guard(sample)
    with pytest.raises(WrongHome):
        publish(market.warehouse, sample, PUBLISHED_AT)
    assert versions(tmp_path) == ["live-1"]
    assert meta(tmp_path)["profile"] == "live"


def test_live_tables_may_replace_the_sample(market, home):
    publish(market.warehouse, a_run(market, home, "live-1", Profile.LIVE), PUBLISHED_AT)
    assert meta(home)["profile"] == "live"


def test_parquet_holds_the_same_rows(published):
    folder = published.parent / "parquet"
    assert {f"{file.parent.name}.{file.stem}" for file in folder.glob("*/*.parquet")} == set(COPIED)
    for name in COPIED:
        file = folder / (name.replace(".", "/") + ".parquet")
        apart = f"""select count(*) from ((from {name} except all from read_parquet('{file}'))
        union all (from read_parquet('{file}') except all from {name}))"""
        assert rows(published, apart) == [(0,)], name
        kinds = [
            rows(published, f"select column_name, column_type from (describe from {table})")
            for table in (name, f"'{file}'")
        ]
        assert kinds[0] == kinds[1]


def test_every_table_says_which_run_published_it(published):
    """By this a reader sees that what several queries or Parquet files gave belongs together."""
    assert meta(published.parent)["run_id"] == "run-1"
    for name, contract in contracts().items():
        parquet = f"'{published.parent}/parquet/{name.replace('.', '/')}.parquet'"
        for table in (name,) if contract.storage == "in_place" else (name, parquet):
            found = rows(published, f"select distinct published_run_id from {table}")
            ((count,),) = rows(published, f"select count(*) from {name}")
            assert found == ([("run-1",)] if count else []), table


def test_a_home_can_be_moved(market, home, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.move(home, moved)
    assert meta(moved)["run_id"] == "run-1"
    assert list((moved / "parquet").glob("core/prices.parquet"))
    links = [path for path in moved.iterdir() if path.is_symlink()]
    assert {link.name for link in links} == {"market.duckdb", "parquet", "report", "current"}
    assert not any(link.readlink().is_absolute() for link in links)


def test_a_home_whose_name_holds_a_quote_works(market, tmp_path):
    odd = tmp_path / "o'home with space"
    publish(market.warehouse, a_run(market, odd), PUBLISHED_AT)
    assert meta(odd)["run_id"] == "run-1"


def test_an_empty_home_has_no_version(tmp_path):
    assert current_version(tmp_path) is None


def test_claims_are_asked_of_the_copy_that_is_published_then(market, tmp_path):
    run = a_run(market, tmp_path / "home")
    build(market.warehouse, run, "marts.claim_windows")
    file = unfinished_version(run) / "market.duckdb"
    assert set(tables(file)) == readable_tables()
    made = file.stat().st_ino
    build(market.warehouse, run, "marts.claims")
    assert publish(market.warehouse, run, PUBLISHED_AT).stat().st_ino == made
    assert set(tables(run.home / "market.duckdb")) == set(contracts()) | {"main.meta"}


def test_a_copy_that_failed_counts_for_nothing(market, tmp_path):
    run = a_run(market, tmp_path / "home")
    market.warehouse.execute("alter table core.sessions rename to hidden")
    try:
        with pytest.raises(duckdb.CatalogException, match="sessions"):
            build(market.warehouse, run, "marts.claim_windows")
    finally:
        market.warehouse.execute("alter table core.hidden rename to sessions")
    assert not unfinished_version(run).exists()


def test_what_asks_the_copy_reaches_no_other_file_and_writes_nothing(market, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    with closed_copy(market.warehouse, a_run(market, tmp_path / "home"), ["core.prices"]) as copy:
        assert copy.execute("select count(*) > 300 from core.prices").fetchone() == (True,)
        for statement, refused in (
            (f"select * from '{other}'", "disabled"),
            (f"attach '{tmp_path / 'new.duckdb'}'", "disabled"),
            ("set enable_external_access = true", "locked"),
            ("delete from core.prices", "read-only"),
        ):
            with pytest.raises(duckdb.Error, match=refused):
                copy.execute(statement)


def test_a_run_that_publishes_nothing_leaves_no_half_version(tmp_path):
    with Home(tmp_path / "home").started("2025-10-01", "2025-09-02") as pipeline:
        unfinished = unfinished_version(pipeline.run)
        unfinished.mkdir(parents=True)
    assert list(unfinished.parent.iterdir()) == []
