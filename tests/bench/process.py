"""Runs a function of a benchmark in a process of its own, whose memory is then its own."""

import json
import subprocess
import sys
from importlib import import_module
from typing import Any

from tests.bench.meter import peak_mb

Found = dict[str, Any]


def in_own_process(module: str, function: str, **arguments: Any) -> Found:
    """What the function returns, and `peak_mb`, the most memory its process held, unless it says so itself."""
    command = [sys.executable, "-m", "tests.bench.process", module, function, json.dumps(arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def main(module: str, function: str, arguments: str) -> None:
    """The other side: call it, print what it returns."""
    found = getattr(import_module(module), function)(**json.loads(arguments)) or {}
    print(json.dumps({"peak_mb": peak_mb(), **found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
