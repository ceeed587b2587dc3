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
    print(f"{symbols} symbols, median of {days} days, each in a process of its own")
    print(f"{'one more day, seconds':24}{f'on {years} years':>14}{'on 1 year':>12}{'ratio':>8}")
    for layer in LAYERS:
        print(f"{layer:24}{long[layer]:>14.2f}{short[layer]:>12.2f}{long[layer] / short[layer]:>8.2f}")


def daily_cost(symbols: int, years: int, days: int) -> dict[str, float]:
    """Median seconds of each layer's part of one more day."""
    dates = sessions(UNTIL - timedelta(days=4 * days + 10), UNTIL)["date"].dt.date.to_list()[-days - 1 :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "universe.yaml").write_text(universe(symbols))
        _, *found = (in_own_process(__name__, "daily_run", folder=folder, as_of=str(day), years=years) for day in dates)
    return {layer: median(one["seconds"][layer] for one in found) for layer in LAYERS}


def daily_run(folder: str, as_of: str, years: int) -> Found:
    """What the daily job does up to the derived tables; the first one in a folder takes the whole history."""
    home, until = Path(folder), date.fromisoformat(as_of)
    os.environ["SCARETRADE_UNIVERSE"] = str(home / "universe.yaml")
    since = UNTIL - timedelta(days=365 * years)
    this_run, meter, landing = new_run(as_of, Profile.LIVE, home, until, since), Meter(), Landing(home / "landing")
    session = VendorSession(SOURCES["yahoo"], adapter=LongHistories(since, until))
    with opened(home / "work.duckdb") as warehouse, session:
        landing.open()
        warehouse.prepare(this_run)
        with meter.measuring("landing and raw", "make"):
            batch = Ingest(SOURCES["yahoo"], session, landing, warehouse, this_run, load_universe())()
        for name in model_names():
            with meter.measuring(name.split(".")[0], "make"):
                build(warehouse, this_run, name)
        written = sum(load.written for load in batch.loads.values())
    return {"seconds": {layer: cost["make"][0] for layer, cost in meter.costs.items()}, "written": written}
