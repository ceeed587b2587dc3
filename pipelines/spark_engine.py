"""Runs SQL models on Spark: Parquet in, Parquet out, in a folder that the driver and every worker see."""

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.contracts import Contract
from pipelines.quoting import quoted
from pipelines.spark_dialect import spark_steps
from pipelines.sql_engine import EngineFailed
from pipelines.warehouse import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TYPES = {
    "VARCHAR": "string",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "BIGINT": "bigint",
    "INTEGER": "int",
    "BOOLEAN": "boolean",
}

# What the results depend on; everything else is the cluster's, in its spark-defaults.conf.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
}
# No web page that nobody asked for, no progress bars in the job's output.
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
# One machine: nothing listens beyond it, and two hundred partitions, meant for a cluster, would only cost.
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}


class SparkEngine:
    """A Spark session of one run. What one model wrote, the next ones read in place."""

    def __init__(self, master: str, exchange: Path) -> None:
        self._master, self._exchange = master, exchange
        self._known: set[str] = set()

    def __enter__(self) -> "SparkEngine":
        """Begin the session; raises EngineFailed where pyspark, Java or the cluster is missing."""
        shutil.rmtree(self._exchange, ignore_errors=True)
        self._exchange.mkdir(parents=True)
        settings = {**MEANING, **QUIET, "spark.sql.warehouse.dir": str(self._exchange)}
        self.session = begun(self._master, settings | (LOCAL if self._master.startswith("local") else {}))
        return self

    def __exit__(self, *_: object) -> None:
        self.session.stop()
        shutil.rmtree(self._exchange, ignore_errors=True)

    def select(self, warehouse: Warehouse, contract: Contract) -> str:
        """Run the model on Spark; raises EngineFailed. Its rows lie in Parquet, in the contract's columns and types."""
        from pipelines.engines import inputs

        for table in sorted(inputs(contract.name) - self._known):
            self._export(warehouse, table)
        folder = self._exchange / contract.name
        with failures_named(contract.name, self._master):
            frame = in_contract(self._result(contract), contract)
            frame.write.mode("overwrite").parquet(str(folder))
            self.session.catalog.clearCache()
            self._register(contract.name, folder)
        return f"select * from read_parquet('{quoted(folder)}/*.parquet')"

    def _export(self, warehouse: Warehouse, table: str) -> None:
        file = self._exchange / f"{table}.parquet"
        warehouse.execute(f"copy (from {table}) to '{quoted(file)}' (format parquet)")
        self._register(table, file)

    def _register(self, table: str, path: Path) -> None:
        self.session.sql(f"create database if not exists {table.split('.')[0]}")
        self.session.sql(f"drop table if exists {table}")
        self.session.catalog.createTable(table, path=str(path), source="parquet")
        self._known.add(table)

    def _result(self, contract: Contract) -> "DataFrame":
        steps, last = spark_steps(contract.sql_file.read_text())
        for step in steps:
            frame = self.session.sql(step.query)
            (frame.persist() if step.is_shared else frame).createOrReplaceTempView(step.name)
        return self.session.sql(last)


def in_contract(frame: "DataFrame", contract: Contract) -> "DataFrame":
    """A result in the contract's columns and types; raises EngineFailed where it has others."""
    if set(frame.columns) != set(contract.columns):
        different = sorted(set(frame.columns) ^ set(contract.columns))
        raise EngineFailed(f"{contract.name}: columns differ from the contract: {different}")
    return frame.selectExpr(*[f"cast(`{n}` as {TYPES[c.type]}) as `{n}`" for n, c in contract.columns.items()])


@contextmanager
def failures_named(table: str, master: str) -> Iterator[None]:
    """Errors of Spark as one line that names the table."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise EngineFailed(
            f"{table}: Spark at {master} did not run its query: {first_line(error)}."
            " Next: see the cluster's log, or leave SCARETRADE_ENGINE empty to run it on DuckDB"
        ) from None


def begun(master: str, settings: dict[str, str]) -> "SparkSession":
    """A session; raises EngineFailed with what is missing."""
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise EngineFailed(
            "SCARETRADE_ENGINE=spark needs pyspark. Next: `pip install 'scaretrade[spark]'`, and Java 17 or newer"
        ) from None
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    try:
        # Of pandas 3, which Spark's SQL does not touch.
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            return SparkSession.builder.appName("scaretrade").master(master).config(map=dict(settings)).getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise EngineFailed(
            f"Spark at {master} did not begin: {first_line(error)}."
            " Next: check SCARETRADE_SPARK_MASTER, and that Java 17 or newer is installed"
        ) from None


def first_line(error: BaseException) -> str:
    """The first line that says something, of an error that goes on for pages."""
    lines = [line.strip(": .") for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith("An error occurred while calling")]
    return said[0][:300] if said else type(error).__name__
