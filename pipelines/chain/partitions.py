"""Where spent outputs stand on disk: one Parquet file a provider and day of spending, read in place.

`spent_outputs/provider=own_node/day=2026-02-05/spent_outputs.parquet` in a profile's state, with their index beside.
"""

from pathlib import Path

from pipelines.quoting import quoted

COLUMNS = {
    "spent_height": "INTEGER",
    "transaction_index": "INTEGER",
    "input_index": "INTEGER",
    "value_sat": "BIGINT",
    "created_height": "INTEGER",
    "created_date": "DATE",
}
FILE_NAME = "spent_outputs.parquet"


def folder_of(state: Path) -> Path:
    """The folder of spent outputs in a profile's state."""
    return state / "spent_outputs"


def index_file(folder: Path) -> Path:
    """Where a folder's index stands."""
    return folder / "index.sqlite"


def partition(folder: Path, provider: str, day: str) -> Path:
    """The file of a day's rows."""
    return folder / f"provider={provider}" / f"day={day}" / FILE_NAME


def rows_in_place(folder: Path) -> str:
    """A query for every stored row with its provider and date; without files, for none."""
    if any(folder.glob(f"provider=*/day=*/{FILE_NAME}")):
        files = folder.absolute() / "provider=*" / "day=*" / FILE_NAME
        source = (
            f"read_parquet('{quoted(files)}', hive_partitioning = true,"
            " hive_types = {'provider': varchar, 'day': date})"
        )
        return f"select provider, day as date, {', '.join(COLUMNS)} from {source}"
    nothing = {"provider": "VARCHAR", "date": "DATE", **COLUMNS}
    return f"select {', '.join(f'cast(null as {kind}) as {name}' for name, kind in nothing.items())} where false"
