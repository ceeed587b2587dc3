"""Dagster's own event log in SQLite, with connections that stay open: a run writes some hundred events, one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine, event

# The index of all runs and those looked at last; the UI may look at many.
OPEN_DATABASES = 8


class EventLog(SqliteEventLogStorage):
    """What Dagster ships, but for opening, flushing and closing the file at every event.

    After a power loss the newest events of the log may be missing; nothing of the warehouse depends on them.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(*args, **options)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """Dagster's own names its own class."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            options = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
            engine = create_engine(self.conn_string_for_shard(shard), connect_args=options)
            event.listen(engine, "connect", write_without_flushing)
            self._initdb(engine)
            self._engines[shard] = engine
            while len(self._engines) > OPEN_DATABASES:
                self._engines.pop(next(iter(self._engines))).dispose()
        # The one used last goes to the end, so that the oldest is closed first.
        self._engines[shard] = self._engines.pop(shard)
        return self._engines[shard]

    def dispose(self) -> None:
        """Close every file."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def write_without_flushing(connection: Any, record: object) -> None:
    """SQLite's setting for logs written ahead: the file cannot break, and the disk is not awaited at every event."""
    connection.execute("pragma synchronous = normal")
