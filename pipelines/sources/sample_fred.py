"""The simulated indices as FRED's graph CSV."""

from datetime import date

from pipelines.sources.sample_market import SAMPLE_START, share
from pipelines.sources.sample_paths import DAY, unix
from pipelines.sources.sample_wire import Answer, Asked

# The symbol whose closes a series shows, and how many points a dollar of it is.
SERIES = {"VIXCLS": ("VIX", 1), "SP500": ("SPY", 10), "NASDAQ100": ("QQQ", 40)}
EPOCH = date(1970, 1, 1).toordinal()
UNKNOWN = "<!DOCTYPE html><html><head><title>Error - St. Louis Fed</title></head><body>Not Found</body></html>"


def answer(asked: Asked) -> Answer:
    """Closes by weekday, empty where there was no session; a day appears when it has ended (UTC)."""
    names = asked.query.get("id", "").split(",")
    if not set(names) <= set(SERIES):
        return Answer(404, UNKNOWN, "text/html")
    columns = [_closes(asked.seed, *SERIES[name]) for name in names]
    first = max(_day(asked.query.get("cosd"), 0), unix(SAMPLE_START) // DAY)
    last = min(_day(asked.query.get("coed"), asked.as_of), asked.as_of // DAY - 1, *map(max, columns))
    days = [day for day in range(first, last + 1) if date.fromordinal(EPOCH + day).weekday() < 5]
    rows = [[date.fromordinal(EPOCH + day).isoformat(), *(c.get(day, "") for c in columns)] for day in days]
    lines = [",".join(row) for row in [["observation_date", *names], *rows]]
    return Answer(200, "\n".join(lines) + "\n", "application/csv")


def _closes(seed: int, symbol: str, points: int) -> dict[int, str]:
    """Closes in the vendor's writing, by day since 1970."""
    bars = share(seed, symbol)
    written = [f"{close:.2f}" for close in (bars.close * points).tolist()]
    return dict(zip((bars.start // DAY).tolist(), written, strict=True))


def _day(text: str | None, default: int) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH if text else default
