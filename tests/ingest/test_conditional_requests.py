"""An answer that still holds is not sent again, and one that is damaged here is."""

import json
from datetime import date

import pytest

from pipelines.replay import replay
from pipelines.settings import Profile, new_run
from pipelines.sources import SOURCES
from pipelines.warehouse import Warehouse
from tests.ingest.vendors import binance
from tests.ingest.world import BTC, DAYS, contents


@pytest.fixture
def tagged(world):
    """Binance with an ETag; the days asked are the same in every run of the day. After the first run."""
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, json.dumps(binance(DAYS, path, asked)))
    world.run("binance", BTC, since="2026-02-01")
    assert "If-None-Match" not in world.calls[0].headers
    return world


def test_an_answer_that_still_holds_is_not_sent_again(tagged, log):
    before = contents(tagged.warehouse)
    batch = tagged.run("binance", BTC, since="2026-02-01")
    [call] = tagged.calls
    assert call.headers["If-None-Match"] == 'W/"one"'
    assert ": 304, unchanged, so the stored answer is used, in " in log.text
    assert [load.parsed for load in batch.loads.values()] == [5]
    assert tagged.loads("outcome, rows_parsed, rows_written") == [("ok", 5, 0)]
    assert contents(tagged.warehouse) == before
    first, second = tagged.landing.manifest()
    assert (first.status, second.status) == (200, 304)
    assert first.payload_id == second.payload_id
    assert tagged.warehouse.rows("select status, payload_id from quality.payloads order by fetched_at") == [
        (200, first.payload_id),
        (304, first.payload_id),
    ]


def test_a_run_whose_answer_still_held_is_replayed_from_the_landing(tagged):
    tagged.run("binance", BTC, since="2026-02-01")
    [*_, line] = tagged.landing.manifest()
    copy = Warehouse(":memory:")
    run = new_run(line.run_id, Profile.LIVE, tagged.folder, date(2026, 2, 5), date(2026, 2, 1))
    copy.prepare(run)
    replay(SOURCES["binance"], tagged.landing, copy, run, [line])
    assert [row[:-2] for row in contents(copy)] == [row[:-2] for row in contents(tagged.warehouse)]


def damage_payload(landing):
    [file] = landing.folder.glob("??/*.gz")
    file.write_bytes(file.read_bytes()[:-5])


def damage_tag(landing):
    [file] = (landing.folder / "etags").iterdir()
    file.write_text(file.read_text()[:20])


@pytest.mark.parametrize("damage", [damage_payload, damage_tag])
def test_what_is_damaged_here_is_asked_whole_and_repaired(tagged, damage):
    damage(tagged.landing)
    tagged.run("binance", BTC, since="2026-02-01")
    assert "If-None-Match" not in tagged.calls[0].headers
    assert tagged.loads("outcome, rows_parsed") == [("ok", 5)]
    tagged.run("binance", BTC, since="2026-02-01")
    assert tagged.calls[0].headers["If-None-Match"] == 'W/"one"'
    assert tagged.landing.holds(next(tagged.landing.manifest()).payload_id)


def test_an_answer_that_could_not_be_read_is_not_confirmed(world):
    """Had its tag been kept, the vendor would confirm the damaged answer in every run."""
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, "[[1]]")
    world.run("binance", BTC, since="2026-02-01")
    assert world.loads() == [("BTC", "schema_drift")]
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, json.dumps(binance(DAYS, path, asked)))
    world.run("binance", BTC, since="2026-02-01")
    assert world.loads() == [("BTC", "ok")]
