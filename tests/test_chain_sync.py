"""An own node's blocks become partitions: the same however they are batched, interrupted or reorganized."""

import json
from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.chain.blocks import BadBlock
from pipelines.chain.node import COOKIE, Node, NodeError
from pipelines.chain.outputs import SpentOutputs
from pipelines.chain.partitions import rows_in_place
from pipelines.chain.sync import sync
from tests.chain_generator import block, days_of, expected_rows, grow, sha, transaction
from tests.fake_node import PASSWORD, USER, FakeNode

CHAIN = grow([], 60, seed=4)
BRANCH = grow(CHAIN[:50], 14, seed=5)


@pytest.fixture(scope="module", autouse=True)
def cookie(tmp_path_factory):
    file = tmp_path_factory.mktemp("node") / ".cookie"
    file.write_text(f"{USER}:{PASSWORD}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCARETRADE_ENV_FILE", str(file.parent / "none.env"))
        patch.setenv(COOKIE, str(file))
        yield file


@pytest.fixture(autouse=True)
def with_cookie(cookie, own_environment, monkeypatch):
    monkeypatch.setenv(COOKIE, str(cookie))


def synced(folder, fake, *span, **options):
    with SpentOutputs(folder) as outputs, Node(fake.url, sleep=lambda seconds: None) as node:
        return sync(node, outputs, *span, **options)


def stored(folder):
    """Every row on disk in the order of the chain."""
    query = "select cast(date as varchar), * exclude (provider, date, created_date), cast(created_date as varchar)"
    with duckdb.connect() as connection:
        return connection.execute(f"{query} from ({rows_in_place(folder)}) order by 2, 3, 4").fetchall()


def whole_days(folder):
    with SpentOutputs(folder) as outputs:
        return outputs.index.whole_days()


def files(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.parquet")}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory, cookie):
    """The chain counted in one batch."""
    folder = tmp_path_factory.mktemp("at_once")
    with FakeNode(CHAIN) as fake:
        synced(folder, fake, blocks_a_batch=100)
    return folder


def test_every_spent_output_is_there_once_with_its_days(at_once):
    assert stored(at_once) == expected_rows(CHAIN)
    assert len(expected_rows(CHAIN)) > 100


def test_days_follow_the_running_maximum_of_times(at_once):
    # The chain has blocks that say a time of the day before their parent's; they are of their parent's day.
    own = [datetime.fromtimestamp(b["time"], UTC).date() for b in CHAIN]
    days = days_of(CHAIN)
    assert own != days
    assert days == sorted(days)
    first_heights = {d.day: d.first_height for d in whole_days(at_once)}
    assert first_heights == {str(d): days.index(d) for d in sorted(set(days))[:-1]}


def test_the_last_day_is_not_whole_and_sums_conserve_satoshi(at_once):
    days = whole_days(at_once)
    assert [d.day for d in days] == sorted({str(d) for d in days_of(CHAIN)})[:-1]
    assert all(d.spent_sat + d.coinbase_sat == d.created_sat + d.fee_sat for d in days)
    assert sum(d.n_blocks for d in days) == days[-1].last_height + 1


@settings(max_examples=6, deadline=None)
@given(stops=st.lists(st.integers(0, 59), max_size=5), size=st.integers(1, 70))
def test_any_batching_gives_the_same_files(at_once, tmp_path_factory, stops, size):
    folder = tmp_path_factory.mktemp("batches")
    with FakeNode(CHAIN) as fake:
        for stop in stops:
            synced(folder, fake, max(stop - 20, 0), stop, blocks_a_batch=size)
        synced(folder, fake, blocks_a_batch=size)
    assert files(folder) == files(at_once)
    assert whole_days(folder) == whole_days(at_once)


def test_a_second_sync_asks_for_no_block_again(tmp_path):
    with FakeNode(CHAIN[:40]) as fake:
        synced(tmp_path, fake)
        fake.serve(CHAIN)
        fake.asked.clear()
        done = synced(tmp_path, fake)
    assert done.counted == 20
    assert [h for m, h in fake.asked if m == "getblock"] == [b["hash"] for b in CHAIN[40:]]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", [1, 2, 7, 30])
def test_killed_anywhere_loses_nothing(at_once, tmp_path, monkeypatch, at):
    """At the n-th batch the process ends between the file and its index, then at the next run after both."""
    writes = 0
    original = SpentOutputs.write

    def dying(self, *arguments):
        nonlocal writes
        original(self, *arguments)
        writes += 1
        if writes == at:
            raise Killed

    monkeypatch.setattr(SpentOutputs, "write", dying)
    with FakeNode(CHAIN) as fake:
        with pytest.raises(Killed):
            synced(tmp_path, fake, blocks_a_batch=2)
        before = len([1 for m, _ in fake.asked if m == "getblock"])
        synced(tmp_path, fake, blocks_a_batch=2)
        asked_twice = len([1 for m, _ in fake.asked if m == "getblock"]) - len(CHAIN)
    assert 0 < asked_twice <= 2 <= before
    assert files(tmp_path) == files(at_once)


def test_a_reorganization_rolls_back_the_orphaned_blocks_and_no_others(tmp_path):
    fresh, changed = tmp_path / "fresh", tmp_path / "changed"
    with FakeNode(CHAIN) as fake:
        synced(changed, fake)
        fake.serve(BRANCH)
        fake.asked.clear()
        done = synced(changed, fake)
        asked = [h for m, h in fake.asked if m == "getblock"]
        synced(fresh, fake)
    assert done.rolled_back == 10
    assert asked == [b["hash"] for b in BRANCH[50:]]
    assert files(changed) == files(fresh)
    assert stored(changed) == expected_rows(BRANCH)
    assert whole_days(changed) == whole_days(fresh)


def test_a_chain_that_became_shorter_is_rolled_back(tmp_path):
    with FakeNode(CHAIN) as fake:
        synced(tmp_path, fake)
        fake.serve(CHAIN[:31])
        assert synced(tmp_path, fake).rolled_back == 29
    assert stored(tmp_path) == expected_rows(CHAIN[:31])
    days = days_of(CHAIN[:31])
    assert [d.day for d in whole_days(tmp_path)] == sorted({str(d) for d in days if d < days[-1]})


@pytest.mark.parametrize("moment", [1, 30, 55, 60])
def test_a_reorganization_in_the_middle_of_a_sync(tmp_path, moment):
    with FakeNode(CHAIN) as fake:

        def change(method, params):
            if sum(m == "getblock" for m, _ in fake.asked) == moment and fake.blocks == CHAIN:
                fake.serve(BRANCH)

        fake.before_call = change
        synced(tmp_path, fake, blocks_a_batch=4)
        if moment < len(CHAIN):
            # A node still gives orphaned blocks; they are not counted even for a while.
            assert stored(tmp_path) == expected_rows(BRANCH)
        synced(tmp_path, fake)
    assert stored(tmp_path) == expected_rows(BRANCH)


def test_killed_in_a_roll_back_is_rolled_back_again(tmp_path, monkeypatch):
    with FakeNode(CHAIN) as fake:
        synced(tmp_path, fake)
        fake.serve(BRANCH)
        with monkeypatch.context() as patch:
            patch.setattr("pipelines.chain.index.Index.roll_back", lambda *_: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                synced(tmp_path, fake)
        synced(tmp_path, fake)
    assert stored(tmp_path) == expected_rows(BRANCH)


def test_another_chain_is_refused(tmp_path):
    with FakeNode(CHAIN) as fake:
        synced(tmp_path, fake)
        fake.serve(grow([], 70, seed=9))
        with pytest.raises(NodeError, match=r"another chain.*Next: .*--home"):
            synced(tmp_path, fake)
    assert stored(tmp_path) == expected_rows(CHAIN)


def test_a_span_counts_its_blocks_only_and_knows_older_days(tmp_path):
    with FakeNode(CHAIN) as fake:
        synced(tmp_path, fake, 30, 39)
    assert stored(tmp_path) == [row for row in expected_rows(CHAIN) if 30 <= row[1] <= 39]


def test_a_pruned_node_says_what_to_do_and_what_it_keeps_is_counted(tmp_path):
    with FakeNode(CHAIN) as fake:
        fake.pruned = set(range(20))
        with pytest.raises(NodeError, match=r"pruned.*Next: .*--from-height"):
            synced(tmp_path, fake)
        synced(tmp_path, fake, 20)
    assert stored(tmp_path) == [row for row in expected_rows(CHAIN) if row[1] >= 20]


def spending_height():
    return expected_rows(CHAIN)[0][1]


def test_missing_undo_data_is_an_error_and_never_an_empty_block(tmp_path):
    with FakeNode(CHAIN) as fake:
        fake.no_undo = {spending_height()}
        with pytest.raises(BadBlock, match=rf"block {spending_height()}: .*no undo data.*Next: .*-reindex-chainstate"):
            synced(tmp_path, fake)
        fake.no_undo, fake.broken_undo = set(), {spending_height()}
        with pytest.raises(NodeError, match=r"Undo data.*Next: .*-reindex-chainstate"):
            synced(tmp_path, fake)


def test_blocks_before_a_bad_one_stay_counted(tmp_path):
    with FakeNode(CHAIN) as fake:
        fake.pruned = {40}
        with pytest.raises(NodeError):
            synced(tmp_path, fake, blocks_a_batch=5)
    assert stored(tmp_path) == [row for row in expected_rows(CHAIN) if row[1] < 40]


def test_no_output_is_a_coinbase_and_values_are_exact(tmp_path):
    # 0.29 bitcoin is 28,999,999.999999996 satoshi as a float; 1 satoshi is written 1e-08.
    first = block(0, 1_767_225_600, None, [])
    rest = 50 * 10**8 - 29_000_000 - 1
    split = transaction("split", [(first["tx"][0]["txid"], 0, 50 * 10**8, 0)], [29_000_000, 1, rest])
    again = transaction("again", [(sha("split"), n, sat, 1) for n, sat in enumerate([29_000_000, 1])], [29_000_001])
    chain = [first, block(1, 1_767_225_700, first["hash"], [split])]
    chain.append(block(2, 1_767_225_800, chain[1]["hash"], [again]))
    assert "1e-08" in json.dumps(chain)
    with FakeNode(chain) as fake:
        synced(tmp_path, fake)
    assert [row[4] for row in stored(tmp_path)] == [50 * 10**8, 29_000_000, 1]
