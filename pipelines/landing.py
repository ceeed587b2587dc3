"""The landing: every payload exactly as received, in gzip files named by content, with a manifest line each."""

import gzip
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.durable import append, settle
from pipelines.settings import Run
from pipelines.sources.base import Request, Series
from pipelines.sources.http import Payload


class CorruptPayload(Exception):
    """A landed file is missing or its content no longer hashes to its name."""


class DamagedManifest(ValueError):
    """A line of the landing's own files cannot be read, or was written by another version."""


@dataclass(frozen=True)
class Landed:
    """A manifest line: which body came from which request, when and for which run."""

    payload_id: str
    source: str
    dataset: str
    symbol: str
    vendor_symbol: str
    path: str
    params: dict[str, str]
    url: str
    status: int
    size_bytes: int
    window_since: str
    window_until: str
    known_at: str
    fetched_at: str
    run_id: str
    sequence: int

    @property
    def series(self) -> Series:
        """The series the payload was asked for."""
        return Series(self.symbol, self.vendor_symbol, self.dataset)


class Landing:
    """A folder of payloads. Bodies appear by rename, so a file with a final name is whole or fails its hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unfinished = folder / "unfinished"
        self.outcomes = folder / "outcomes"

    def open(self) -> None:
        """Make the folder and clear what a killed run left half-written."""
        if self.unfinished.exists():
            shutil.rmtree(self.unfinished)
        self.unfinished.mkdir(parents=True)
        (self.folder / "manifest").mkdir(exist_ok=True)
        self.outcomes.mkdir(exist_ok=True)

    def file(self, payload_id: str) -> Path:
        """Where a body stands."""
        return self.folder / payload_id[:2] / f"{payload_id}.gz"

    def store(self, payload: Payload, run: Run, sequence: int, fetched_at: datetime) -> Landed:
        """Keep a body and its manifest line; the same content is stored once, and again where it was damaged."""
        landed = describe(payload, run, sequence, fetched_at)
        if not self.holds(landed.payload_id):
            self._write(self.file(landed.payload_id), gzip.compress(payload.body, 4, mtime=0))
        line = json.dumps(asdict(landed)) + "\n"
        append(self.folder / "manifest" / f"{run.run_id}.jsonl", line.encode())
        return landed

    def keep_tag(self, payload: Payload, payload_id: str) -> None:
        """Let the next such request ask whether this answer still holds. Only for one that could be read: a damaged
        answer would otherwise be confirmed for ever."""
        if "ETag" in payload.headers:
            facts = {"payload_id": payload_id, "url": payload.url, "etag": payload.headers["ETag"]}
            self._write(self._etag_file(payload.request), json.dumps(facts).encode())

    def known_answer(self, request: Request) -> Payload | None:
        """The landed answer to the very same request, if it came with an ETag and both are whole."""
        try:
            facts = json.loads(self._etag_file(request).read_text())
            return Payload(request, facts["url"], 200, {"ETag": facts["etag"]}, self.body(facts["payload_id"]))
        except (OSError, ValueError, CorruptPayload):
            return None

    def _etag_file(self, request: Request) -> Path:
        asked = json.dumps([request.source, request.path, sorted(request.params.items())])
        return self.folder / "etags" / f"{hashlib.sha256(asked.encode()).hexdigest()}.json"

    def holds(self, payload_id: str) -> bool:
        """Whether a body is there and whole."""
        try:
            self.body(payload_id)
        except CorruptPayload:
            return False
        return True

    def body(self, payload_id: str) -> bytes:
        """The bytes as received; raises CorruptPayload when the file is missing or damaged."""
        try:
            body = gzip.decompress(self.file(payload_id).read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise CorruptPayload(f"payload {payload_id}: {error}") from error
        if hashlib.sha256(body).hexdigest() != payload_id:
            raise CorruptPayload(f"payload {payload_id}: the content does not hash to its name")
        return body

    def manifest(self) -> Iterator[Landed]:
        """Every complete manifest line as they came; raises DamagedManifest."""
        files = sorted((self.folder / "manifest").glob("*.jsonl"))
        lines = [landed(facts, file) for file in files for facts in complete_lines(file)]
        yield from sorted(lines, key=lambda line: (line.fetched_at, line.run_id, line.sequence))

    def forget(self, payload_ids: list[str]) -> None:
        """Delete bodies for good. Their names are kept, so that nobody takes them for lost."""
        names = self.folder / "forgotten.txt"
        self._write(names, "".join(f"{name}\n" for name in sorted({*self.forgotten(), *payload_ids})).encode())
        for payload_id in payload_ids:
            self.file(payload_id).unlink(missing_ok=True)

    def forgotten(self) -> set[str]:
        """The names of bodies that were deleted on purpose."""
        names = self.folder / "forgotten.txt"
        return set(names.read_text().split()) if names.exists() else set()

    def _write(self, file: Path, content: bytes) -> None:
        unfinished = self.unfinished / file.name
        unfinished.write_bytes(content)
        settle(unfinished)
        file.parent.mkdir(exist_ok=True)
        unfinished.replace(file)
        settle(file.parent, self.folder)


def describe(payload: Payload, run: Run, sequence: int, fetched_at: datetime) -> Landed:
    """The manifest line of a payload."""
    request = payload.request
    facts: dict[str, Any] = {
        "payload_id": hashlib.sha256(payload.body).hexdigest(),
        "source": request.source,
        "dataset": request.series.dataset,
        "symbol": request.series.symbol,
        "vendor_symbol": request.series.vendor_symbol,
        "path": request.path,
        "params": dict(request.params),
        "url": payload.url,
        "status": payload.status,
        "size_bytes": len(payload.body),
        "window_since": str(request.window.since),
        "window_until": str(request.window.until),
        "known_at": run.now.replace(tzinfo=None).isoformat(),
        "fetched_at": fetched_at.replace(tzinfo=None).isoformat(),
        "run_id": run.run_id,
        "sequence": sequence,
    }
    return Landed(**facts)


def complete_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The lines of a file that a run wrote line by line; one torn at its end by a kill was never used."""
    for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
        if line.endswith(b"\n"):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DamagedManifest(damage(file, f"line {number}: {error}")) from error


def landed(facts: dict[str, Any], file: Path) -> Landed:
    """A manifest line's facts."""
    try:
        return Landed(**facts)
    except TypeError as error:
        raise DamagedManifest(damage(file, str(error))) from error


def damage(file: Path, reason: str) -> str:
    """What is wrong with one of the landing's own files, and what to do."""
    return (
        f"{file}: {reason}. Next: restore the file from a backup, or use the version of scaretrade that wrote it;"
        " without the line, what it names is left out of a rebuild"
    )
