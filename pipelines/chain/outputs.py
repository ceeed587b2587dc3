"""Writes spent outputs: each day's Parquet file is replaced whole, by rename."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import duckdb
import pandas as pd

from pipelines.chain.index import Index
from pipelines.chain.partitions import COLUMNS, index_file, partition
from pipelines.quoting import quoted

IN_FILE = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in COLUMNS.items())


class SpentOutputs:
    """A folder of partitions and their index, open for writing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._stack = folder, ExitStack()
        self._unfinished = folder / "unfinished"
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        self.index = Index(index_file(folder))
        self._stack.callback(self.index.close)
        self.connection = duckdb.connect(config={"temp_directory": str(self._unfinished)})
        self._stack.callback(self.connection.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def file(self, provider: str, day: str) -> Path:
        """Where a day's rows stand."""
        return partition(self.folder, provider, day)

    def merge(self, provider: str, day: str, rows: pd.DataFrame) -> None:
        """Put blocks' rows into their day, beside those of the blocks that are counted."""
        self.connection.register("incoming", rows)
        self._rewrite(provider, day, self.index.counted_heights(provider, day), "select * from incoming")
        self.connection.unregister("incoming")

    def drop_from(self, provider: str, height: int) -> None:
        """Take the rows of blocks from this height on out of the files."""
        for day in self.index.days_from(provider, height):
            kept = [counted for counted in self.index.counted_heights(provider, day) if counted < height]
            if kept:
                self._rewrite(provider, day, kept)
            else:
                shutil.rmtree(self.file(provider, day).parent, ignore_errors=True)

    def _rewrite(self, provider: str, day: str, kept: list[int], added: str | None = None) -> None:
        """Replace a day's file by its rows of the kept heights and the added ones."""
        file, parts = self.file(provider, day), [added] if added else []
        if file.exists():
            self.connection.register("kept", pd.DataFrame({"spent_height": pd.Series(kept, dtype="int64")}))
            stored = f"select * from read_parquet('{quoted(file)}', hive_partitioning = false)"
            parts.append(f"from ({stored}) semi join kept using (spent_height)")
        if parts:
            self.write(provider, day, " union all by name ".join(f"({part})" for part in parts))

    def write(self, provider: str, day: str, query: str) -> None:
        """Replace a day's file by the rows of a query, in the order of the chain."""
        file, unfinished = self.file(provider, day), self._unfinished / f"{provider} {day}"
        self.connection.execute(
            f"copy (select {IN_FILE} from ({query}) order by spent_height, transaction_index, input_index)"
            f" to '{quoted(unfinished)}' (format parquet, compression zstd)"
        )
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.replace(file)
