"""When the scheduled runs start: plain data, for Dagster's schedules and for whoever only wants to know the time."""

from dataclasses import dataclass, replace

from pipelines.settings import variable

# Replaces every cron string below, for trying the schedules out.
OVERRIDE = "SCARETRADE_SCHEDULE_CRON"


@dataclass(frozen=True)
class ScheduleTime:
    """One schedule: its cron string in its time zone, the series it asks (`pipelines.scope`), and that in words."""

    name: str
    cron: str
    timezone: str
    scope: str
    what: str


TIMES = (
    ScheduleTime(
        "after_new_york_close",
        "30 15,18 * * 1-5",
        "America/New_York",
        "equities",
        "Equities, ETFs and indices two and a half hours after the New York close, which is at 13:00 or 16:00:"
        " sessions only",
    ),
    ScheduleTime(
        "after_utc_day",
        "45 0 * * *",
        "UTC",
        "crypto",
        "Crypto, bitcoin on-chain data and AI model releases, after the UTC day",
    ),
    ScheduleTime(
        "filings_weekly",
        "0 6 * * 6",
        "America/New_York",
        "filings",
        "Companies' filings of the week, on Saturday",
    ),
)


def schedule_times() -> tuple[ScheduleTime, ...]:
    """The schedules as configured: `SCARETRADE_SCHEDULE_CRON` replaces when each of them looks for something due."""
    cron = variable(OVERRIDE)
    return tuple(replace(time, cron=cron) for time in TIMES) if cron else TIMES
