"""What a schedule owes at an instant: the newest day it should have asked for, and why it may have nothing to do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from pipelines.calendars import last_complete_day, last_complete_session, sessions

# Vendors correct a session's bars for a while after its close; what is read too early is restated the next day.
AFTER_CLOSE = timedelta(hours=2, minutes=30)
NEW_YORK = ZoneInfo("America/New_York")
SATURDAY = 5


def due_day(scope: str, now: datetime) -> date:
    """The newest day whose data a scope's run should have: a New York session, a UTC day, or a week's Friday."""
    now = now.astimezone(UTC)
    if scope == "equities":
        return last_complete_session(now, AFTER_CLOSE)
    if scope == "crypto":
        return last_complete_day(now)
    return now.date() - timedelta(days=(now.weekday() - SATURDAY) % 7 + 1)


def nothing_due(scope: str, now: datetime, due: date) -> str:
    """Why a schedule skips: its newest day has had its run, and today is not one, or not over."""
    done = f"{due} has had its run"
    return f"{session_today(now)}; {done}" if scope == "equities" else done


def session_today(now: datetime) -> str:
    """What the exchange's calendar says of the day an instant falls on in New York."""
    today = now.astimezone(NEW_YORK).date()
    found = sessions(today, today)
    if found.empty:
        return f"{today:%A} {today} is no session of the New York Stock Exchange"
    close = pd.Timestamp(found["close_at"].iloc[0], tz="UTC").tz_convert(NEW_YORK)
    kind = "closes early," if found["is_early_close"].iloc[0] else "closes"
    return f"the session of {today} {kind} at {close:%H:%M}, its run is due from {close + AFTER_CLOSE:%H:%M}"
