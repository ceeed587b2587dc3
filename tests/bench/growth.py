"""Core and marts by the models alone at a tenth of the rows and at all of them: 20 years of daily bars."""

import tempfile
from math import log
from pathlib import Path

from pipelines.engines import build
from tests.bench.market import opened, the_run
from tests.bench.meter import Meter
from tests.bench.process import Found, in_own_process
from tests.bench.tables import CHECKED

# 5,000 instruments, 250 sessions a year.
SIZES = {"rows": 25_000_000, "years": 20}


def run(rows: int, years: int) -> None:
    """Build each size in a process of its own; print costs and how they grow."""
    sizes = (rows // 10, rows)
    found = [measured(size, years) for size in sizes]
    print(f"{'price rows':>12}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}")
    for size, one in zip(sizes, found, strict=True):
        print(f"{size:>12,}{one['wall']:>10.2f}{one['cpu']:>10.2f}{one['peak_mb']:>10,.0f}")
    for kind in ("wall", "cpu"):
        print(f"exponent of {kind:4} {exponent(sizes, [one[kind] for one in found]):.2f}")


def measured(rows: int, years: int) -> Found:
    """Costs of building every table that grows with so many price rows."""
    with tempfile.TemporaryDirectory() as folder:
        market = str(Path(folder) / "market.duckdb")
        in_own_process("tests.bench.market", "simulate", file=market, price_rows=rows, years=years)
        return in_own_process("tests.bench.growth", "built", file=market, years=years)


def built(file: str, years: int) -> Found:
    """Wall and CPU seconds of all tables together."""
    meter, run_of = Meter(), the_run(Path(file).parent, years)
    with opened(Path(file)) as warehouse, meter.measuring("all", "make"):
        for name in CHECKED:
            build(warehouse, run_of, name)
    wall, cpu = meter.costs["all"]["make"]
    return {"wall": wall, "cpu": cpu}


def exponent(sizes: tuple[int, int], costs: list[float]) -> float:
    """The power of the rows that the cost grows with: 1 is in proportion."""
    return log(costs[1] / costs[0]) / log(sizes[1] / sizes[0])
