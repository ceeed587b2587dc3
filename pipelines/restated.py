"""Which values the vendors changed since the run before, in a line each series."""

import duckdb

LINES = 5
# A series' first load restates nothing, though its filings may restate each other.
RESTATED = """
select r.source, r.table_name, r.symbol, count(*), min(r.date)
from core.restatements as r
inner join (select distinct load_id from quality.loads where run_id = $1) as loaded using (load_id)
where exists (
    from quality.loads as before
    where before.source = r.source and before.symbol = r.symbol and before.outcome = 'ok'
        and before.load_id < r.load_id
)
group by all order by count(*) desc, r.source, r.table_name, r.symbol
"""


def restated_lines(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """A line for each series of a published run whose known values changed, the most changed first."""
    found = connection.execute(RESTATED, [run_id]).fetchall()
    lines = [
        f"Restated since the last run: {source} {table} {symbol} ({count:,} rows from {first})"
        for source, table, symbol, count, first in found[:LINES]
    ]
    if len(found) > LINES:
        lines.append(f"Restated since the last run: {len(found) - LINES} more; see `scaretrade query restated_values`")
    return lines
