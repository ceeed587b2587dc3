"""The simulated market as a working file of the pipeline, filled where vendors and universe.yaml fill it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipelines.contracts import contracts
from pipelines.settings import Profile, Run
from pipelines.warehouse import Warehouse, table_ddl

LAST_DAY = date(2025, 8, 1)
SESSIONS_A_YEAR = 250
GIVEN = (
    "core.sessions",
    "core.instruments",
    "core.basket_members",
    "core.correlation_windows",
    "core.named_episodes",
    "core.shares_outstanding",
)


def first_day(years: int) -> date:
    """The Monday of the first of the market's weeks; every weekday is a session."""
    return LAST_DAY - timedelta(weeks=years * SESSIONS_A_YEAR // 5) + timedelta(days=3)


def the_run(folder: Path, years: int = 10) -> Run:
    """A run as of the market's last day, that had ended the day after."""
    return Run("bench", Profile.SAMPLE, folder, first_day(years), datetime(2025, 8, 2, tzinfo=UTC), LAST_DAY)


@contextmanager
def opened(file: Path) -> Iterator[Warehouse]:
    """The working file."""
    warehouse = Warehouse(file)
    try:
        yield warehouse
    finally:
        warehouse.close()


def simulate(file: str, price_rows: int, years: int = 10) -> None:
    """Write a working file whose raw tables are about so many daily bars and what goes with them."""
    with opened(Path(file)) as warehouse:
        warehouse.prepare(the_run(Path(file).parent, years))
        for name in GIVEN:
            warehouse.execute(table_ddl(contracts()[name], f"create table {name}"))
        warehouse.execute(f"set variable n_symbols = {price_rows // (years * SESSIONS_A_YEAR)}")
        warehouse.execute(f"set variable first_day = date '{first_day(years)}'")
        warehouse.execute(f"set variable last_day = date '{LAST_DAY}'")
        warehouse.execute(Path(__file__).with_suffix(".sql").read_text())
