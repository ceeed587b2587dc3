"""What a step cost, and what came of it."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.warehouse import Warehouse
from tests.bench.tables import CHECKED


def cpu_seconds() -> float:
    """Seconds of both cores that this process has used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


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
