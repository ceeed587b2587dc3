"""The project's own models."""

from pathlib import Path

from pipelines.engines import build
from tests.bench.market import opened, the_run
from tests.bench.meter import Meter, results
from tests.bench.tables import CHECKED


def measured(file: str) -> dict[str, object]:
    """Costs, memory and results of building every table in the working file."""
    meter, run = Meter(), the_run(Path(file).parent)
    with opened(Path(file)) as warehouse:
        for name in CHECKED:
            with meter.measuring(name, "make"):
                build(warehouse, run, name)
        return {"costs": meter.costs, "results": results(warehouse)}
