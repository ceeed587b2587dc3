"""What a step cost, and what came of it."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.warehouse import Warehouse
from tests.bench.tables import CHECKED


def cpu_seconds() -> float:
    """Seconds of both cores that this process has used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def cpu_seconds_of(pid: int) -> float:
    """Seconds of both cores that another process has used so far, as Linux tells them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb_of(pid: int) -> float:
    """The most memory another process has held so far, as Linux tells it."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


class Meter:
    """Costs by table and kind of work (`make`, and `move` for reading and storing): [wall, CPU] seconds."""

    def __init__(self) -> None:
        self.costs: dict[str, dict[str, list[float]]] = {}

    @contextmanager
    def measuring(self, table: str, kind: str) -> Iterator[None]:
        """Add the cost of a step to its table's."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        spent = self.costs.setdefault(table, {}).setdefault(kind, [0.0, 0.0])
        spent[0] += time.perf_counter() - wall
        spent[1] += cpu_seconds() - cpu


def results(warehouse: Warehouse) -> dict[str, list[float]]:
    """The number of rows of every table, and the sums of its checked columns."""
    found = {}
    for name, columns in CHECKED.items():
        sums = ", ".join(f"coalesce(sum({c}), 0)" for c in columns)
        found[name] = [float(v) for v in warehouse.rows(f"select count(*), {sums} from {name}")[0]]
    return found
