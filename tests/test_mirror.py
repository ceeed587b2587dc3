"""The copy of what is published: whole or not pointed to, on a disk and in (a loopback server of) object storage."""

import json
import logging
import socket

import duckdb
import fsspec
import pytest

from pipelines.mirror import mirror
from pipelines.settings import Settings, WrongSettings

FOLLOW = """
set variable version = (select run_id from read_json('{url}/current.json'));
select symbol, drawdown
from read_parquet('{url}/versions/' || getvariable('version') || '/parquet/marts/drawdowns.parquet')
"""


@pytest.fixture
def home(tmp_path):
    """What a publication leaves, as far as a copy looks at it: `current` is a link to a version."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def publish(home, run_id, drawdown, profile="live"):
    """A version of one row."""
    folder = home / "versions" / run_id
    (folder / "parquet" / "marts").mkdir(parents=True)
    file = folder / "parquet" / "marts" / "drawdowns.parquet"
    duckdb.sql(f"copy (select 'IGV' as symbol, {drawdown} as drawdown) to '{file}' (format parquet)")
    facts = {"run_id": run_id, "profile": profile, "as_of": "2026-02-05", "published_at": "2026-02-06T12:00:00Z"}
    (folder / "version.json").write_text(json.dumps(facts))
    (home / "current").unlink(missing_ok=True)
    (home / "current").symlink_to(folder.relative_to(home))


def read(url):
    """What a reader gets who follows the pointer, and the ids of the versions that are there."""
    store, root = fsspec.url_to_fs(url)
    store.invalidate_cache()
    with duckdb.connect() as reader:
        if not url.startswith("/"):
            reader.register_filesystem(store)
        answer = reader.execute(FOLLOW.format(url=url)).fetchall()
    return answer[0][0], float(answer[0][1]), sorted(f.rpartition("/")[2] for f in store.ls(f"{root}/versions", False))


@pytest.fixture(params=["disk", "s3"])
def place(request, tmp_path):
    """An address to copy to."""
    return str(tmp_path / "copies") if request.param == "disk" else request.getfixturevalue("bucket")


@pytest.fixture
def bucket(monkeypatch):
    """An empty bucket of a server in this process; skips by name where s3fs or moto is missing."""
    pytest.importorskip("s3fs", reason="s3fs is missing: object storage is not tested. Next: make deploy-test")
    server_of = pytest.importorskip("moto.server", reason="moto is missing. Next: make deploy-test")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_of.ThreadedMotoServer("127.0.0.1", port)
    server.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bucket")
    yield "s3://bucket/market"
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


def test_a_reader_who_follows_the_pointer_gets_the_newest_and_the_version_before_stays(home, place):
    for n, kept in enumerate([["run-0"], ["run-0", "run-1"], ["run-1", "run-2"]]):
        publish(home, f"run-{n}", -0.25 * (n + 1))
        assert mirror(home, place, kept_versions=2)
        assert read(place) == ("IGV", -0.25 * (n + 1), kept)


def test_a_copy_that_fails_half_way_is_a_warning_and_readers_keep_the_version_before(home, tmp_path, caplog):
    place = tmp_path / "copies"
    publish(home, "run-0", -0.25)
    assert mirror(home, str(place), 2)
    publish(home, "run-1", -0.5)
    # A file where the copy wants a folder: some of the version arrives, not all of it.
    (place / "versions" / "run-1" / "parquet").mkdir(parents=True)
    (place / "versions" / "run-1" / "parquet" / "marts").write_text("in the way")
    with caplog.at_level(logging.WARNING, "scaretrade"):
        assert not mirror(home, str(place), 2)
    assert "the published tables were not copied there" in caplog.text
    assert "Next:" in caplog.text
    assert read(str(place))[:2] == ("IGV", -0.25)

    publish(home, "run-2", -0.75)
    assert mirror(home, str(place), 2)
    assert read(str(place)) == ("IGV", -0.75, ["run-0", "run-2"])


def test_the_pointer_says_whether_the_data_are_simulated_and_simulated_never_replace_real_ones(home, tmp_path, caplog):
    place = tmp_path / "copies"
    publish(home, "sample-0", -0.25, "sample")
    assert mirror(home, str(place), 2)
    assert json.loads((place / "current.json").read_text())["data"] == "simulated"
    publish(home, "live-0", -0.5)
    assert mirror(home, str(place), 2)
    assert json.loads((place / "current.json").read_text())["data"] == "vendors"
    publish(home, "sample-1", -0.75, "sample")
    assert not mirror(home, str(place), 2)
    assert "live data are there" in caplog.text
    assert read(str(place))[:2] == ("IGV", -0.5)


def test_a_place_that_nothing_can_write_to_is_a_warning(home, caplog):
    publish(home, "run-0", -0.25)
    assert not mirror(home, "nosuchstore://bucket/market", 2)
    assert "nosuchstore" in caplog.text


def test_an_address_with_a_password_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv("SCARETRADE_PUBLISH_TO", "ftp://me:hunter2@example.org/market")
    with pytest.raises(WrongSettings, match="SCARETRADE_PUBLISH_TO") as refused:
        Settings.load()
    assert "hunter2" not in str(refused.value)
