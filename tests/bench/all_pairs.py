"""Every pair's correlation over 90 sessions, 500 series and 10 years, against a loop over pairs in pandas."""

import time
from itertools import combinations

import numpy as np
import pandas as pd

from pipelines.all_pairs import all_pairs
from tests.bench.meter import cpu_seconds
from tests.bench.process import Found, in_own_process

SIZES = {"symbols": 500, "sessions": 2_520, "window": 90, "sample": 500}


def run(symbols: int, sessions: int, window: int, sample: int) -> None:
    """Measure in a process of its own and print; pandas does a sample of the pairs, drawn at random."""
    found = in_own_process(
        "tests.bench.all_pairs", "measured", symbols=symbols, sessions=sessions, window=window, sample=sample
    )
    n_pairs, n_sample = found["pairs"], found["sample"]
    whole = found["pandas"] * n_pairs / n_sample
    print(f"{symbols} series, {sessions:,} sessions, window {window}: {n_pairs:,} pairs, {found['values']:,} values")
    print(f"all_pairs {found['ours']:.2f} s, CPU {found['ours_cpu']:.2f} s; peak of both {found['peak_mb']:,.0f} MB")
    print(f"pandas {found['pandas']:.2f} s for {n_sample:,} pairs, so {whole:,.0f} s for all (extrapolated)")
    cpu_ratio = found["pandas_cpu"] * n_pairs / n_sample / found["ours_cpu"]
    print(f"ratio {whole / found['ours']:.1f}, of CPU {cpu_ratio:.1f}; largest difference {found['difference']:.1e}")


def measured(symbols: int, sessions: int, window: int, sample: int) -> Found:
    """Wall and CPU seconds of both sides, and how far apart they are on the sample."""
    returns = simulated(symbols, sessions)
    pairs = list(combinations(range(symbols), 2))
    drawn = np.random.default_rng(2).permutation(len(pairs))[:sample]
    base, other = np.array([pairs[k] for k in drawn]).T
    started, cpu = time.perf_counter(), cpu_seconds()
    ours = np.array([matrix[base, other] for _, matrix in all_pairs(returns, window)])
    between, cpu_between = time.perf_counter(), cpu_seconds()
    theirs = [returns[i].rolling(window).corr(returns[j]) for i, j in zip(base, other, strict=True)]
    ended, cpu_ended = time.perf_counter(), cpu_seconds()
    gaps = np.isnan(ours) != np.isnan(expected := np.column_stack(theirs)[window - 1 :])
    return {
        "ours": between - started,
        "pandas": ended - between,
        "ours_cpu": cpu_between - cpu,
        "pandas_cpu": cpu_ended - cpu_between,
        "difference": float("inf") if gaps.any() else float(np.nanmax(np.abs(ours - expected))),
        "pairs": len(pairs),
        "sample": len(drawn),
        "values": len(pairs) * (sessions - window + 1),
    }


def simulated(symbols: int, sessions: int) -> pd.DataFrame:
    """Fat-tailed returns with a common factor; one in ten thousand is missing."""
    rng = np.random.default_rng(1)
    values = 0.01 * (rng.standard_t(4, (sessions, 1)) + rng.standard_t(4, (sessions, symbols)))
    values[rng.random(values.shape) < 1e-4] = np.nan
    return pd.DataFrame(values, pd.bdate_range("2015-01-01", periods=sessions))
