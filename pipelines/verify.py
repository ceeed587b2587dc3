"""Whether what is on the disk is what was written: landing, working file and published version, check by check."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import duckdb

from pipelines.contracts import Contract, stored_columns, stored_key, stored_tables
from pipelines.findings import Finding, first_line, readable
from pipelines.guard import writing
from pipelines.landing import DamagedManifest, Landed, Landing
from pipelines.migrate import kept_contracts, stored_shapes, wanted_shape
from pipelines.settings import Profile
from pipelines.verify_published import verify_published
from pipelines.warehouse import Warehouse

REBUILD = "Next: `scaretrade rebuild` makes it from the landing"
Watched = Callable[[list[str]], Iterable[str]]


class NothingThere(Exception):
    """The home holds neither a landing nor a working file."""


def verify(home: Path, profile: Profile, lock_timeout_seconds: float, watched: Watched = iter) -> Iterator[Finding]:
    """Check everything, a finding each. `watched` is handed the payloads to read and may show how far it is.

    Raises NothingThere, and WarehouseBusy while a run is writing.
    """
    state = home / profile
    work = state / "work.duckdb"
    if not (state / "landing").exists() and not work.exists():
        raise NothingThere(f"{state} holds nothing to verify. Next: name the home with --home, or run first")
    with writing(home, lock_timeout_seconds):
        yield from verify_landing(Landing(state / "landing"), watched)
        if not work.exists():
            yield Finding("working file", False, f"missing. {REBUILD}")
            return
        try:
            warehouse = Warehouse(work, read_only=True)
        except duckdb.Error as error:
            yield Finding("working file", False, f"{first_line(error)}. {REBUILD}")
            return
        try:
            yield from verify_tables(warehouse)
            yield from verify_published(warehouse, home, profile)
        finally:
            warehouse.close()


def verify_landing(landing: Landing, watched: Watched) -> Iterator[Finding]:
    """Every payload that a manifest line names is there and hashes to its name."""
    try:
        lines = list(landing.manifest())
    except DamagedManifest as damaged:
        yield Finding("manifest", False, str(damaged))
        return
    yield Finding("manifest", True, f"{len(lines)} lines")
    named: dict[str, list[Landed]] = {}
    for line in lines:
        named.setdefault(line.payload_id, []).append(line)
    for payload in landing.forgotten():
        if not landing.file(payload).exists():
            named.pop(payload, None)
    lost = [payload for payload in watched(list(named)) if not landing.holds(payload)]
    for payload in lost:
        yield Finding("payload", False, f"{payload} is missing or damaged: {asked_for(named[payload])}")
    yield Finding("payloads", not lost, f"{len(named) - len(lost)} of {len(named)} are there and hash to their names")


def asked_for(lines: list[Landed]) -> str:
    """Which series and days a payload holds."""
    asked = {f"{m.source} {m.dataset} {m.symbol} from {m.window_since} to {m.window_until}" for m in lines}
    return "; ".join(sorted(asked))


def verify_tables(warehouse: Warehouse) -> Iterator[Finding]:
    """Every table of the working file has its contract's columns and one row a key, and none of its values is lost."""
    built, kept = warehouse.tables(), set(kept_contracts())
    for name in sorted({*stored_tables()} & built):
        yield readable(name, partial(verify_table, warehouse, stored_tables()[name]))
    for name in sorted(set(stored_shapes(warehouse)) - kept):
        yield Finding(name, False, "no contract knows this table: written by a newer version")
    for name in sorted(kept - built):
        yield Finding(name, False, "missing. Next: `scaretrade run` makes it")
    if n := len(set(stored_tables()) - built - kept):
        yield Finding("derived tables", True, f"{n} are not built yet; `scaretrade run` builds them")


def fits(warehouse: Warehouse, contract: Contract) -> bool:
    """Whether a table has its contract's columns and types, and where it keeps them also the key."""
    if contract.name in kept_contracts():
        return stored_shapes(warehouse)[contract.name] == wanted_shape(contract)
    found = warehouse.rows(f"select column_name, column_type from (describe {contract.name})")
    return dict(found) == {name: column.type for name, column in stored_columns(contract).items()}


def verify_table(warehouse: Warehouse, contract: Contract) -> Finding:
    """Columns, keys and required values of one table."""
    if not fits(warehouse, contract):
        return Finding(contract.name, False, "columns differ from its contract")
    key = ", ".join(f'"{column}"' for column in stored_key(contract))
    nulls = [f'"{name}" is null' for name, column in stored_columns(contract).items() if column.required]
    ((rows, repeated, lacking),) = warehouse.rows(
        f"select count(*), count(*) - count(distinct ({key})), count(*) filter ({' or '.join(nulls)})"
        f" from {contract.name}"
    )
    faults = [f"{repeated} rows repeat a key"] * bool(repeated) + [f"{lacking} rows lack a value"] * bool(lacking)
    return Finding(contract.name, not faults, "; ".join([f"{rows} rows", *faults]))
