"""Daily realized profit and loss of generated spent outputs, against a scan of the same Parquet, and Spark."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.util import find_spec
from math import isclose
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipelines.chain.sums import refresh_sums
from tests.bench.meter import cpu_seconds, cpu_seconds_of, peak_mb_of
from tests.bench.process import Found, in_own_process
from tests.chain_generator import write_spent_outputs
from tests.factories import Market

SIZES = {"rows": 100_000_000, "days": 365}
FIRST_DAY = date(2025, 1, 1)
FILES = "provider=*/day=*/spent_outputs.parquet"
# The plain scan reads the two columns that the sums read, and sums one.
SCAN = "select sum(value_sat), max(created_date) from read_parquet('{files}')"
TOTALS = "select sum(realized_profit_usd), sum(realized_loss_usd) from core.spent_output_days"
# One line as a person would write it for Spark: summed by day of making before it is priced, as by us.
SPARK = """
with sums as (
    select day, created_date, sum(value_sat) / 1e8 as bitcoin from spent group by day, created_date
),
gains as (
    select s.day, s.bitcoin * (p.close - c.close) as gain
    from sums as s join closes as p on s.day = p.date join closes as c on s.created_date = c.date
),
daily as (
    select day, sum(greatest(gain, 0)) as profit, sum(greatest(-gain, 0)) as loss from gains group by day
)
select sum(profit), sum(loss) from daily
"""


def run(rows: int, days: int) -> None:
    """Generate, run each side in a process of its own, check that they agree, print seconds and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        made = in_own_process(__name__, "generated", folder=folder, rows=rows, days=days)
        print(f"{made['rows']:,} spent outputs of {days} days, {made['megabytes']:,.1f} MB of Parquet")
        scan = in_own_process(__name__, "scanned", folder=folder)
        ours = in_own_process(__name__, "summed", folder=folder, days=days)
        bounded = in_own_process(__name__, "summed", folder=folder, days=days, memory_limit="2GB")
        print(f"{'':34}{'seconds':>9}{'scans':>9}{'CPU s':>9}{'scans':>9}{'peak MB':>9}")
        for name, side in (("scan and sum", scan), ("daily profit and loss", ours), ("… with 2 GB", bounded)):
            show(name, side, scan)
        agree(bounded, ours)
        if find_spec("pyspark") is None:
            print("Spark is not installed, so not measured. Next: `make spark` installs it")
            return
        spark = in_own_process(__name__, "on_spark", folder=folder, days=days)
        show("… on Spark local[2], session begun", spark, scan)
        agree(spark, ours)
        ratios = [f"{spark[of] / ours[of]:.1f} ({of})" for of in ("seconds", "cpu")]
        print(f"Spark / DuckDB {', '.join(ratios)}")


def show(name: str, side: Found, scan: Found) -> None:
    """One line of the table; on a busy machine only the CPU's seconds mean something."""
    costs = "".join(f"{side[of]:>9.2f}{side[of] / scan[of]:>9.2f}" for of in ("seconds", "cpu"))
    print(f"{name:34}{costs}{side['peak_mb']:>9,.0f}")


def agree(found: Found, ours: Found) -> None:
    """Profit and loss of all days must be the same to nine digits; raises AssertionError."""
    pairs = list(zip(found["totals"], ours["totals"], strict=True))
    if not all(isclose(a, b, rel_tol=1e-9) for a, b in pairs):
        raise AssertionError(f"profit and loss differ: {pairs}")


def generated(folder: str, rows: int, days: int) -> Found:
    """Write the outputs."""
    n = write_spent_outputs(Path(folder), rows, days, FIRST_DAY)
    return {"rows": n, "megabytes": sum(file.stat().st_size for file in Path(folder).glob(FILES)) / 1e6}


def scanned(folder: str) -> Found:
    """A plain scan and sum, after one that brings the files into memory."""
    query = SCAN.format(files=f"{folder}/{FILES}")
    with duckdb.connect() as connection:
        connection.execute(query).fetchall()
        with timed() as found:
            connection.execute(query).fetchall()
    return found


def summed(folder: str, days: int, memory_limit: str | None = None) -> Found:
    """The pipeline's way from the files to core.spent_output_days; closes are there."""
    price = closes(days)
    made = Market(FIRST_DAY + timedelta(days=days)).bars("BTC", price["date"], price["close"].to_list())
    made.build("core.coin_prices")
    made.warehouse.execute(f"set temp_directory = '{folder}/spill'")
    if memory_limit:
        made.warehouse.execute("set memory_limit = $1", [memory_limit])
    with timed() as found:
        faults = refresh_sums(made.warehouse, Path(folder))
        made.build("core.spent_output_days")
    return {**found, "faults": faults, "totals": made.warehouse.rows(TOTALS)[0]}


def on_spark(folder: str, days: int) -> Found:
    """The same question to Spark over the same files; its session has begun."""
    from pipelines.spark_engine import LOCAL, MEANING, QUIET, begun

    session = begun("local[2]", {**MEANING, **QUIET, **LOCAL})
    closes(days).to_csv(f"{folder}/closes.csv", index=False, date_format="%Y-%m-%d")
    session.read.csv(f"{folder}/closes.csv", header=True, schema="date date, close double").createOrReplaceTempView(
        "closes"
    )
    java = session.sparkContext._gateway.proc.pid
    with timed(lambda: cpu_seconds_of(java)) as found:
        session.read.parquet(f"{folder}/provider=own_node").createOrReplaceTempView("spent")
        (totals,) = session.sql(SPARK).collect()
    found |= {"totals": list(totals), "peak_mb": peak_mb_of(java)}
    session.stop()
    return found


def closes(days: int) -> pd.DataFrame:
    """A random walk of the price over the outputs' days."""
    steps = np.random.default_rng(4).normal(0, 0.03, days + 1)
    return pd.DataFrame({"date": pd.date_range(FIRST_DAY, periods=days + 1), "close": 5e4 * np.exp(steps.cumsum())})


@contextmanager
def timed(cpu: Callable[[], float] = cpu_seconds) -> Iterator[Found]:
    """Wall and CPU seconds of a block."""
    found: Found = {}
    started, used = time.perf_counter(), cpu()
    yield found
    found |= {"seconds": time.perf_counter() - started, "cpu": cpu() - used}
