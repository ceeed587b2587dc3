"""Crossings of price levels: a hand-made path, and the definition written out in pandas on random walks."""

import numpy as np
import pandas as pd
import pytest

from pipelines.audit import checks_of, run_check
from pipelines.query import QUERIES
from pipelines.universe import load_universe
from tests.factories import Market, days, nulls, stamp

NAME = "marts.level_crossings"
FIRST = "2025-10-01"
LEVEL = 107_000.0
KIND = ["symbol", "level", "basis", "direction"]


def path(closes, **bars):
    """A market with one path of bitcoin on consecutive days."""
    return Market("2025-12-31").bars("BTC", days(FIRST, len(closes)), closes, **bars)


def crossings(market, basis, direction, level=LEVEL):
    """(day of the path counted from 1, crossing number, price, days since the one before) of one kind."""
    found = market.table(NAME, f"basis = '{basis}' and direction = '{direction}' and level = {level}")
    number = (found["date"] - stamp(FIRST)).dt.days + 1
    since = found["days_since_previous"].astype(object).where(found["days_since_previous"].notna(), None)
    return list(zip(number, found["crossing_number"], found["price"], since, strict=True))


@pytest.fixture(scope="module")
def hand_made():
    closes = [108_000, 106_900, 106_500, 107_000, 107_000, 106_000, 106_800, 108_000]
    lows = [106_500, 106_000, 106_400, 106_400, 106_999, 105_900, 106_000, 106_700]
    highs = [109_000, 108_100, 106_950, 107_000, 107_200, 107_100, 107_500, 108_200]
    return path(closes, low=lows, high=highs)


def test_crossings_by_close(hand_made):
    # Day 4 closes exactly at the level: it is no longer below. Day 1 has no close before it.
    assert crossings(hand_made, "close", "below") == [(2, 1, 106_900, None), (6, 2, 106_000, 4)]
    assert crossings(hand_made, "close", "above") == [(4, 1, 107_000, None), (8, 2, 108_000, 4)]


def test_crossings_within_the_day(hand_made):
    # Day 5 falls to 106,999 and closes at the level: a crossing by the low alone. Day 6 falls from there again.
    assert crossings(hand_made, "intraday", "below") == [
        (2, 1, 106_000, None),
        (5, 2, 106_999, 3),
        (6, 3, 105_900, 1),
    ]
    # Day 7's high is above, its close is not, so day 8 crosses again.
    assert crossings(hand_made, "intraday", "above") == [
        (4, 1, 107_000, None),
        (7, 2, 107_500, 3),
        (8, 3, 108_200, 1),
    ]


def test_a_row_tells_its_day(hand_made):
    row = hand_made.table(NAME, f"level = {LEVEL} and basis = 'intraday' and date = '2025-10-05'").iloc[0]
    assert (row["low"], row["high"], row["close"]) == (106_999, 107_200, 107_000)
    assert (row["previous_close"], row["is_first"]) == (107_000, False)


def test_first_below_needs_the_day_it_counts_from():
    # Closed below on the 4th and again on the 8th: "first below" is either, by where the question starts.
    found = path([108_000, 108_500, 107_500, 106_400, 107_200, 108_100, 107_100, 106_500]).table(
        NAME, f"level = {LEVEL} and basis = 'close' and direction = 'below'"
    )
    assert found["date"].min() == stamp("2025-10-04")
    assert found["date"][found["date"] > stamp("2025-10-05")].min() == stamp("2025-10-08")
    assert found["is_first"].tolist() == [True, False]


def test_one_day_crosses_every_level_between():
    found = path([121_000, 65_000]).table(NAME, "basis = 'close'")
    assert found["level"].tolist() == [70_000, 80_000, 90_000, 100_000, 107_000, 120_000]
    assert set(found["direction"]) == {"below"}


def test_a_missing_day_is_no_close():
    # Days 3 and 4 have no bar: day 5 is compared with day 2, and counted in calendar days.
    market = Market("2025-12-31")
    market.bars("BTC", pd.to_datetime(["2025-10-01", "2025-10-02", "2025-10-05"]), [108_000, 106_000, 108_000])
    market.bars("BTC", [stamp("2025-10-09")], [105_000])
    assert crossings(market, "close", "above") == [(5, 1, 108_000, None)]
    assert crossings(market, "close", "below") == [(2, 1, 106_000, None), (9, 2, 105_000, 7)]


def test_without_lows_and_highs_only_closes_cross():
    market = path([108_000, 106_000], low=[np.nan] * 2, high=[np.nan] * 2)
    found = market.table(NAME, f"level = {LEVEL}")
    assert found["basis"].tolist() == ["close"]
    assert nulls(found["low"])


def test_what_has_no_level_has_no_crossing():
    market = Market("2025-12-31").bars("MSFT", days(FIRST, 2), [108_000, 106_000])
    assert market.table(NAME).empty


def test_levels_are_those_of_the_universe():
    frame = load_universe().price_levels_frame()
    assert frame.groupby("symbol")["level"].agg(list).to_dict() == load_universe().price_levels
    stored = Market("2025-12-31").table("core.price_levels")
    assert sorted(stored.to_numpy().tolist()) == sorted(frame.to_numpy().tolist())


@pytest.fixture(scope="module")
def random_walk():
    rng = np.random.default_rng(17)
    closes = np.round(90_000 * np.exp(rng.normal(0, 0.03, 400).cumsum()))
    low, high = (
        np.round(closes / np.exp(rng.exponential(0.02, 400))),
        np.round(closes * np.exp(rng.exponential(0.02, 400))),
    )
    dates = days("2024-09-01", 400)
    market = Market("2025-12-31").bars("BTC", dates, closes, low=low, high=high)
    return market.build(NAME), pd.DataFrame({"close": closes, "low": low, "high": high}, index=dates)


@pytest.mark.parametrize("basis", ["close", "intraday"])
@pytest.mark.parametrize("level", load_universe().price_levels["BTC"])
def test_agrees_with_pandas(random_walk, level, basis):
    market, bars = random_walk
    before = bars["close"].shift()
    low, high = (bars["close"], bars["close"]) if basis == "close" else (bars["low"], bars["high"])
    expected = {
        "below": bars.index[(before >= level) & (low < level)],
        "above": bars.index[(before < level) & (high >= level)],
    }
    for direction, dates in expected.items():
        found = market.rows(NAME, f"level = {level} and basis = '{basis}' and direction = '{direction}'")
        assert found["date"].tolist() == dates.tolist()
        assert found["crossing_number"].tolist() == list(range(1, len(dates) + 1))
        assert (
            found["days_since_previous"].iloc[1:].tolist()
            == np.diff(dates).astype("timedelta64[D]").astype(int).tolist()
        )


def test_every_crossing_by_close_is_one_within_the_day(random_walk):
    found = random_walk[0].rows(NAME)
    days_of = {
        basis: set(map(tuple, rows[["level", "direction", "date"]].to_numpy()))
        for basis, rows in found.groupby("basis")
    }
    assert 20 < len(days_of["close"]) < len(days_of["intraday"])
    assert days_of["close"] <= days_of["intraday"]


def test_there_is_one_first_of_each_kind(random_walk):
    found = random_walk[0].rows(NAME)
    firsts = found[found["is_first"]]
    assert len(firsts) == len(found[KIND].drop_duplicates())
    assert (firsts["date"].to_numpy() == found.groupby(KIND, sort=False)["date"].min().to_numpy()).all()
    assert nulls(firsts["days_since_previous"])


@pytest.mark.parametrize(
    "damage",
    ["direction = 'above'", "previous_close = 1", "price = 200000", "date = date '2025-10-04'"],
)
def test_the_check_finds_a_crossing_that_is_none(damage):
    market = path([108_000, 106_000, 108_000, 106_000, 108_000]).build(NAME)
    (check,) = [c for c in checks_of(NAME) if c.name == "crossings_change_sides"]
    assert check.severity == "critical"
    assert run_check(market.warehouse, check).passed
    market.warehouse.execute(f"update {NAME} set {damage} where basis = 'close' and date = date '2025-10-02'")
    assert not run_check(market.warehouse, check).passed


def test_the_ready_made_question_lists_the_first_of_each_kind(hand_made):
    hand_made.build(NAME)
    answer = hand_made.warehouse.frame((QUERIES / "level_crossings.sql").read_text())
    found = {(row.basis, row.direction): row.date for row in answer[answer["level"] == LEVEL].itertuples()}
    assert found == {
        ("close", "below"): stamp("2025-10-02"),
        ("intraday", "below"): stamp("2025-10-02"),
        ("close", "above"): stamp("2025-10-04"),
        ("intraday", "above"): stamp("2025-10-04"),
    }
