"""What alerts were raised and delivered, in `alerts.db` in the home, so that none is sent twice and none is lost.

Kept apart from the published file, which every run replaces. Alerts and the states they came from are stored in one
transaction before anything is sent, and each delivery at once after the receiver took it: killed between these two,
a run leaves an alert that the next one sends again. At least once then, exactly once otherwise.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

# A run waits for another one's deliveries, which are bounded, to end.
LOCK_SECONDS = 30

TABLES = """
create table if not exists alerts (
    key text primary key, rule text not null, title text not null, message text not null, date text not null,
    as_of text not null, data text not null, raised_at text not null
);
create table if not exists deliveries (
    key text not null references alerts, channel text not null, delivered_at text, tried_at text, failure text,
    primary key (key, channel)
);
create table if not exists states (key text primary key, state text not null, as_of text not null);
"""


@dataclass(frozen=True)
class Alert:
    """One thing to tell, whose key is never told twice; `data` is simulated or vendors."""

    key: str
    rule: str
    title: str
    message: str
    date: str
    as_of: str
    data: str

    @property
    def text(self) -> str:
        """The alert in one sentence, which says so where the data are simulated."""
        return f"{'SIMULATED: ' if self.data == 'simulated' else ''}{self.title}: {self.message}"


class AlertState:
    """The open `alerts.db` of a home."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(TABLES)

    def state(self, key: str) -> tuple[str, str] | None:
        """The state last seen under a key, and the as-of day it was seen."""
        found = self._connection.execute("select state, as_of from states where key = ?", [key]).fetchone()
        return found and (found[0], found[1])

    def store(self, alerts: Iterable[Alert], channels: Iterable[str], states: Iterable[tuple[str, str, str]]) -> None:
        """Keep new alerts, each to be delivered by the channels there are now, and the states (key, state, as_of)."""
        values = [{**asdict(alert), "raised_at": now()} for alert in alerts]
        columns = ", ".join(f":{name}" for name in ("key", *list(Alert.__annotations__)[1:], "raised_at"))
        owed = [(alert["key"], name) for alert in values for name in channels]
        with self._connection:
            self._connection.executemany(f"insert or ignore into alerts values ({columns})", values)
            self._connection.executemany(
                "insert or ignore into deliveries (key, channel) values (:key, :channel)", owed
            )
            self._connection.executemany("insert or replace into states values (?, ?, ?)", states)

    def owed(self, channel: str) -> list[Alert]:
        """What a channel has not delivered yet, oldest first."""
        names = ", ".join(f"alerts.{name}" for name in Alert.__annotations__)
        rows = self._connection.execute(
            f"select {names} from deliveries join alerts using (key)"
            " where channel = ? and delivered_at is null order by date, alerts.rowid",
            [channel],
        )
        return [Alert(*row) for row in rows]

    def note(self, alert: Alert, channel: str, failure: str | None) -> None:
        """A delivery, which is never repeated, or why it failed."""
        tried_at = now()
        with self._connection:
            self._connection.execute(
                "update deliveries set tried_at = ?, delivered_at = ?, failure = ? where key = ? and channel = ?",
                [tried_at, None if failure else tried_at, failure, alert.key, channel],
            )

    def last_deliveries(self, n: int) -> list[dict[str, Any]]:
        """The newest alerts with what became of them in each channel, newest first."""
        cursor = self._connection.execute(
            "select raised_at, channel, delivered_at, tried_at, failure, key, rule, title, message, date, as_of, data"
            " from alerts left join deliveries using (key) order by alerts.rowid desc, channel limit ?",
            [n],
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def now() -> str:
    """The moment, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextmanager
def alert_state(home: Path) -> Iterator[AlertState]:
    """The alerts of a home, held by one process at a time: two that deliver at once would send twice."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".alerts.lock", timeout=LOCK_SECONDS), closing(sqlite3.connect(home / "alerts.db")) as opened:
        yield AlertState(opened)
