"""What is known of each provider's chain: headers with their days, blocks that are counted, days that are whole.

A small SQLite file beside the Parquet partitions. Files are written first and this last: what it lists is there.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.chain.days import Days

# Part of each day's hash: raise it when the same blocks give other rows.
FORMAT = "1"
TABLES = """
create table if not exists headers (
    provider text, height integer, hash text not null, time integer not null, day text not null,
    primary key (provider, height)) without rowid;
create index if not exists headers_by_day on headers (provider, day);
create table if not exists blocks (
    provider text, height integer, n_outputs integer not null, spent_sat integer not null,
    created_sat integer not null, coinbase_sat integer not null, fee_sat integer not null,
    primary key (provider, height)) without rowid;
create table if not exists days (
    provider text, day text, content_hash text not null, first_height integer not null, last_height integer not null,
    n_blocks integer not null, n_outputs integer not null, spent_sat integer not null, created_sat integer not null,
    coinbase_sat integer not null, fee_sat integer not null,
    primary key (provider, day)) without rowid;
"""


class Header(NamedTuple):
    """A block's place: height, hash, header time (seconds) and UTC day."""

    height: int
    hash: str
    time: int
    day: str


@dataclass(frozen=True)
class BlockSums:
    """A counted block: how many outputs it spends, and its sums in satoshi."""

    height: int
    n_outputs: int
    spent_sat: int
    created_sat: int
    coinbase_sat: int
    fee_sat: int


@dataclass(frozen=True)
class ChainDay:
    """A whole day of a provider's chain; its hash is that of its blocks' hashes, which commit to all they hold."""

    provider: str
    day: str
    content_hash: str
    first_height: int
    last_height: int
    n_blocks: int
    n_outputs: int
    spent_sat: int
    created_sat: int
    coinbase_sat: int
    fee_sat: int


class Index:
    """The index file of one folder."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, timeout=60)
        self._connection.executescript(TABLES)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def tip(self, provider: str) -> Header | None:
        """The highest header."""
        query = "select height, hash, time, day from headers where provider = ? order by height desc limit 1"
        found = self._connection.execute(query, [provider]).fetchone()
        return Header(*found) if found else None

    def headers(self, provider: str) -> list[Header]:
        """Every header in order."""
        query = "select height, hash, time, day from headers where provider = ? order by height"
        return [Header(*row) for row in self._connection.execute(query, [provider])]

    def hashes(self, provider: str, first: int, last: int) -> list[str]:
        """Block hashes from one height to another, both included."""
        query = "select hash from headers where provider = ? and height between ? and ? order by height"
        return [row[0] for row in self._connection.execute(query, [provider, first, last])]

    def latest_time(self, provider: str) -> int:
        """The highest header time so far; 0 before the first."""
        found = self._connection.execute("select max(time) from headers where provider = ?", [provider]).fetchone()
        return found[0] or 0

    def days_by_height(self, provider: str) -> Days:
        """Each height's day, from height 0."""
        rows = self._connection.execute("select day from headers where provider = ? order by height", [provider])
        return np.array([day for (day,) in rows], dtype="datetime64[D]")

    def add_headers(self, provider: str, headers: Sequence[Header]) -> None:
        """Append consecutive headers; the day that was the last may be whole now."""
        before = self.tip(provider)
        with self._connection as transaction:
            rows = [(provider, h.height, h.hash, h.time, h.day) for h in headers]
            transaction.executemany("insert into headers values (?, ?, ?, ?, ?)", rows)
            self._settle(provider, {before.day} if before else set())

    def uncounted(self, provider: str, first: int, last: int, limit: int) -> list[Header]:
        """The next headers of the span whose blocks are not counted yet."""
        query = (
            "select h.height, h.hash, h.time, h.day from headers as h"
            " left join blocks as b on b.provider = h.provider and b.height = h.height"
            " where h.provider = ? and h.height between ? and ? and b.height is null order by h.height limit ?"
        )
        return [Header(*row) for row in self._connection.execute(query, [provider, first, last, limit])]

    def counted_heights(self, provider: str, day: str) -> list[int]:
        """Heights of a day whose blocks are counted."""
        query = (
            "select b.height from headers as h join blocks as b on b.provider = h.provider and b.height = h.height"
            " where h.provider = ? and h.day = ? order by b.height"
        )
        return [height for (height,) in self._connection.execute(query, [provider, day])]

    def add_blocks(self, provider: str, blocks: Iterable[BlockSums], days: set[str]) -> None:
        """Count blocks, all of these days, whose rows are on disk."""
        rows = [
            (provider, b.height, b.n_outputs, b.spent_sat, b.created_sat, b.coinbase_sat, b.fee_sat) for b in blocks
        ]
        with self._connection as transaction:
            transaction.executemany("insert or replace into blocks values (?, ?, ?, ?, ?, ?, ?)", rows)
            self._settle(provider, days)

    def days_from(self, provider: str, height: int) -> list[str]:
        """The days of this height and those after it."""
        query = "select distinct day from headers where provider = ? and height >= ? order by day"
        return [day for (day,) in self._connection.execute(query, [provider, height])]

    def roll_back(self, provider: str, fork: int) -> None:
        """Forget the blocks from this height on, and that their days and the one before were whole."""
        affected = set(self.days_from(provider, max(fork - 1, 0)))
        with self._connection as transaction:
            for table in ("blocks", "headers"):
                transaction.execute(f"delete from {table} where provider = ? and height >= ?", [provider, fork])
            self._settle(provider, affected)

    def _settle(self, provider: str, days: set[str]) -> None:
        """Write down these days anew: whole is a day that later ones follow and whose blocks are all counted."""
        tip = self.tip(provider)
        for day in days:
            self._connection.execute("delete from days where provider = ? and day = ?", [provider, day])
            sums = self._sums(provider, day)
            if tip and day < tip.day and sums:
                self._connection.execute(f"insert into days values ({', '.join('?' * 11)})", [provider, day, *sums])

    def _sums(self, provider: str, day: str) -> tuple[object, ...] | None:
        """A day's hash and sums; None unless every block of it is counted."""
        query = (
            "select h.hash, h.height, b.n_outputs, b.spent_sat, b.created_sat, b.coinbase_sat, b.fee_sat"
            " from headers as h left join blocks as b on b.provider = h.provider and b.height = h.height"
            " where h.provider = ? and h.day = ? order by h.height"
        )
        rows = self._connection.execute(query, [provider, day]).fetchall()
        if not rows or any(row[2] is None for row in rows):
            return None
        content = hashlib.sha256("\n".join([FORMAT, *(row[0] for row in rows)]).encode()).hexdigest()
        totals = (sum(column) for column in list(zip(*rows, strict=True))[2:])
        return (content, rows[0][1], rows[-1][1], len(rows), *totals)

    def whole_days(self) -> list[ChainDay]:
        """Every whole day of every provider, in order."""
        return [ChainDay(*row) for row in self._connection.execute("select * from days order by provider, day")]


def whole_days(file: Path) -> list[ChainDay]:
    """The whole days that an index lists; none where there is no index."""
    if not file.exists():
        return []
    with closing(Index(file)) as index:
        return index.whole_days()
