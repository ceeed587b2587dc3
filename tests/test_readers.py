"""Readers: whoever queries the published file sees one version whole, and nobody waits for anybody."""

import shutil
import time
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from statistics import median

import pytest

from pipelines.publish import publish
from pipelines.settings import Profile
from tests.factories import built_market
from tests.readers import answer
from tests.small_runs import TODAY, finish, steps

SPAWN = get_context("spawn")


@contextmanager
def reading(home, n, pause_seconds):
    """Processes that query the published file in a loop; what each of them saw is in the list afterwards."""
    ended, answers, found = SPAWN.Event(), SPAWN.Queue(), []
    readers = [SPAWN.Process(target=answer, args=(home, ended, pause_seconds, answers)) for _ in range(n)]
    for reader in readers:
        reader.start()
    try:
        yield found
    finally:
        ended.set()
        found += [answers.get(timeout=60) for _ in readers]
        for reader in readers:
            reader.join()


def assert_whole(found, runs):
    """No reader met an error or a torn read, and together they saw several versions."""
    assert [fault for _, _, faults in found for fault in faults] == []
    assert all(reads > 1 for reads, _, _ in found)
    assert len(set().union(*(seen for _, seen, _ in found))) > min(2, runs - 1)


def test_readers_of_a_file_that_is_replaced_see_one_version_whole(tmp_path):
    market = built_market()
    run = replace(market.run, home=tmp_path, profile=Profile.SAMPLE)
    publish(market.warehouse, replace(run, run_id="run-0"), "2026-02-06T12:00:00Z")
    with reading(tmp_path, 3, 0) as found:
        time.sleep(1)
        for n in range(1, 4):
            publish(market.warehouse, replace(run, run_id=f"run-{n}"), "2026-02-06T12:00:00Z")
            time.sleep(0.2)
    assert_whole(found, 3)


@pytest.mark.slow
@pytest.mark.usefixtures("small_market")
def test_eight_readers_beside_20_runs(tmp_path):
    """Prints what readers cost: the processor's time that readers of any file take. No run waits for them."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    finish(steps, home, TODAY)
    shutil.copytree(home, elsewhere, symlinks=True)
    alone = typical_seconds(home)
    with reading(elsewhere, 8, 0.5):
        beside_others = typical_seconds(home)
    with reading(home, 8, 0.5) as found:
        beside = typical_seconds(home)
    print(f"seconds a run: {alone:.2f} alone, {beside_others:.2f} beside readers of another file, {beside:.2f} of this")
    assert_whole(found, 20)


def typical_seconds(home):
    """The median time of 20 runs."""
    return median(finish(steps, home, TODAY) for _ in range(20))
