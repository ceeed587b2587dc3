"""`make bench`: the marts at 5 million price rows, against the same tables in vectorised pandas, in one run.

Each side runs in a process of its own over the same Parquet of simulated prices, so that its peak memory is its own.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from math import isclose
from pathlib import Path

N_SESSIONS = 2500
BASE = "S00000"
INPUTS = (
    "core.prices",
    "core.instruments",
    "core.sessions",
    "core.session_closes",
    "core.correlation_windows",
    "core.alternative_correlations",
)
# Columns whose sums have to agree, in the order of building.
CHECKED = {
    "marts.drawdowns": ["drawdown", "drawdown_intraday"],
    "marts.drawdown_episodes": ["depth", "depth_intraday", "days_to_valley", "days_to_recovery", "n_obs"],
    "core.returns": ["log_return"],
    "marts.correlations": ["correlation", "ci_low", "ci_high"],
}

PRICES = f"""
with steps as (
    select
        printf('S%05d', s.i) as symbol, cast(date '2016-01-01' + cast(d.i as integer) as date) as date,
        0.02 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as step
    from range($1) as s(i) cross join range({N_SESSIONS}) as d(i)
)
select symbol, date, close, close * 0.99 as low, close * 1.02 as high
from (select symbol, date, 100 * exp(sum(step) over (partition by symbol order by date)) as close from steps)
"""


def main():
    """Run both sides and print their seconds, memory and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="price rows [5,000,000]")
    parser.add_argument("--side", choices=["models", "pandas"], help=argparse.SUPPRESS)
    parser.add_argument("--prices", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measured(options.side, options.prices)))
        return
    with tempfile.TemporaryDirectory() as folder:
        prices = str(Path(folder) / "prices.parquet")
        generate(prices, options.rows // N_SESSIONS)
        sides = {side: in_own_process(side, prices) for side in ("models", "pandas")}
    show(options.rows, sides)


def generate(file, n_symbols):
    """Simulated random walks."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(f"copy ({PRICES}) to '{file}' (format parquet)", [n_symbols])


def in_own_process(side, prices):
    """One side's seconds by table, row counts and peak memory."""
    command = [sys.executable, "-m", "tests.benchmark", "--side", side, "--prices", prices]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measured(side, prices):
    """Seconds and rows of each table, and the process's peak memory in MB."""
    tables = with_models(prices) if side == "models" else with_pandas(prices)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"tables": tables, "peak_mb": peak}


def with_models(prices):
    """The project's own SQL models over a working file in which core.prices is the simulated walk."""
    from datetime import UTC, date, datetime

    from pipelines.contracts import contracts
    from pipelines.engines import build
    from pipelines.settings import Profile, Run
    from pipelines.warehouse import Warehouse, table_ddl

    with tempfile.TemporaryDirectory() as folder:
        run = Run(
            "bench",
            Profile.SAMPLE,
            Path(folder),
            date(2016, 1, 1),
            datetime(2023, 1, 1, tzinfo=UTC),
            date(2022, 12, 31),
        )
        warehouse = Warehouse(Path(folder) / "work.duckdb")
        warehouse.prepare(run)
        for name in INPUTS:
            warehouse.execute(table_ddl(contracts()[name], f"create table {name}"))
        warehouse.execute(
            "insert into core.prices by name select symbol, date, low, high, close, close as close_adjusted,"
            " close as close_total_return, 1 as coverage, 'bench' as source, timestamp '2023-01-01' as known_at"
            " from read_parquet($1)",
            [prices],
        )
        warehouse.execute(
            "insert into core.instruments by name select distinct symbol, symbol as name, 'equity' as kind,"
            f" 'XNYS' as calendar, symbol = '{BASE}' as is_correlation_base from core.prices"
        )
        warehouse.execute(
            "insert into core.sessions by name select date, date::timestamp as open_at, date::timestamp as close_at,"
            " false as is_early_close, row_number() over (order by date) as session_number"
            " from (select distinct date from core.prices)"
        )
        warehouse.execute("insert into core.correlation_windows values (30), (90)")
        found = {}
        for name, columns in CHECKED.items():
            started = time.perf_counter()
            build(warehouse, run, name)
            seconds = time.perf_counter() - started
            sums = ", ".join(f"sum({c})" for c in columns)
            rows, *sums = warehouse.rows(f"select count(*), {sums} from {name}")[0]
            found[name] = {"seconds": seconds, "rows": rows, "sums": [float(value) for value in sums]}
        warehouse.close()
    return found


def with_pandas(file):
    """The same tables, vectorised over whole columns."""
    import numpy as np
    import pandas as pd

    found = {}

    def timed(name, make):
        started = time.perf_counter()
        frame = make()
        found[name] = {"seconds": time.perf_counter() - started, "rows": len(frame)}
        found[name]["sums"] = [float(frame[c].sum()) for c in CHECKED[name]]
        return frame

    prices = pd.read_parquet(file) if has_pyarrow() else frame_of(file)

    def drawdowns():
        ordered = prices.sort_values(["symbol", "date"], ignore_index=True)
        highest = ordered.groupby("symbol", sort=False)["high"].cummax()
        intraday = {"price": ordered["low"] / highest - 1, "total_return": np.nan}
        levels = ordered[["symbol", "date", "close"]]
        return pd.concat(
            [drawdown(levels.assign(basis=b, drawdown_intraday=d)) for b, d in intraday.items()], ignore_index=True
        )

    def drawdown(levels):
        levels["peak_close"] = levels.groupby("symbol", sort=False)["close"].cummax()
        at_peak = levels["date"].where(levels["close"] == levels["peak_close"])
        levels["peak_date"] = at_peak.groupby(levels["symbol"], sort=False).ffill()
        levels["drawdown"] = levels["close"] / levels["peak_close"] - 1
        return levels

    def episodes(daily):
        daily = daily.assign(next_date=daily.groupby(["symbol", "basis"], sort=False)["date"].shift(-1))
        under = daily[daily["drawdown"] < 0]
        key = ["symbol", "basis", "peak_date"]
        grouped = under.groupby(key, sort=False)
        out = grouped.agg(
            first_under_date=("date", "min"),
            depth=("drawdown", "min"),
            depth_intraday=("drawdown_intraday", "min"),
            n_obs=("date", "size"),
        )
        out["recovery_date"] = grouped["next_date"].last(skipna=False)
        valleys = under.loc[grouped["drawdown"].idxmin(), [*key, "date"]].rename(columns={"date": "valley_date"})
        out = out.reset_index().merge(valleys, on=key, validate="1:1")
        out["days_to_valley"] = (out["valley_date"] - out["peak_date"]).dt.days
        out["days_to_recovery"] = (out["recovery_date"] - out["peak_date"]).dt.days
        out["is_open"] = out["recovery_date"].isna()
        return out

    def returns():
        ordered = prices[["symbol", "date", "close"]].sort_values(["symbol", "date"], ignore_index=True)
        before = ordered.groupby("symbol", sort=False)[["close", "date"]].shift()
        log_return = np.log(ordered["close"] / before["close"])
        return ordered.assign(previous_date=before["date"], log_return=log_return).dropna()

    def correlations(frame):
        base = frame.loc[frame["symbol"] == BASE, ["date", "log_return"]].rename(columns={"log_return": "x"})
        pairs = frame.loc[frame["symbol"] != BASE, ["symbol", "date", "log_return"]].merge(base, on="date")
        pairs = pairs.sort_values(["symbol", "date"], ignore_index=True).rename(columns={"log_return": "y"})
        return pd.concat([window(pairs, n) for n in (30, 90)], ignore_index=True)

    def window(pairs, n):
        x, y = pairs["x"], pairs["y"]
        parts = pd.DataFrame({"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y})
        sums = parts.groupby(pairs["symbol"], sort=False).rolling(n).sum().reset_index(drop=True)
        covariance = n * sums["xy"] - sums["x"] * sums["y"]
        spread = (n * sums["xx"] - sums["x"] ** 2) * (n * sums["yy"] - sums["y"] ** 2)
        r = covariance / np.sqrt(spread)
        z, width = np.arctanh(r), 1.959963984540054 / np.sqrt(n - 3)
        low, high = np.tanh(z - width), np.tanh(z + width)
        out = pairs[["symbol", "date"]].assign(window=n, correlation=r, ci_low=low, ci_high=high)
        return out[sums["x"].notna()]

    daily = timed("marts.drawdowns", drawdowns)
    timed("marts.drawdown_episodes", lambda: episodes(daily))
    log_returns = timed("core.returns", returns)
    timed("marts.correlations", lambda: correlations(log_returns))
    return found


def has_pyarrow():
    """Whether pandas can read Parquet by itself."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def frame_of(file):
    """The prices as a frame, read by DuckDB outside the timings."""
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute("select * from read_parquet($1)", [file]).df()


def show(rows, sides):
    """Seconds by table and side, the ratios, and the machine."""
    models, peer = sides["models"], sides["pandas"]
    print(f"{rows:,} price rows, {platform.processor() or platform.machine()}, {time.strftime('%Y-%m-%d')}")
    print(f"{'table':26}{'rows':>12}{'models s':>10}{'pandas s':>10}{'ratio':>8}")
    for name, ours in models["tables"].items():
        theirs = peer["tables"][name]
        assert ours["rows"] == theirs["rows"], (name, ours["rows"], theirs["rows"])
        assert all(isclose(a, b, rel_tol=1e-9) for a, b in zip(ours["sums"], theirs["sums"], strict=True)), (
            ours,
            theirs,
        )
        ratio = theirs["seconds"] / ours["seconds"]
        print(f"{name:26}{ours['rows']:>12,}{ours['seconds']:>10.2f}{theirs['seconds']:>10.2f}{ratio:>8.1f}")
    total = [sum(t["seconds"] for t in side["tables"].values()) for side in (models, peer)]
    print(f"{'all':26}{'':12}{total[0]:>10.2f}{total[1]:>10.2f}{total[1] / total[0]:>8.1f}")
    memory = (models["peak_mb"], peer["peak_mb"], peer["peak_mb"] / models["peak_mb"])
    print(f"{'peak memory, MB':38}{memory[0]:>10.0f}{memory[1]:>10.0f}{memory[2]:>8.1f}")


if __name__ == "__main__":
    main()
