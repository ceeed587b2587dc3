"""The landing: every payload exactly as received, in gzip files named by content, with a manifest line each."""

import gzip
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.settings import Run
from pipelines.sources.base import Request, Series
from pipelines.sources.http import Payload


class CorruptPayload(Exception):
    """A landed file is missing or its content no longer hashes to its name."""


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

    def open(self) -> None:
        """Make the folder and clear what a killed run left half-written."""
        shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished.mkdir(parents=True)
        (self.folder / "manifest").mkdir(exist_ok=True)

    def file(self, payload_id: str) -> Path:
        """Where a body stands."""
        return self.folder / payload_id[:2] / f"{payload_id}.gz"

    def store(self, payload: Payload, run: Run, sequence: int, fetched_at: datetime) -> Landed:
        """Keep a body and its manifest line; the same content is stored once, and again where it was damaged."""
        landed = describe(payload, run, sequence, fetched_at)
        if not self.holds(landed.payload_id):
            self._write(self.file(landed.payload_id), gzip.compress(payload.body, 4, mtime=0))
        line = json.dumps(asdict(landed)) + "\n"
        with (self.folder / "manifest" / f"{run.run_id}.jsonl").open("a") as manifest:
            manifest.write(line)
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
        """Every complete manifest line, oldest knowledge first; a line torn by a kill was never loaded."""
        lines: list[Landed] = []
        for file in sorted((self.folder / "manifest").glob("*.jsonl")):
            whole = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
            lines += [Landed(**json.loads(line)) for line in whole]
        yield from sorted(lines, key=lambda line: (line.known_at, line.fetched_at, line.sequence))

    def _write(self, file: Path, content: bytes) -> None:
        unfinished = self.unfinished / file.name
        with unfinished.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        file.parent.mkdir(exist_ok=True)
        unfinished.replace(file)


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
