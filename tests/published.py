"""Reading and comparing published warehouses in tests."""

import duckdb

BOOKKEEPING = {"known_at", "load_id", "payload_id", "run_id", "seen_at", "known_before_at", "published_run_id"}

# What is there only because a run looked that day: snapshots, and when an entry was first seen.
GROWN_BY_LOOKING = {"core.market_caps", "core.model_releases", "quality.coverage"}
SAME_BESIDE_WHAT_WAS_SEEN = [
    "select symbol, date, method, source, market_cap_usd, is_headline from core.market_caps where method <> 'snapshot'",
    "select model_id, name, release_date from core.model_releases",
    "select * exclude (published_run_id) from quality.coverage where dataset <> 'market_snapshots'",
]


def tables(file):
    """Names of the tables of a published file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by 1"
        ).fetchall()
    return [name for (name,) in names]


def rows(file, query, *params):
    """The rows of a query on a published file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query, list(params)).fetchall()


def rows_apart(one, other, query):
    """How many rows of a query's result are in only one of two files."""
    found = [rows(file, query) for file in (one, other)]
    return len(set(found[0]) ^ set(found[1])) + abs(len(found[0]) - len(found[1]))


def differences(one, other, names):
    """Table name to the number of rows that are in only one of two files, bookkeeping aside."""
    found = {}
    for name in names:
        with duckdb.connect(str(one), read_only=True) as connection:
            columns = connection.execute(f"describe {name}").df()["column_name"]
        kept = ", ".join(f'"{c}"' for c in columns if c not in BOOKKEEPING)
        if apart := rows_apart(one, other, f"select {kept} from {name}"):
            found[name] = apart
    return found
