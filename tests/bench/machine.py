"""What a figure was measured on."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("duckdb", "numpy", "pandas")


def machine() -> str:
    """Processor, cores in use, memory, the load of others, the day, and versions: on one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB, load {os.getloadavg()[0]:.1f},"
        f" {time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {versions}"
    )


def processor() -> str:
    """The processor's name, or its architecture where the system does not say."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
