"""Exchange sessions and completed days, from the exchange_calendars library (New York Stock Exchange, XNYS)."""

from datetime import date, datetime, timedelta

import pandas as pd

PUBLICATION_DELAY = timedelta(minutes=15)
REGULAR_SESSION = timedelta(hours=6, minutes=30)


def sessions(since: date, until: date) -> pd.DataFrame:
    """Sessions from `since` to `until` inclusive: date, open_at, close_at (UTC), is_early_close."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=str(since), end=str(until + timedelta(days=10)))
    schedule = calendar.schedule.loc[:pd.Timestamp(until)]
    opens, closes = (schedule[c].dt.tz_localize(None).astype("datetime64[us]") for c in ("open", "close"))
    return pd.DataFrame(
        {
            "date": schedule.index.astype("datetime64[us]"),
            "open_at": opens.to_numpy(),
            "close_at": closes.to_numpy(),
            "is_early_close": (closes - opens).to_numpy() < REGULAR_SESSION,
        }
    )


def last_complete_session(now: datetime) -> date:
    """The newest session whose close, plus the vendors' delay, has passed."""
    recent = sessions(now.date() - timedelta(days=14), now.date())
    closed = recent[recent["close_at"] + PUBLICATION_DELAY <= now.replace(tzinfo=None)]
    return closed["date"].iloc[-1].date()


def last_complete_day(now: datetime) -> date:
    """The newest UTC day that has ended."""
    return now.date() - timedelta(days=1)
