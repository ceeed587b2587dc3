"""After a power failure: nothing is named before its content is on the disk, by the order of calls to the system."""

import os
from datetime import UTC, datetime

import pytest

from pipelines.engines import model_names
from pipelines.landing import Landing
from pipelines.publish import publish
from pipelines.rebuild import rebuild_from_landing
from pipelines.settings import Profile
from tests.factories import Market, sessions_of
from tests.test_landing import a_payload, a_run
from tests.test_publish import a_run as a_publishing_run


class Disk:
    """What the system was told, in order: ("flushed", inode) or ("named", path)."""

    def __init__(self):
        self.told = []

    def flushed(self, path):
        return self.told.index(("flushed", path.stat().st_ino))

    def last_flushed(self, path):
        return len(self.told) - 1 - self.told[::-1].index(("flushed", path.stat().st_ino))

    def named(self, path):
        return self.told.index(("named", str(path)))


@pytest.fixture
def disk(monkeypatch):
    told, fsync = Disk(), os.fsync

    def flush(descriptor):
        told.told.append(("flushed", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def naming(rename):
        def named(source, target, **options):
            told.told.append(("named", str(target)))
            rename(source, target, **options)

        return named

    monkeypatch.setattr("os.fsync", flush)
    monkeypatch.setattr("os.rename", naming(os.rename))
    monkeypatch.setattr("os.replace", naming(os.replace))
    return told


def test_a_version_is_on_the_disk_before_anything_points_to_it(tmp_path, disk):
    market = Market("2026-02-05", "2025-12-01")
    dates = sessions_of("2025-12-01", "2026-02-05")
    market.bars("QQQ", dates, [100 + i % 7 for i in range(len(dates))]).build(*model_names())
    publish(market.warehouse, a_publishing_run(market, tmp_path, "run-1", Profile.SAMPLE), "2026-02-06T12:00:00Z")
    version = tmp_path / "versions" / "run-1"
    for path in (version, *version.rglob("*")):
        assert disk.flushed(path) < disk.named(version), path
    assert disk.named(version) < disk.flushed(version.parent) < disk.named(tmp_path / "current")
    assert disk.named(tmp_path / "current") < disk.named(tmp_path / "market.duckdb") < disk.last_flushed(tmp_path)


def test_a_body_and_its_manifest_line_are_on_the_disk_before_a_row_of_them_can_be(tmp_path, disk):
    landing = Landing(tmp_path / "landing")
    landing.open()
    body = landing.file(landing.store(a_payload(), a_run(), 0, datetime(2026, 2, 6, 12, tzinfo=UTC)).payload_id)
    manifest = landing.folder / "manifest" / "run-1.jsonl"
    assert disk.flushed(body) < disk.named(body) < disk.flushed(body.parent) < disk.flushed(manifest)
    assert disk.named(body) < disk.flushed(landing.folder)
    assert disk.flushed(manifest) < disk.flushed(manifest.parent)


def test_the_log_of_a_replaced_working_file_is_gone_before_the_new_file_has_its_name(tmp_path, disk):
    """Else the new file would meet the old one's log."""
    landing = Landing(tmp_path / "sample" / "landing")
    landing.open()
    landing.store(a_payload(), a_run(), 0, datetime(2026, 2, 6, 12, tzinfo=UTC))
    list(rebuild_from_landing(tmp_path, Profile.SAMPLE, 0))
    assert disk.flushed(tmp_path / "sample") < disk.named(tmp_path / "sample" / "work.duckdb")
