"""`python -m tests.bench [NAME] [--rows N …]`: the benchmarks behind docs/speed.md, all of them or one."""

import argparse
from importlib import import_module
from types import ModuleType

from tests.bench.machine import machine

NAMES = ("against_pandas", "growth", "one_more_day", "all_pairs", "spent_outputs")


def main() -> None:
    """Run what is asked for, each under a line that says what it was measured on."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    commands = parser.add_subparsers(dest="name", metavar="NAME")
    for name in NAMES:
        bench = load(name)
        command = commands.add_parser(name, help=bench.__doc__, description=bench.__doc__)
        for size, default in bench.SIZES.items():
            command.add_argument(f"--{size}", type=int, default=default, help=f"[{default:,}]")
    sizes = vars(parser.parse_args())
    chosen = sizes.pop("name")
    for name in [chosen] if chosen else NAMES:
        bench = load(name)
        print(f"{name}: {machine()}", flush=True)
        bench.run(**(sizes if chosen else bench.SIZES))


def load(name: str) -> ModuleType:
    """A benchmark: its SIZES by name, and `run`, which measures and prints."""
    return import_module(f"tests.bench.{name}")


if __name__ == "__main__":
    main()
