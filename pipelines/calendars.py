"""Exchange sessions and completed days, from the exchange_calendars library (New York Stock Exchange, XNYS)."""

import warnings
from datetime import date, datetime, timedelta
from functools import cache, lru_cache

import pandas as pd

PUBLICATION_DELAY = timedelta(minutes=15)
WIDE_FROM = 2015
REGULAR_SESSION = timedelta(hours=6, minutes=30)


@cache
def new_york_schedule(first_year: int, last_year: int) -> pd.DataFrame:
    """The library's schedule of whole years, its opens and closes in UTC."""
    import exchange_calendars

    with warnings.catch_warnings():
        # The library reads times in a way that pandas deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    return pd.DataFrame(calendar.schedule)


def sessions(since: date, until: date) -> pd.DataFrame:
    """Sessions from `since` to `until` inclusive: date, open_at, close_at (UTC), is_early_close."""
    # Wide enough that one calendar serves every question of a run: making one takes a fifth of a second.
    years = new_york_schedule(min(since.year, WIDE_FROM), until.year + 1)
    schedule = years.loc[pd.Timestamp(since) : pd.Timestamp(until)]
    opens, closes = (schedule[c].dt.tz_localize(None).astype("datetime64[us]") for c in ("open", "close"))
    return pd.DataFrame(
        {
            "date": schedule.index.astype("datetime64[us]"),
            "open_at": opens.to_numpy(),
            "close_at": closes.to_numpy(),
            "is_early_close": (closes - opens).to_numpy() < REGULAR_SESSION,
        }
    )


# A run asks this for every series, always of one instant.
@lru_cache(maxsize=8)
def last_complete_session(now: datetime, delay: timedelta = PUBLICATION_DELAY) -> date:
    """The newest session whose close, plus the vendors' delay, has passed."""
    recent = sessions(now.date() - timedelta(days=14), now.date())
    closed = recent[recent["close_at"] + delay <= now.replace(tzinfo=None)]
    return pd.Timestamp(closed["date"].iloc[-1]).date()


def last_complete_day(now: datetime) -> date:
    """The newest UTC day that has ended."""
    return now.date() - timedelta(days=1)
