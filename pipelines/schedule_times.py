"""When the scheduled runs start, as data for schedules and `scaretrade status` alike. Imports nothing heavy."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipelines.settings import variable

# Replaces the cron string of every schedule, for trying them out; `next_scheduled` does not look at it.
OVERRIDE = "SCARETRADE_SCHEDULE_CRON"
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True)
class ScheduleTime:
    """Times of day in a zone, at one minute of their hours, on some weekdays (0 is Sunday, as in cron).

    `scope` names the series it asks (`pipelines.scope`), `what` says that in words. `sessions_only` says that it skips
    days without a New York session, which this module does not know.
    """

    name: str
    hours: tuple[int, ...]
    minute: int
    timezone: str
    scope: str
    what: str
    weekdays: frozenset[int] = EVERY_DAY
    sessions_only: bool = False

    @property
    def cron(self) -> str:
        """The same for a scheduler."""
        days = "*" if self.weekdays == EVERY_DAY else ",".join(map(str, sorted(self.weekdays)))
        return f"{self.minute} {','.join(map(str, self.hours))} * * {days}"

    def next_after(self, moment: datetime) -> datetime:
        """The first time after a moment, in UTC."""
        zone = ZoneInfo(self.timezone)
        today = moment.astimezone(zone).date()
        days = (today + timedelta(days=n) for n in range(9))
        clock = [time(hour, self.minute) for hour in self.hours]
        times = (datetime.combine(d, at, zone) for d in days if d.isoweekday() % 7 in self.weekdays for at in clock)
        return next(at for at in times if at > moment).astimezone(UTC)


TIMES = (
    ScheduleTime(
        "after_new_york_close",
        (15, 18),
        30,
        "America/New_York",
        "equities",
        "Equities, ETFs and indices two and a half hours after the New York close, which is at 13:00 or 16:00:"
        " sessions only",
        weekdays=frozenset({1, 2, 3, 4, 5}),
        sessions_only=True,
    ),
    ScheduleTime(
        "after_utc_day",
        (0,),
        45,
        "UTC",
        "crypto",
        "Crypto, bitcoin on-chain data and AI model releases, after the UTC day",
    ),
    ScheduleTime(
        "filings_weekly",
        (6,),
        0,
        "America/New_York",
        "filings",
        "Companies' filings of the week, on Saturday",
        weekdays=frozenset({6}),
    ),
)


def cron_of(time: ScheduleTime) -> str:
    """When a schedule looks for something due, as configured."""
    return variable(OVERRIDE) or time.cron


def next_scheduled(moment: datetime) -> tuple[ScheduleTime, datetime]:
    """The schedule that starts next after a moment, and when (UTC)."""
    return min(((s, s.next_after(moment)) for s in TIMES), key=lambda found: found[1])
