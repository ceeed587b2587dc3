"""Who runs a SQL model's query: DuckDB, in this process, or Spark."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pipelines.contracts import Contract
from pipelines.settings import EngineName, Run, Settings
from pipelines.warehouse import Warehouse


class EngineFailed(Exception):
    """An engine could not be started, or did not run a query."""


class Engine(Protocol):
    """Runs the query of a SQL model."""

    def select(self, warehouse: Warehouse, contract: Contract) -> str:
        """What DuckDB selects the model's rows by, once the engine has done its part."""


class DuckDB:
    """DuckDB runs the query itself."""

    def select(self, warehouse: Warehouse, contract: Contract) -> str:
        """The query, in key order, so that readers' filters skip most of the file."""
        return f"select * from ({contract.sql_file.read_text()}) order by {contract.quoted_grain}"


DUCKDB = DuckDB()


@contextmanager
def chosen_engine(settings: Settings, run: Run) -> Iterator[Engine]:
    """The engine of a run, as the settings say; raises EngineFailed where Spark is chosen but not installed."""
    if settings.engine is EngineName.DUCKDB:
        yield DUCKDB
        return
    from pipelines.spark_engine import SparkEngine

    with SparkEngine(settings.spark_master, run.state / "spark") as engine:
        yield engine
