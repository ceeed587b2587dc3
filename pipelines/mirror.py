"""Copies of what is published, as Parquet in object storage or wherever else fsspec can write, for many readers."""

import json
import logging
from pathlib import Path
from typing import Any

import fsspec

from pipelines.publish import WrongHome, current_version
from pipelines.settings import Profile

log = logging.getLogger("scaretrade")

POINTER = "current.json"


def mirror(home: Path, url: str, kept_versions: int) -> bool:
    """Copy the published version below a URL; whether it is there now.

    A copy that fails is a warning: readers keep the version before, and the next run copies its own.
    """
    try:
        copy_current(home, url, kept_versions)
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
        log.warning(
            "%s: the published tables were not copied there: %s: %s. Next: correct SCARETRADE_PUBLISH_TO or the access"
            " to it; the next run copies again",
            url,
            type(error).__name__,
            error,
        )
        return False
    return True


def copy_current(home: Path, url: str, kept_versions: int) -> None:
    """Copy the version under its run's id, then point to it, then forget old ones.

    `current.json` is replaced last and whole, so that who follows it never meets half a version. Raises WrongHome, and
    what the store raises.
    """
    store, root = fsspec.url_to_fs(url)
    version = current_version(home)
    if version is None:
        raise WrongHome(f"{home} has published nothing")
    store.invalidate_cache()
    before = pointed_to(store, root)
    if before and version["profile"] == Profile.SAMPLE and before["profile"] != Profile.SAMPLE:
        raise WrongHome("live data are there, which the simulated sample market would replace")
    folder = f"{root}/versions/{version['run_id']}"
    store.put(f"{(home / 'current').resolve() / 'parquet'}/", f"{folder}/parquet/", recursive=True)
    kept = versions_to_keep(version["run_id"], before, kept_versions)
    data = "simulated" if version["profile"] == Profile.SAMPLE else "vendors"
    point(store, root, version | {"data": data, "versions": kept})
    forget(store, f"{root}/versions", kept)


def pointed_to(store: Any, root: str) -> dict[str, Any] | None:
    """What `current.json` says, or None where nothing was copied yet."""
    try:
        found: dict[str, Any] = json.loads(store.cat_file(f"{root}/{POINTER}"))
    except FileNotFoundError:
        return None
    return found


def versions_to_keep(run_id: str, before: dict[str, Any] | None, kept_versions: int) -> list[str]:
    """Run ids, the newest first."""
    older = [v for v in before["versions"] if v != run_id] if before else []
    return [run_id, *older][:kept_versions]


def point(store: Any, root: str, facts: dict[str, Any]) -> None:
    """Replace `current.json`: a rename on a disk, one copy in object storage."""
    fresh = f"{root}/{POINTER}.new"
    store.pipe_file(fresh, json.dumps(facts).encode())
    store.mv(fresh, f"{root}/{POINTER}")


def forget(store: Any, versions: str, kept: list[str]) -> None:
    """Remove older versions, and what a copy that failed has left."""
    for found in store.ls(versions, detail=False):
        if found.rstrip("/").rpartition("/")[2] not in kept:
            store.rm(found, recursive=True)
