"""How files are kept: what has to outlast a power failure is on the disk first, and not everyone may write."""

import os
from pathlib import Path


def keep_others_from_writing() -> None:
    """Whatever mask this process was started with, what it makes is not writable by everyone."""
    mask = os.umask(0o077)
    os.umask(mask | 0o002)


def settle(*paths: Path) -> None:
    """Put files' contents, or folders' lists of names, on the disk itself. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def settle_tree(folder: Path) -> None:
    """The same for a folder with everything in it."""
    settle(*folder.rglob("*"), folder)


def append(file: Path, line: bytes) -> None:
    """Add a line to a file, on the disk itself: all of it or, raising OSError, nothing that would spoil the next."""
    with file.open("ab", buffering=0) as out:
        end = out.tell()
        try:
            while line:
                line = line[out.write(line) :]
        except OSError:
            out.truncate(end)
            raise
        os.fsync(out.fileno())
    settle(file.parent)
