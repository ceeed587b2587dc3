"""The public Parquet layout of the bitcoin chain (AWS Public Blockchain Data): blocks and transactions by date.

An input there says what it spends and how much, but not when that was made. All outputs of a transaction are made at
once, so joining the inputs to the transactions that made them gives each one's height without touching outputs.
Amounts are doubles of bitcoin. Up to 21 million the double nearest to an amount is within half a satoshi of it even
after multiplying by 1e8, so that rounding gives the satoshi back without loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import duckdb
import pandas as pd

from pipelines.chain.days import running_days
from pipelines.chain.index import BlockSums, Header
from pipelines.chain.outputs import SpentOutputs
from pipelines.quoting import quoted

PROVIDER = "public_parquet"
REGION = "us-east-2"
DAYS_A_PASS = 366
# Before BIP 30 two coinbases were made again, hash and all, at heights 91,842 and 91,880; the first ones are lost.
OVERWRITTEN = "(91722, 91812)"

Progress = Callable[[str, int, int], None]


class BadLayout(Exception):
    """The folder does not hold the layout, or its blocks or amounts do not fit together; it names the next step."""


@dataclass(frozen=True)
class Imported:
    """What an import did: whole days counted, and spent outputs whose making is not in the folder."""

    days: int
    unknown: int


def import_layout(
    root: str,
    outputs: SpentOutputs,
    *,
    days_a_pass: int = DAYS_A_PASS,
    progress: Progress = lambda what, done, total: None,
) -> Imported:
    """Count the whole days of a folder or `s3://` prefix that are not counted yet; raises BadLayout."""
    root = root.rstrip("/")
    try:
        open_readers(outputs.connection, root)
        read_headers(root, outputs)
        due = uncounted_days(outputs)
        unknown = 0
        for start in range(0, len(due), days_a_pass):
            unknown += import_days(root, outputs, due[start : start + days_a_pass])
            progress("days", min(start + days_a_pass, len(due)), len(due))
    except duckdb.Error as error:
        raise BadLayout(
            f"{PROVIDER} {root}: {str(error).splitlines()[0]}. Next: check that it holds"
            " blocks/date=YYYY-MM-DD/*.parquet and transactions/date=YYYY-MM-DD/*.parquet, and can be read"
        ) from error
    return Imported(len(due), unknown)


def open_readers(connection: duckdb.DuckDBPyConnection, root: str) -> None:
    """What DuckDB needs to read an address: nothing for folders, its httpfs extension for object storage."""
    if root.startswith("s3://"):
        connection.execute(f"install httpfs; load httpfs; set s3_region = '{REGION}'")


def reading(root: str, table: str) -> str:
    """The reader of one of the layout's tables; filters on `date` leave whole files unread."""
    files = f"{root}/{table}/date=*/*.parquet"
    return f"read_parquet('{quoted(files)}', hive_partitioning = true, hive_types = {{'date': date}})"


def satoshi(amount: str) -> str:
    """SQL that turns a double of bitcoin into satoshi."""
    return f"cast(round({amount} * 1e8) as bigint)"


def read_headers(root: str, outputs: SpentOutputs) -> None:
    """Take the folder's headers that are new, after rolling back those it tells otherwise.

    A day's intraday files may stand beside its final one, so blocks are taken once each.
    """
    rows = outputs.connection.execute(
        "select distinct number, hash, previousblockhash, cast(epoch(cast(timestamp as timestamp)) as bigint),"
        f" transaction_count from {reading(root, 'blocks')} order by number"
    ).fetchall()
    for (height, block_hash, *_), (following, _, parent, *_) in pairwise(rows):
        if (following, parent) != (height + 1, block_hash):
            raise BadLayout(
                f"{PROVIDER} {root}: block {following} does not follow block {height} ({block_hash})."
                " Next: complete the blocks between them, or import folders without orphaned blocks"
            )
    days = [str(day) for day in running_days([row[3] for row in rows])]
    found = [Header(row[0], row[1], row[3], day) for row, day in zip(rows, days, strict=True)]
    replace_headers(outputs, found)
    chain = pd.DataFrame(found, columns=Header._fields).assign(n_transactions=[row[4] for row in rows])
    outputs.connection.register("incoming", chain)
    outputs.connection.execute("create or replace temp table chain as select * from incoming")


def replace_headers(outputs: SpentOutputs, found: list[Header]) -> None:
    """Make the index list these headers, keeping what is counted of the blocks they share with those known."""
    known = outputs.index.headers(PROVIDER)
    shared = next(
        (n for n, (a, b) in enumerate(zip(known, found, strict=False)) if a != b), min(len(known), len(found))
    )
    if shared < len(known):
        outputs.drop_from(PROVIDER, known[shared].height)
        outputs.index.roll_back(PROVIDER, known[shared].height)
    if found[shared:]:
        outputs.index.add_headers(PROVIDER, found[shared:])


def uncounted_days(outputs: SpentOutputs) -> list[str]:
    """Days that later ones follow and whose blocks are not all counted.

    The first day of a folder that does not begin with block 0 may lack blocks, and is left out.
    """
    headers = outputs.index.headers(PROVIDER)
    counted = {day.day for day in outputs.index.whole_days() if day.provider == PROVIDER}
    unsure = {header.day for header in headers[-1:]} | {header.day for header in headers[:1] if header.height > 0}
    return sorted({header.day for header in headers} - counted - unsure)


# The transactions of a pass, once each though a day's intraday files may stand beside its final one.
MOVED = """
create or replace temp table moved as
select distinct on (c.height, t.index)
    c.day, c.height, t.index, t.is_coinbase, t.inputs, {created} as created_sat,
    case when t.is_coinbase then 0 else {fee} end as fee_sat
from {transactions} as t
inner join chain as c on t.block_number = c.height and t.block_hash = c.hash
where t.date between date '{since}' and date '{until}' and c.day between '{first}' and '{until}'
"""

SPENT = """
create or replace temp table spent as
with inputs as materialized (
    select day, height as spent_height, index as transaction_index, i.index as input_index, {value} as value_sat,
        i.spent_transaction_hash as hash
    from (select day, height, index, unnest(inputs) as i from moved where not is_coinbase)
),

makers as (
    select distinct t.hash, t.block_number, t.block_hash
    from {transactions} as t
    where t.date <= date '{until}' and not (t.is_coinbase and t.block_number in {overwritten})
        and t.hash in (select hash from inputs)
)

select i.* exclude (hash), c.height as created_height, cast(c.day as date) as created_date
from inputs as i
left join (makers as m inner join chain as c on m.block_number = c.height and m.block_hash = c.hash) on i.hash = m.hash
order by i.spent_height, i.transaction_index, i.input_index
"""

SUMS = """
with made as (
    select day, height, count(*) as n_transactions, sum(created_sat) as created_sat, sum(fee_sat) as fee_sat,
        coalesce(sum(case when is_coinbase then created_sat end), 0) as coinbase_sat
    from moved group by day, height
),

used as (
    select spent_height, count(*) as n_outputs, sum(value_sat) as spent_sat from spent group by spent_height
)

select c.day, c.height, coalesce(u.n_outputs, 0) as n_outputs, coalesce(u.spent_sat, 0) as spent_sat,
    m.created_sat, m.coinbase_sat, m.fee_sat, coalesce(m.n_transactions, 0) as n_found, c.n_transactions
from chain as c
left join made as m on c.height = m.height
left join used as u on c.height = u.spent_height
where c.day between '{first}' and '{until}'
order by c.height
"""


def import_days(root: str, outputs: SpentOutputs, days: list[str]) -> int:
    """Join and store the spent outputs of a span of days; returns how many have no known making."""
    connection, first, until = outputs.connection, days[0], days[-1]
    # By time alone a block may be of the date before its day.
    since = date.fromisoformat(first) - timedelta(days=1)
    span = {"first": first, "until": until, "since": since, "transactions": reading(root, "transactions")}
    connection.execute(MOVED.format(created=satoshi("t.output_value"), fee=satoshi("t.fee"), **span))
    connection.execute(SPENT.format(value=satoshi("i.value"), overwritten=OVERWRITTEN, **span))
    sums = connection.execute(SUMS.format(**span)).fetchall()
    for day, *values, n_found, n_transactions in sums:
        refuse_unbalanced(root, day, BlockSums(*values), n_found, n_transactions)
    for day in days:
        outputs.write(PROVIDER, day, f"select * from spent where day = '{day}'")
        outputs.index.add_blocks(PROVIDER, [BlockSums(*row[1:7]) for row in sums if row[0] == day], {day})
    (unknown,) = connection.execute("select count(*) from spent where created_height is null").fetchall()[0]
    return int(unknown)


def refuse_unbalanced(root: str, day: str, block: BlockSums, n_found: int, n_transactions: int) -> None:
    """Raises BadLayout for a block whose transactions are not all there or do not conserve satoshi."""
    if n_found != n_transactions:
        fault = f"has {n_found} of its {n_transactions} transactions"
    elif block.created_sat != block.spent_sat - block.fee_sat + block.coinbase_sat:
        fault = f"makes {block.created_sat} satoshi but spends {block.spent_sat} with fees of {block.fee_sat}"
    else:
        return
    raise BadLayout(f"{PROVIDER} {root}: block {block.height} {fault}. Next: fetch transactions/date={day} again")
