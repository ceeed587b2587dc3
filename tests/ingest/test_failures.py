"""A series that fails leaves the others, and is asked again by the next run."""

from functools import partial

import pytest
import requests

from tests.ingest.vendors import equities, tiingo
from tests.ingest.world import HIDDEN, warnings_of


def failing(statuses, path, asked):
    """Tiingo, with an error status for some symbols."""
    status = statuses.get(path.split("/")[3])
    return (status, {}, "{}") if status else tiingo(path, asked)


@pytest.mark.parametrize(
    ("statuses", "outcomes"),
    [
        ({"S01": 404}, ["ok", "not_found", "ok", "ok", "ok"]),
        ({"S01": 503}, ["ok", "transient", "ok", "ok", "ok"]),
        ({"S01": 404, "S02": 404, "S03": 404}, ["ok", "not_found", "not_found", "not_found", "ok"]),
        ({"S01": 503, "S02": 429}, ["ok", "transient", "rate_limited", "not_asked", "not_asked"]),
        ({"S00": 401, "S01": 401}, ["auth", "auth", "not_asked", "not_asked", "not_asked"]),
        ({"S00": 503, "S02": 503}, ["transient", "ok", "transient", "ok", "ok"]),
        ({"S00": 503, "S01": 404, "S02": 503}, ["transient", "not_found", "transient", "ok", "ok"]),
    ],
    ids=str,
)
def test_a_failure_leaves_the_others_and_two_outages_in_a_row_give_up(tiingo_world, statuses, outcomes, log):
    tiingo_world.vendor = partial(failing, statuses)
    tiingo_world.run("tiingo", equities(5))
    assert [outcome for _, outcome in tiingo_world.loads()] == outcomes
    stored = tiingo_world.warehouse.rows("select distinct symbol from raw.daily_bars order by symbol")
    assert stored == [(f"S{i:02}",) for i, outcome in enumerate(outcomes) if outcome == "ok"]
    for symbol, outcome, reason in tiingo_world.loads("symbol, outcome, reason"):
        if outcome == "not_asked":
            assert reason == "tiingo did not answer for the series before"
        elif outcome != "ok":
            assert reason.startswith(f"tiingo daily_bars {symbol}: {outcome}: HTTP {statuses[symbol]}")
            assert "Next: " in reason
            assert reason in warnings_of(log)


def test_without_a_network_one_series_is_enough_to_give_up(world, monkeypatch):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)

    def unreachable(path, asked):
        raise requests.ConnectionError("no route to host")

    world.vendor = unreachable
    world.run("tiingo", equities(3))
    assert [outcome for _, outcome in world.loads()] == ["transient", "not_asked", "not_asked"]


def test_the_next_run_asks_again_from_where_the_failed_one_did(tiingo_world):
    tiingo_world.run("tiingo", equities(2))
    tiingo_world.vendor = partial(failing, {"S01": 503})
    tiingo_world.run("tiingo", equities(2), as_of="2026-02-06")
    tiingo_world.vendor = tiingo
    tiingo_world.run("tiingo", equities(2), as_of="2026-02-09")
    # S01 was last stored on the 5th, S00 on the 6th; ten days before each.
    assert list(zip(tiingo_world.symbols_asked(), tiingo_world.asked("startDate"), strict=True)) == [
        ("S01", "2026-01-26"),
        ("S00", "2026-01-27"),
    ]
