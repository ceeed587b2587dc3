"""Core and marts at 5 million price rows, against the same tables made by a pandas script."""

import sys
import tempfile
from math import isclose
from pathlib import Path
from shutil import copyfile

from tests.bench.process import Found, in_own_process
from tests.bench.tables import CHECKED

# 250,000 rows at least: fewer are no hundred symbols, and make no basket.
SIZES = {"rows": 5_000_000}
SIDES = ("models", "pandas")


def run(rows: int) -> None:
    """Both sides in a process of their own over the same simulated market, then side by side."""
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market.duckdb"
        in_own_process("tests.bench.market", "simulate", file=str(market), price_rows=rows)
        sides = {
            side: in_own_process(f"tests.bench.with_{side}", "measured", file=str(copied(market, side)))
            for side in SIDES
        }
    compare(sides["models"]["results"], sides["pandas"]["results"])
    show(rows, sides)


def copied(market: Path, side: str) -> Path:
    """A side's own copy of the market."""
    return Path(copyfile(market, market.with_stem(side)))


def compare(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    """Both sides must have made the same tables: as many rows, and the same sums to nine digits."""
    for name in CHECKED:
        if not all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(ours[name], theirs[name], strict=True)):
            sys.exit(f"{name} differs: models {ours[name]}, pandas {theirs[name]}")


def show(rows: int, sides: dict[str, Found]) -> None:
    """Wall and CPU seconds by table and side, the peaks of memory, their ratios."""
    models, pandas = (sides[side]["costs"] for side in SIDES)
    print(f"{rows:,} price rows")
    print(f"{'table':31}{'rows':>12}{'models s':>10}{'pandas s':>10}{'ratio':>7}{'models CPU':>12}{'pandas CPU':>12}")
    for name in CHECKED:
        n = f"{sides['models']['results'][name][0]:,.0f}"
        print(line(name, n, total(models[name]), total(pandas[name])))
    print(line("all", "", *(summed(costs, ("make", "move")) for costs in (models, pandas))))
    print(line("all, pandas neither reads nor stores", "", summed(models, ("make",)), summed(pandas, ("make",))))
    ours, theirs = (sides[side]["peak_mb"] for side in SIDES)
    print(f"{'peak memory, MB':43}{ours:>10,.0f}{theirs:>10,.0f}{theirs / ours:>7.1f}")


def total(kinds: dict[str, list[float]]) -> list[float]:
    """Wall and CPU seconds of one table."""
    return [sum(kind[i] for kind in kinds.values()) for i in (0, 1)]


def summed(costs: dict[str, dict[str, list[float]]], kinds: tuple[str, ...]) -> list[float]:
    """Wall and CPU seconds of all tables."""
    return [sum(cost[kind][i] for cost in costs.values() for kind in kinds if kind in cost) for i in (0, 1)]


def line(name: str, n: str, ours: list[float], theirs: list[float]) -> str:
    """One line of the table."""
    wall, cpu = f"{ours[0]:>10.2f}{theirs[0]:>10.2f}{theirs[0] / ours[0]:>7.1f}", f"{ours[1]:>12.2f}{theirs[1]:>12.2f}"
    return f"{name:31}{n:>12}{wall}{cpu}"
