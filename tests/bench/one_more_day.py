"""One more day on 20 years of history against one more day on one year, by layer."""

import os
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from pipelines.calendars import sessions
from pipelines.engines import build, model_names
from pipelines.ingest import Ingest
from pipelines.landing import Landing
from pipelines.settings import Profile, new_run
from pipelines.sources import SOURCES
from pipelines.sources.http import VendorSession
from pipelines.universe import load_universe
from tests.bench.long_histories import LongHistories, universe
from tests.bench.market import opened
from tests.bench.meter import Meter
from tests.bench.process import Found, in_own_process

SIZES = {"symbols": 100, "years": 20, "days": 3}
UNTIL = date(2026, 3, 31)
LAYERS = ("landing and raw", "core", "marts")


def run(symbols: int, years: int, days: int) -> None:
    """Two homes, then a few days more on each; print the median day of both by layer, and the ratio."""
    long, short = (daily_cost(symbols, span, days) for span in (years, 1))
    print(f"{symbols} symbols, median of {days} days, after the day that brings the history")
    print(f"{'one more day, CPU seconds':26}{f'on {years} years':>14}{'on 1 year':>12}{'ratio':>8}")
    for layer in LAYERS:
        print(f"{layer:26}{long[layer]:>14.2f}{short[layer]:>12.2f}{long[layer] / short[layer]:>8.2f}")


def daily_cost(symbols: int, years: int, days: int) -> dict[str, float]:
    """Median CPU seconds of each layer's part of one more day."""
    dates = sessions(UNTIL - timedelta(days=4 * days + 10), UNTIL)["date"].dt.date.to_list()[-days - 1 :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "universe.yaml").write_text(universe(symbols))
        days_run = in_own_process(__name__, "daily_runs", folder=folder, dates=[str(d) for d in dates], years=years)
    found = days_run["seconds"][1:]
    return {layer: median(one[layer] for one in found) for layer in LAYERS}


def daily_runs(folder: str, dates: list[str], years: int) -> Found:
    """CPU seconds by layer of each day, and rows written; the first takes the whole history, and the imports."""
    os.environ["SCARETRADE_UNIVERSE"] = str(Path(folder) / "universe.yaml")
    days = [daily_run(Path(folder), date.fromisoformat(day), years) for day in dates]
    return {"seconds": [seconds for seconds, _ in days], "written": [written for _, written in days]}


def daily_run(home: Path, as_of: date, years: int) -> tuple[dict[str, float], int]:
    """What the daily job does up to the derived tables."""
    since = UNTIL - timedelta(days=365 * years)
    run_of, meter, landing = new_run(str(as_of), Profile.LIVE, home, as_of, since), Meter(), Landing(home / "landing")
    session = VendorSession(SOURCES["yahoo"], adapter=LongHistories(since, as_of))
    with opened(home / "work.duckdb") as warehouse, session:
        landing.open()
        warehouse.prepare(run_of)
        with meter.measuring("landing and raw", "make"):
            batch = Ingest(SOURCES["yahoo"], session, landing, warehouse, run_of, load_universe())()
        for name in model_names():
            with meter.measuring(name.split(".")[0], "make"):
                build(warehouse, run_of, name)
    seconds = {layer: cost["make"][1] for layer, cost in meter.costs.items()}
    return seconds, sum(load.written for load in batch.loads.values())
