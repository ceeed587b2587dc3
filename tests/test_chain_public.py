"""The public Parquet layout gives the same spent outputs as a node; what does not fit together is refused."""

import shutil

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.chain.outputs import SpentOutputs
from pipelines.chain.public_parquet import BadLayout, import_layout, open_readers, satoshi
from pipelines.cli import main
from tests.chain_generator import days_of, expected_rows, grow, write_layout
from tests.test_chain_sync import stored, whole_days

CHAIN = grow([], 60, seed=4)
LAST_DAY = str(days_of(CHAIN)[-1])
WHOLE = [row for row in expected_rows(CHAIN) if row[0] < LAST_DAY]


@pytest.fixture
def layout(tmp_path):
    write_layout(CHAIN, tmp_path / "layout")
    return tmp_path / "layout"


def imported(folder, layout, **options):
    with SpentOutputs(folder) as outputs:
        return import_layout(str(layout), outputs, **options)


@pytest.mark.parametrize("days_a_pass", [1, 2, 100])
def test_the_whole_days_are_those_a_node_gives(layout, tmp_path, days_a_pass):
    done = imported(tmp_path / "out", layout, days_a_pass=days_a_pass)
    assert stored(tmp_path / "out") == WHOLE
    assert done.unknown == 0
    assert done.days == len(whole_days(tmp_path / "out")) == len({str(d) for d in days_of(CHAIN)}) - 1
    assert all(d.spent_sat + d.coinbase_sat == d.created_sat + d.fee_sat for d in whole_days(tmp_path / "out"))


def test_a_day_that_came_since_is_all_that_is_counted(layout, tmp_path):
    earlier = tmp_path / "earlier"
    write_layout(CHAIN[:40], earlier)
    first, second = imported(tmp_path / "out", earlier), imported(tmp_path / "out", layout)
    assert (first.days, first.days + second.days) == (len({str(d) for d in days_of(CHAIN[:40])}) - 1,
                                                      len({str(d) for d in days_of(CHAIN)}) - 1)  # fmt: skip
    assert imported(tmp_path / "out", layout).days == 0
    assert stored(tmp_path / "out") == WHOLE


def test_another_branch_replaces_the_blocks_that_left_the_chain(tmp_path):
    branch = grow(CHAIN[:50], 25, seed=5)
    for name, blocks in (("one", CHAIN), ("other", branch)):
        write_layout(blocks, tmp_path / name)
        imported(tmp_path / "out", tmp_path / name)
    last = str(days_of(branch)[-1])
    assert stored(tmp_path / "out") == [row for row in expected_rows(branch) if row[0] < last]


def test_intraday_files_beside_the_final_one_count_once(layout, tmp_path):
    for file in list(layout.rglob("*.parquet")):
        shutil.copy(file, file.with_name("intraday.snappy.parquet"))
    imported(tmp_path / "out", layout)
    assert stored(tmp_path / "out") == WHOLE


def test_a_folder_that_begins_later_says_how_many_makings_it_lacks(tmp_path):
    write_layout(CHAIN[25:], tmp_path / "late")
    done = imported(tmp_path / "out", tmp_path / "late")
    rows = stored(tmp_path / "out")
    first_day = str(days_of(CHAIN)[25])
    assert [row[:5] for row in rows] == [row[:5] for row in WHOLE if row[0] > first_day]
    unknown = [row for row in WHOLE if row[0] > first_day and row[5] < 25]
    assert done.unknown == len(unknown) > 0
    assert sum(row[5] is None for row in rows) == len(unknown)
    assert [row for row in rows if row[5] is not None] == [row for row in WHOLE if row[0] > first_day and row[5] >= 25]


@pytest.mark.parametrize(
    ("table", "spoil", "said"),
    [
        ("blocks", "number <> 20", r"block 21 does not follow block 19"),
        ("transactions", "not (block_number = 20 and is_coinbase)", r"block 20 has \d+ of its \d+ transactions"),
    ],
)
def test_a_gap_is_an_error_that_names_the_block(layout, tmp_path, table, spoil, said):
    for file in (layout / table).rglob("*.parquet"):
        duckdb.sql(f"copy (select * from read_parquet('{file}', hive_partitioning = false) where {spoil})"
                   f" to '{file}.new' (format parquet)")  # fmt: skip
        shutil.move(f"{file}.new", file)
    with pytest.raises(BadLayout, match=rf"public_parquet .*{said}.*Next: "):
        imported(tmp_path / "out", layout)


def test_satoshi_that_are_not_conserved_are_refused(layout, tmp_path):
    for file in (layout / "transactions").rglob("*.parquet"):
        duckdb.sql(f"copy (select * replace (output_value + 1e-8 as output_value) from"
                   f" read_parquet('{file}', hive_partitioning = false)) to '{file}.new' (format parquet)")  # fmt: skip
        shutil.move(f"{file}.new", file)
    with pytest.raises(BadLayout, match="satoshi"):
        imported(tmp_path / "out", layout)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 21_000_000 * 10**8), min_size=1, max_size=50))
def test_doubles_become_satoshi_without_loss(amounts):
    query = f"select {satoshi('unnest($bitcoin::double[])')}"
    with duckdb.connect() as connection:
        found = connection.execute(query, {"bitcoin": [amount / 1e8 for amount in amounts]}).fetchall()
    assert [sat for (sat,) in found] == amounts


def test_the_largest_amounts_become_satoshi_without_loss():
    most = 21_000_000 * 10**8
    query = f"select count(*) from range({most - 200_000}, {most}) as r(i) where {satoshi('(i / 1e8)')} <> i"
    assert duckdb.sql(query).fetchall() == [(0,)]


class Recorder:
    """Stands for a connection where there is no network to fetch the extension from."""

    def __init__(self):
        self.said = []

    def execute(self, statement):
        self.said.append(statement)


def test_object_storage_is_read_through_duckdbs_extension_and_folders_need_none():
    away, here = Recorder(), Recorder()
    open_readers(away, "s3://aws-public-blockchain/v1.0/btc")
    open_readers(here, "/data/btc")
    assert away.said == ["install httpfs; load httpfs; set s3_region = 'us-east-2'"]
    assert here.said == []


def test_the_command_names_what_is_missing(tmp_path):
    done = CliRunner().invoke(main, ["chain", "import", str(tmp_path / "none"), "--home", str(tmp_path / "home")])
    assert done.exit_code == 1
    assert "Next: check that it holds blocks/date=" in done.stderr


def test_the_command_counts_and_warns_of_unknown_makings(tmp_path):
    write_layout(CHAIN[25:], tmp_path / "late")
    done = CliRunner().invoke(main, ["chain", "import", str(tmp_path / "late"), "--home", str(tmp_path / "home")])
    assert done.exit_code == 0
    assert "days. Next: scaretrade run --profile live" in done.stdout
    assert "made before the folder begins" in done.stderr
