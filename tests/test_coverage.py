"""Complete, with gaps, due or late: what each series should have by now, by its own calendar and its vendor's pace."""

from datetime import datetime

import pytest

from pipelines.audit import checks, run_check
from pipelines.calendars import sessions
from pipelines.settings import Profile, new_run
from tests.factories import Market, days, sessions_of

CHECKS = {check.name: check for check in checks()}
# Thursday and Friday; the session of Friday ends at 16:00 in New York, 21:00 UTC.
THURSDAY, FRIDAY = "2026-02-05", "2026-02-06"


def market_at(instant):
    """A market seen at an instant (UTC)."""
    market = Market(instant[:10], since="2025-11-03")
    clock = datetime.fromisoformat(f"{instant}+00:00")
    market.run = new_run("test", Profile.LIVE, market.run.home, None, market.run.since, clock)
    market.warehouse.prepare(market.run)
    return market


def coverage(market, symbol):
    market.build("quality.coverage")
    (row,) = market.rows("quality.coverage", f"symbol = '{symbol}'").to_dict("records")
    return row


def judged(market, symbol="SPY"):
    """Status, the day that is due, and until when it had time."""
    row = coverage(market, symbol)
    return row["status"], f"{row['due_date']:%Y-%m-%d}", f"{row['deadline_at']:%Y-%m-%d %H:%M}"


def failing(market, name):
    market.build("quality.coverage")
    return run_check(market.warehouse, CHECKS[name]).n_failing


@pytest.mark.parametrize(
    ("instant", "newest", "expected"),
    [
        # Before the close, and until 15 minutes after it, Thursday is the newest day due.
        (f"{FRIDAY} 20:59", THURSDAY, ("ok", THURSDAY, f"{THURSDAY} 23:00")),
        (f"{FRIDAY} 21:14", THURSDAY, ("ok", THURSDAY, f"{THURSDAY} 23:00")),
        # Then Friday is due, and has two hours from the close.
        (f"{FRIDAY} 21:15", THURSDAY, ("due", FRIDAY, f"{FRIDAY} 23:00")),
        (f"{FRIDAY} 22:59", THURSDAY, ("due", FRIDAY, f"{FRIDAY} 23:00")),
        (f"{FRIDAY} 23:00", THURSDAY, ("late", FRIDAY, f"{FRIDAY} 23:00")),
        (f"{FRIDAY} 23:00", FRIDAY, ("ok", FRIDAY, f"{FRIDAY} 23:00")),
        # Thursday's own time has passed.
        (f"{FRIDAY} 21:30", "2026-02-04", ("late", FRIDAY, f"{FRIDAY} 23:00")),
        # The exchange rests until Monday's close.
        ("2026-02-09 20:00", FRIDAY, ("ok", FRIDAY, f"{FRIDAY} 23:00")),
        # The day after Thanksgiving ends at 13:00 in New York, 18:00 UTC.
        ("2025-11-28 19:59", "2025-11-26", ("due", "2025-11-28", "2025-11-28 20:00")),
        ("2025-11-28 20:00", "2025-11-26", ("late", "2025-11-28", "2025-11-28 20:00")),
    ],
)
def test_a_session_is_due_after_its_close_and_late_two_hours_later(instant, newest, expected):
    found = sessions_of("2025-11-03", newest)
    market = market_at(instant).bars("SPY", found, [100.0] * len(found), known_at="2025-11-03")
    assert judged(market) == expected
    assert failing(market, "series_late") == (expected[0] == "late")
    assert failing(market, "series_due") == (expected[0] == "due")
    assert failing(market, "days_missing_inside_history") == 0


@pytest.mark.parametrize(
    ("instant", "newest", "expected"),
    [
        (f"{FRIDAY} 00:30", THURSDAY, ("ok", THURSDAY, f"{FRIDAY} 01:00")),
        (f"{FRIDAY} 00:30", "2026-02-04", ("due", THURSDAY, f"{FRIDAY} 01:00")),
        (f"{FRIDAY} 01:00", "2026-02-04", ("late", THURSDAY, f"{FRIDAY} 01:00")),
        (f"{FRIDAY} 00:30", "2026-02-03", ("late", THURSDAY, f"{FRIDAY} 01:00")),
    ],
)
def test_a_day_of_crypto_is_late_an_hour_after_its_end(instant, newest, expected):
    found = days("2026-02-01", int(newest[-2:]))
    market = market_at(instant).bars("BTC", found, [100.0] * len(found), known_at="2026-02-01")
    assert judged(market, "BTC") == expected


@pytest.mark.parametrize(
    ("instant", "newest", "expected"),
    [
        # Coin Metrics shows a day a day after its end: on the 5th, the 3rd is due, until an hour into the day.
        (f"{THURSDAY} 00:30", "2026-02-03", ("ok", "2026-02-03", f"{THURSDAY} 01:00")),
        (f"{THURSDAY} 00:30", "2026-02-02", ("due", "2026-02-03", f"{THURSDAY} 01:00")),
        (f"{THURSDAY} 01:00", "2026-02-02", ("late", "2026-02-03", f"{THURSDAY} 01:00")),
    ],
)
def test_a_vendor_that_is_always_behind_has_that_much_more_time(instant, newest, expected):
    found = days("2026-02-01", int(newest[-2:]))
    metrics = {"realized_loss_usd": [1.0] * len(found)}
    market = market_at(instant).onchain(found, metrics, source="coinmetrics", known_at="2026-02-01")
    assert judged(market, "BTC") == expected


def test_a_gap_is_an_error_and_does_not_stop_publication():
    found = sessions_of("2025-11-03", FRIDAY)
    there = found.delete([5, 9])
    market = market_at(f"{FRIDAY} 23:30").bars("SPY", there, [100.0] * len(there), known_at="2025-11-03")
    row = coverage(market, "SPY")
    assert (row["status"], row["n_missing"]) == ("gap", 2)
    # The tenth session of November 2025 is Friday the 14th.
    assert f"{row['last_missing_date']:%Y-%m-%d}" == "2025-11-14" == str(sessions(*span())["date"].iloc[9])[:10]
    result = run_check(market.warehouse, CHECKS["days_missing_inside_history"])
    assert (result.passed, result.severity, result.n_failing) == (False, "error", 1)


def span():
    return datetime(2025, 11, 3).date(), datetime(2025, 11, 30).date()  # noqa: DTZ001


def test_a_gap_is_counted_while_the_newest_day_is_due_too():
    found = sessions_of("2025-11-03", THURSDAY).delete(5)
    market = market_at(f"{FRIDAY} 22:00").bars("SPY", found, [100.0] * len(found), known_at="2025-11-03")
    assert coverage(market, "SPY")["status"] == "due"
    assert failing(market, "days_missing_inside_history") == 1


def test_what_is_late_or_missing_is_an_error_and_what_is_due_a_warning():
    found = {name: CHECKS[name].severity for name in ("series_late", "days_missing_inside_history", "series_due")}
    assert found == {"series_late": "error", "days_missing_inside_history": "error", "series_due": "warning"}
