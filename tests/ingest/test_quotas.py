"""Quotas and rewritten histories, on Tiingo with its 45 answers a run."""

import re
from collections import Counter
from datetime import date
from functools import partial

import pytest

from tests.ingest.vendors import equities, tiingo


def test_a_quota_leaves_the_rest_for_the_next_run_which_asks_it_first(tiingo_world):
    tiingo_world.run("tiingo", equities(47))
    assert len(tiingo_world.calls) == 45
    outcomes = dict(tiingo_world.loads())
    assert [symbol for symbol, outcome in outcomes.items() if outcome != "ok"] == ["S45", "S46"]
    [reason] = {reason for _, reason in tiingo_world.loads("symbol, reason") if reason}
    assert reason == "tiingo answers 45 requests a run; the next run asks first"
    tiingo_world.run("tiingo", equities(47), as_of="2026-02-06")
    assert tiingo_world.symbols_asked()[:2] == ["S45", "S46"]
    assert tiingo_world.asked("startDate")[:3] == ["2026-01-02", "2026-01-02", "2026-01-26"]
    assert [symbol for symbol, outcome in tiingo_world.loads() if outcome != "ok"] == ["S43", "S44"]
    tiingo_world.run("tiingo", equities(47), as_of="2026-02-09")
    assert tiingo_world.symbols_asked()[:2] == ["S43", "S44"]
    newest = "select count(distinct symbol), min(date), max(date) from raw.daily_bars"
    assert tiingo_world.warehouse.rows(newest) == [(47, date(2026, 1, 2), date(2026, 2, 9))]


def split_on(day, ratio, path, asked):
    """S07 trades at `ratio` hundred dollars before the day and at 100 from it on."""
    if "/S07/" not in path:
        return tiingo(path, asked)
    split = lambda d: (100 if d >= day else 100 * ratio, ratio if d == day else 1)  # noqa: E731
    adjusted = 100 if date.fromisoformat(asked["endDate"]) >= day else 100 * ratio
    return [row | {"adjClose": adjusted} for row in tiingo(path, asked, split)]


@pytest.mark.parametrize("ratio", [20, 10])
def test_a_split_on_the_overlap_has_that_history_asked_whole_and_no_other(tiingo_world, ratio, log):
    tiingo_world.vendor = partial(split_on, date(2026, 2, 6), ratio)
    tiingo_world.run("tiingo", equities(10))
    assert latest_closes(tiingo_world, "S07") == {100.0 * ratio}
    tiingo_world.run("tiingo", equities(10), as_of="2026-02-06")
    # Ten days before the newest stored one, the 5th, for all; then the one history.
    assert tiingo_world.asked("startDate") == ["2026-01-26"] * 10 + ["2026-01-02"]
    assert tiingo_world.symbols_asked()[-1] == "S07"
    assert "tiingo: history rewritten since the last run, asked whole: S07" in log.text
    whys = Counter(re.findall(r"GET \S+ for \S+ to \S+ \((.*?)\)", log.text))
    assert whys == {
        "first time": 10,
        "overlap with the days stored, and new ones": 10,
        "history was rewritten, so whole": 1,
    }
    assert latest_closes(tiingo_world, "S07") == {100.0}
    assert tiingo_world.warehouse.rows("select symbol, date, numerator from raw.splits") == [
        ("S07", date(2026, 2, 6), float(ratio))
    ]
    tiingo_world.run("tiingo", equities(10), as_of="2026-02-09")
    assert len(tiingo_world.calls) == 10


def latest_closes(world, symbol):
    return {
        close for (close,) in world.warehouse.rows("select close from latest.daily_bars where symbol = $1", [symbol])
    }


def test_a_history_that_the_quota_left_out_is_asked_whole_first(tiingo_world, log):
    tiingo_world.vendor = partial(split_on, date(2026, 2, 6), 20)
    tiingo_world.run("tiingo", equities(45))
    tiingo_world.run("tiingo", equities(45), as_of="2026-02-06")
    assert [symbol for symbol, outcome in tiingo_world.loads() if outcome != "ok"] == ["S07"]
    assert latest_closes(tiingo_world, "S07") == {2000.0}
    tiingo_world.run("tiingo", equities(45), as_of="2026-02-09")
    assert (tiingo_world.symbols_asked()[0], tiingo_world.asked("startDate")[0]) == ("S07", "2026-01-02")
    assert log.text.count("for 2026-01-02 to 2026-02-09 (gap: unanswered from 2026-01-02 on)") == 1
    assert len(tiingo_world.calls) == 45
    assert latest_closes(tiingo_world, "S07") == {100.0}
