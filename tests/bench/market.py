"""The simulated market as a working file of the pipeline, filled where vendors and universe.yaml fill it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.contracts import contracts
from pipelines.settings import Profile, Run
from pipelines.warehouse import Warehouse, table_ddl

FIRST_DAY, LAST_DAY = date(2016, 1, 4), date(2025, 8, 1)
N_SESSIONS = 2500
GIVEN = (
    "core.sessions",
    "core.instruments",
    "core.basket_members",
    "core.correlation_windows",
    "core.named_episodes",
    "core.shares_outstanding",
)


def the_run(folder: Path) -> Run:
    """A run as of the market's last day, that had ended the day after."""
    return Run("bench", Profile.SAMPLE, folder, FIRST_DAY, datetime(2025, 8, 2, tzinfo=UTC), LAST_DAY)


@contextmanager
def opened(file: Path) -> Iterator[Warehouse]:
    """The working file."""
    warehouse = Warehouse(file)
    try:
        yield warehouse
    finally:
        warehouse.close()


def simulate(file: Path, price_rows: int) -> None:
    """Write a working file whose raw tables are about so many daily bars and what goes with them."""
    with opened(file) as warehouse:
        warehouse.prepare(the_run(file.parent))
        for name in GIVEN:
            warehouse.execute(table_ddl(contracts()[name], f"create table {name}"))
        warehouse.execute(f"set variable n_symbols = {price_rows // N_SESSIONS}")
        warehouse.execute(Path(__file__).with_suffix(".sql").read_text())
