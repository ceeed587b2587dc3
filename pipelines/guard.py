"""One writer at a time: a lock that ends with its process, shared by command line, UI and schedule."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.durable import keep_others_from_writing

log = logging.getLogger("scaretrade")


class WarehouseBusy(Exception):
    """Another run holds the warehouse and did not finish within the waiting time."""


@contextmanager
def writing(home: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the warehouse of a home folder; within one process it may be entered again.

    Raises WarehouseBusy after `timeout_seconds`. The lock of a process that died is free at once.
    """
    keep_others_from_writing()
    home.mkdir(parents=True, exist_ok=True)
    holder = home / ".lock.holder"
    lock = FileLock(home / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if timeout_seconds:
            log.warning("another run holds %s (%s); waiting up to %.0f s", home, said(holder), timeout_seconds)
        try:
            lock.acquire(timeout=timeout_seconds)
        except Timeout as busy:
            raise WarehouseBusy(
                f"another run holds {home} ({said(holder)}). Next: wait for it to end, or stop that process"
            ) from busy
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}))
        yield
    finally:
        lock.release()


def holder(home: Path) -> str | None:
    """Who holds a home's warehouse now; None when nobody does. Makes no file, whatever the folder."""
    if not (home / ".lock").exists():
        return None
    lock = FileLock(home / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return said(home / ".lock.holder")
    except OSError:
        return None  # Where nothing can be written, nobody writes.
    lock.release()
    return None


def said(holder: Path) -> str:
    """What the holder wrote about itself."""
    try:
        facts = json.loads(holder.read_text())
    except (OSError, ValueError):
        return "holder unknown"
    return f"process {facts['pid']} since {facts['since']}"
