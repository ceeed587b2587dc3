"""When the schedules run, as data: Dagster's schedules and `scaretrade status` read the same. Imports nothing heavy."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True)
class ScheduleTime:
    """A time of day in a zone on some weekdays (0 is Sunday, as in cron).

    `sessions_only` says that its job skips days without a New York session, which this module does not know.
    """

    name: str
    job: str
    at: time
    zone: str
    weekdays: frozenset[int] = EVERY_DAY
    sessions_only: bool = False

    @property
    def cron(self) -> str:
        """The same for a scheduler."""
        days = "*" if self.weekdays == EVERY_DAY else ",".join(map(str, sorted(self.weekdays)))
        return f"{self.at.minute} {self.at.hour} * * {days}"

    def next_after(self, moment: datetime) -> datetime:
        """The first run after a moment, in UTC."""
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        days = (today + timedelta(days=n) for n in range(9))
        times = (datetime.combine(day, self.at, zone) for day in days if day.isoweekday() % 7 in self.weekdays)
        return next(at for at in times if at > moment).astimezone(UTC)


AFTER_NEW_YORK_CLOSE = ScheduleTime("after_new_york_close", "daily", time(18, 30), "America/New_York")
SCHEDULE_TIMES = (AFTER_NEW_YORK_CLOSE,)


def next_scheduled(moment: datetime) -> tuple[ScheduleTime, datetime]:
    """The schedule that runs next after a moment, and when (UTC)."""
    return min(((s, s.next_after(moment)) for s in SCHEDULE_TIMES), key=lambda found: found[1])
