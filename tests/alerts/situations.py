"""What rules look for, put into a published market; and what was told."""

from datetime import UTC, date, datetime

import duckdb
from click.testing import CliRunner

from pipelines.cli import main

AS_OF = date(2026, 2, 6)
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


def change(home, *statements):
    with duckdb.connect(str(home / "market.duckdb")) as file:
        for statement in statements:
            file.execute(statement)


def put(home, table, **values):
    """A row of a published table, its other required columns filled with anything."""
    with duckdb.connect(str(home / "market.duckdb")) as file:
        described = file.execute(f"describe {table}").fetchall()
        anything = {"VARCHAR": "x", "DATE": date(2020, 1, 1), "BOOLEAN": True}
        anything["TIMESTAMP"] = datetime(2020, 1, 1)  # noqa: DTZ001 - as DuckDB keeps it
        row = {name: anything.get(kind, 1) for name, kind, null, *_ in described if null == "NO"} | values
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        file.execute(f"insert into {table} ({names}) values ({marks})", [*row.values()])


def crossing(home, day=AS_OF, level=100_000, **values):
    row = {"symbol": "BTC", "level": level, "basis": "close", "direction": "below", "date": day, "close": level - 1.5}
    put(home, "marts.level_crossings", **row | values)


def verdict(home, verdict, as_of=AS_OF):
    change(home, "delete from marts.claims", f"update meta set value = '{as_of}' where key = 'as_of'")
    put(home, "marts.claims", claim_id="it_fell", statement="It fell", verdict=verdict, reason="Measured.")


def messages(told):
    return [alert["message"] for alert in told]


def scaretrade(*arguments, **environment):
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)
