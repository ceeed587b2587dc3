"""The daily job's part: each whole day's spent outputs, summed once by the day they were made."""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import duckdb
import pandas as pd

from pipelines.chain.index import ChainDay, whole_days
from pipelines.chain.partitions import index_file, partition
from pipelines.quoting import quoted
from pipelines.warehouse import Warehouse

# Bounds what one transaction holds: about a hundred million outputs of recent years.
DAYS_A_PASS = 100
log = logging.getLogger("scaretrade")

SUMS = """
create or replace temp table sums as
select provider, day as date, created_date, count(*) as n_outputs, cast(sum(value_sat) as bigint) as spent_sat
from read_parquet([{files}], hive_partitioning = true, hive_types = {{'provider': varchar, 'day': date}})
group by provider, day, created_date
"""
AGREEING = """
select d.* replace (cast(d.date as date) as date)
from due as d
left join (
    select provider, date, sum(n_outputs) as n_outputs, sum(spent_sat) as spent_sat from sums group by provider, date
) as s on d.provider = s.provider and d.date = s.date
where coalesce(s.n_outputs, 0) = d.n_outputs and coalesce(s.spent_sat, 0) = d.spent_sat
"""


def refresh_sums(warehouse: Warehouse, folder: Path) -> list[str]:
    """Bring raw.chain_days and raw.spent_coin_days up to the partitions; returns what is wrong with those left out.

    Only days that are new, or whose blocks are others than when they were summed, are read.
    """
    whole = {(day.provider, day.day): day for day in whole_days(index_file(folder))}
    summed = warehouse.rows("select provider, cast(date as varchar), content_hash from raw.chain_days")
    known = {(provider, day): content for provider, day, content in summed}
    forget(warehouse, [key for key, content in known.items() if key not in whole or whole[key].content_hash != content])
    due = [day for key, day in whole.items() if known.get(key) != day.content_hash]
    faults: list[str] = []
    for start in range(0, len(due), DAYS_A_PASS):
        faults += add(warehouse, folder, due[start : start + DAYS_A_PASS])
    for fault in faults:
        log.warning("%s", fault)
    return faults


def forget(warehouse: Warehouse, keys: Iterable[tuple[str, str]]) -> None:
    """Remove days that were rolled back or replaced."""
    with warehouse.transaction():
        for provider, day in keys:
            for table in ("raw.spent_coin_days", "raw.chain_days"):
                warehouse.execute(
                    f"delete from {table} where provider = $1 and date = cast($2 as date)", [provider, day]
                )


def add(warehouse: Warehouse, folder: Path, days: list[ChainDay]) -> list[str]:
    """Sum days in one query, or one by one where a file among them cannot be read; returns the faults."""
    frame = pd.DataFrame([asdict(day) for day in days]).rename(columns={"day": "date"})
    warehouse.connection.register("due", frame.assign(date=pd.to_datetime(frame["date"])))
    try:
        with warehouse.transaction():
            warehouse.execute(
                SUMS.format(files=", ".join(f"'{quoted(partition(folder, day.provider, day.day))}'" for day in days))
            )
            warehouse.execute("create or replace temp table agreeing as " + AGREEING)
            warehouse.execute("insert into raw.chain_days by name select * from agreeing")
            warehouse.execute(
                "insert into raw.spent_coin_days by name select * from sums semi join agreeing using (provider, date)"
            )
    except duckdb.Error as error:
        if len(days) > 1:
            return [fault for day in days for fault in add(warehouse, folder, [day])]
        return [fault_of(days[0], folder, str(error).splitlines()[0])]
    agreeing = set(warehouse.rows("select provider, cast(date as varchar) from agreeing"))
    apart = [day for day in days if (day.provider, day.day) not in agreeing]
    return [fault_of(day, folder, "its rows are not those that were counted") for day in apart]


def fault_of(day: ChainDay, folder: Path, reason: str) -> str:
    """What is wrong with a day's partition, and what to do."""
    return (
        f"{day.provider} spent_outputs {day.day}: left out: {reason}. Next: remove {folder} and count again"
        " (`scaretrade chain sync` or `scaretrade chain import`)"
    )
