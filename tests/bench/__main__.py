"""`python -m tests.bench`: both sides in a process of their own over the same simulated market, then side by side."""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from math import isclose
from pathlib import Path
from shutil import copyfile
from typing import Any

from tests.bench.tables import CHECKED

SIDES = ("models", "pandas")
Found = dict[str, Any]


def main() -> None:
    """Simulate, run both sides, compare their tables and print what they cost."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="price rows [5,000,000]")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(step(options.step[0], Path(options.step[1]), options.rows)))
        return
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market.duckdb"
        in_own_process("simulate", market, options.rows)
        sides = {side: in_own_process(side, copied(market, side), options.rows) for side in SIDES}
    compare(sides["models"]["results"], sides["pandas"]["results"])
    show(options.rows, sides)


def step(name: str, file: Path, rows: int) -> Found:
    """What a process of its own does."""
    if name == "simulate":
        from tests.bench.market import simulate

        simulate(file, rows)
        return {}
    found: Found = import_module(f"tests.bench.with_{name}").measured(file)
    return found


def in_own_process(name: str, file: Path, rows: int) -> Found:
    """A step's result; in a process of its own its peak memory is its own."""
    command = [sys.executable, "-m", "tests.bench", "--rows", str(rows), "--step", name, str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: Found = json.loads(done.stdout)
    return found


def copied(market: Path, side: str) -> Path:
    """A side's own copy of the market."""
    return Path(copyfile(market, market.with_stem(side)))


def compare(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    """Both sides must have made the same tables: as many rows, and the same sums to nine digits."""
    for name in CHECKED:
        if not all(isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(ours[name], theirs[name], strict=True)):
            sys.exit(f"{name} differs: models {ours[name]}, pandas {theirs[name]}")


def show(rows: int, sides: dict[str, Found]) -> None:
    """Wall and CPU seconds by table and side, the peaks of memory, their ratios, and the machine."""
    models, pandas = (sides[side]["costs"] for side in SIDES)
    print(f"{rows:,} price rows, {platform.processor() or platform.machine()}, {time.strftime('%Y-%m-%d')}")
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


if __name__ == "__main__":
    main()
