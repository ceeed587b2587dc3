"""What is kept for how long: nothing is deleted unless asked for, and nothing that no other payload gives again."""

import re
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.landing import Landing
from pipelines.retention import forget_covered
from pipelines.settings import Settings, WrongSettings
from tests.daily import Home, settings
from tests.tampered import Tampered

DAYS = ("2026-02-03", "2026-02-04", "2026-02-05")
IN_A_MONTH = datetime.now(UTC) + timedelta(days=31)


def numbered(n):
    """Answers as they are, but for the SEC's: no two of its numbers are the same bytes."""
    return lambda path, body: body + b" " * n if "companyfacts" in path else body


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    """Three runs' landing. Filings come whole with each, all else from ten days before its newest day."""
    home = Home(tmp_path_factory.mktemp("three") / "home", Tampered())
    for n, day in enumerate(DAYS):
        home.wire.spoil = numbered(n)
        home.ingest(day)
    yield home
    home.wire.close()


@pytest.fixture
def home(three_runs, tmp_path):
    """A copy of them, whose vendors answer as in the last one."""
    three_runs.wire.spoil = numbered(len(DAYS) - 1)
    return Home(shutil.copytree(three_runs.folder, tmp_path / "home"), three_runs.wire)


def landing(home):
    return Landing(home.state / "landing")


def payloads(home, dataset):
    query = "select payload_id from quality.payloads where dataset = $1 order by fetched_at"
    return [name for (name,) in home.rows(query, dataset)]


def latest(home):
    tables = ("daily_bars", "hourly_bars", "onchain", "facts", "dividends", "splits")
    return {
        t: home.rows(f"select * exclude (known_at, load_id, payload_id) from latest.{t} order by all") for t in tables
    }


def command(home, name):
    with settings(home.folder.parent):
        return CliRunner().invoke(main, [name, "--profile", "live", "--home", str(home.folder)])


def test_nothing_is_deleted_unless_asked_for(home):
    assert Settings().landing_days is None
    assert forget_covered(landing(home), None, IN_A_MONTH) == []
    assert all(landing(home).holds(line.payload_id) for line in landing(home).manifest())


def test_what_is_younger_than_asked_stays(home):
    assert forget_covered(landing(home), 31, datetime.now(UTC)) == []


def test_only_what_a_later_answer_gives_again_is_deleted(home):
    facts = payloads(home, "facts")
    assert len(set(facts)) == 3
    assert forget_covered(landing(home), 30, IN_A_MONTH) == sorted(facts[:2])
    assert {line.payload_id for line in landing(home).manifest() if not landing(home).holds(line.payload_id)} == {
        *facts[:2]
    }
    assert forget_covered(landing(home), 30, IN_A_MONTH) == []


def test_an_answer_that_was_not_used_covers_nothing(home):
    home.wire.spoil = lambda path, body: b"[]" if "companyfacts" in path else body
    home.ingest("2026-02-06")
    facts = payloads(home, "facts")
    assert len(facts) == 4
    assert forget_covered(landing(home), 30, IN_A_MONTH) == sorted(facts[:2])


def test_older_knowledge_that_came_later_covers_nothing(home):
    home.ingest("2026-01-30")
    facts = payloads(home, "facts")
    assert forget_covered(landing(home), 30, IN_A_MONTH) == sorted(set(facts[:2]) - {facts[3]})


def test_after_forgetting_a_rebuild_gives_the_same_values_and_misses_nothing(home):
    before = latest(home)
    forget_covered(landing(home), 30, IN_A_MONTH)
    verified = command(home, "verify")
    assert verified.exit_code == 0, verified.output
    rebuilt = command(home, "rebuild")
    assert rebuilt.exit_code == 0
    assert "missing" not in rebuilt.output
    assert "Lost" not in rebuilt.output
    assert latest(home) == before
    asked = len(home.wire.asked)
    home.ingest(DAYS[-1])
    whole = [path for path in home.wire.asked[asked:] if "period1" in path and "/IBM?" in path]
    assert len(whole) == 1
    assert home.rows(
        "select sum(rows_written) from quality.loads where load_id = (select max(load_id) from quality.loads)"
    ) == [(0,)]


def test_content_that_comes_again_is_kept_again(home):
    facts = payloads(home, "facts")
    forget_covered(landing(home), 30, IN_A_MONTH)
    home.wire.spoil = lambda path, body: body
    home.ingest(DAYS[-1])
    assert payloads(home, "facts")[3] == facts[0]
    assert landing(home).holds(facts[0])
    assert command(home, "verify").exit_code == 0


def test_the_settings_reach_the_run(home):
    """Four versions are published and three kept; what was fetched years ago, as the manifest says, is forgotten."""
    facts = payloads(home, "facts")
    for manifest in (home.state / "landing" / "manifest").iterdir():
        manifest.write_text(re.sub(r'"fetched_at": "\d{4}', '"fetched_at": "2020', manifest.read_text()))
    for _ in range(4):
        home.run(DAYS[-1], SCARETRADE_KEPT_VERSIONS="3", SCARETRADE_LANDING_DAYS="1000")
    assert len(list((home.folder / "versions").iterdir())) == 3
    assert landing(home).forgotten() == set(facts[:2])


@pytest.mark.parametrize("name", ["KEPT_VERSIONS", "LANDING_DAYS"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_less_than_one_cannot_be_meant(monkeypatch, name, value):
    monkeypatch.setenv(f"SCARETRADE_{name}", value)
    with pytest.raises(WrongSettings, match=f"SCARETRADE_{name}: .*Next: "):
        Settings.load()
