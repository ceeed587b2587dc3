"""The landing is the memory: from it alone comes back what was loaded, and nothing that was not."""

import json
import re

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.contracts import contracts
from tests.daily import SINCE, Home, settings
from tests.tampered import Tampered

FIRST, SECOND, THIRD, OLDER = "2026-02-03", "2026-02-04", "2026-02-05", "2026-01-20"
COMPARED = [n for n in contracts() if n.startswith("raw.")] + [
    "quality.loads",
    "quality.payloads",
    "quality.rejected_rows",
]


@pytest.fixture
def wire():
    server = Tampered()
    yield server
    server.close()


def rebuild(home, profile="live"):
    with settings(home.folder.parent):
        return CliRunner().invoke(main, ["rebuild", "--profile", profile, "--home", str(home.folder)])


def contents(home):
    return {name: home.rows(f"from {name} order by all") for name in COMPARED}


def chart_of(symbol, path, body, change):
    """A Yahoo answer with its quotes changed."""
    if f"/chart/{symbol}?" not in path:
        return body
    document = json.loads(body)
    change(document["chart"]["result"][0]["indicators"]["quote"][0])
    return json.dumps(document).encode()


def halved(path, body):
    """IBM's whole history is given anew, at half its prices."""

    def halve(quote):
        for name in ("open", "high", "low", "close"):
            quote[name] = [value / 2 for value in quote[name]]

    return chart_of("IBM", path, body, halve)


def negative_volume(path, body):
    def spoil(quote):
        quote["volume"][-1] = -1

    return chart_of("MSFT", path, body, spoil)


class SecondPageFails:
    """The second page of Coinbase's bars is no answer; before and after it all is well."""

    def __init__(self):
        self.pages = 0

    def __call__(self, path, body):
        self.pages += path.startswith("/products/BTC-USD/candles")
        is_broken = path.startswith("/products/BTC-USD/candles") and self.pages == 2
        return (404, {}, b'{"message": "NotFound"}') if is_broken else body


def wrong_clock(path, body):
    """Binance's clock says another year, so that closed bars cannot be told."""
    is_binance = path.startswith("/api/v3/klines")
    return (200, {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}, body) if is_binance else body


def every_fault(path, body):
    return negative_volume(path, halved(path, body))


def outcomes(home):
    return set(home.rows("select source, symbol, outcome from quality.loads"))


def test_a_rebuild_loads_what_was_loaded_and_nothing_else(tmp_path, wire):
    home = Home(tmp_path / "home", wire)
    wire.spoil = SecondPageFails()
    home.ingest(FIRST)
    wire.spoil = every_fault
    home.ingest(THIRD)
    home.ingest(OLDER)
    wire.spoil = wrong_clock
    home.ingest(None)
    seen = outcomes(home)
    assert {("coinbase", "BTC", "not_found"), ("binance", "BTC", "transient"), ("yahoo", "IBM", "ok")} <= seen
    # IBM's history was given whole by each run: as it was, halved, halved as of an older day, and as it was again.
    versions = "select count(distinct load_id) from raw.daily_bars where symbol = 'IBM' and date < '2025-10-01'"
    assert home.rows(versions) == [(4,)]
    assert home.rows("select count(*) > 0 from quality.rejected_rows") == [(True,)]
    before = contents(home)
    result = rebuild(home)
    assert result.exit_code == 0, result.output
    after = contents(home)
    assert {name: len(set(before[name]) ^ set(after[name])) for name in COMPARED if before[name] != after[name]} == {}


def lose(home, symbol, number):
    """Delete the n-th payload of a symbol's daily bars, as it was landed; its name."""
    query = "select payload_id from quality.payloads where symbol = $1 and dataset = 'daily_bars' order by fetched_at"
    payload = home.rows(query, symbol)[number][0]
    (home.state / "landing" / payload[:2] / f"{payload}.gz").unlink()
    return payload


def closes(home, symbol):
    return home.rows(f"select date, close from latest.daily_bars where symbol = '{symbol}' order by date")


def test_a_lost_payload_is_named_with_its_days_and_the_next_run_asks_for_them(tmp_path):
    home = Home(tmp_path / "home")
    home.ingest(FIRST)
    home.ingest(SECOND)
    before, others = closes(home, "IBM"), closes(home, "MSFT")
    payload = lose(home, "IBM", 0)
    result = rebuild(home, "sample")
    assert result.exit_code == 0, result.output
    assert re.search(rf"  yahoo daily_bars IBM: payload {payload}: .*; its rows are missing", result.output)
    # The second run asked from ten days before the newest stored day, the 24th of January: the sessions from the 26th
    # to the 30th, and two in February.
    kept = "7 days up to 2026-02-03 are there from other payloads"
    assert f"Lost: yahoo daily_bars IBM from {SINCE} to {FIRST}: {kept}. The next run asks" in result.output
    assert closes(home, "IBM") == [row for row in before if str(row[0]) >= "2026-01-24"]
    assert closes(home, "MSFT") == others
    home.ingest(SECOND)
    assert closes(home, "IBM") == before


def test_of_a_series_that_is_lost_whole_nothing_is_left(tmp_path):
    home = Home(tmp_path / "home")
    home.ingest(FIRST)
    before = closes(home, "IBM")
    lose(home, "IBM", 0)
    result = rebuild(home, "sample")
    assert f"Lost: yahoo daily_bars IBM from {SINCE} to {FIRST}: nothing of it is left" in result.output
    assert closes(home, "IBM") == []
    home.ingest(FIRST)
    assert closes(home, "IBM") == before


def test_a_lost_rewriting_of_a_history_is_asked_again_whole(tmp_path, wire):
    """Half-old, half-new prices would otherwise stay: the runs after the lost payload agree with each other."""
    home = Home(tmp_path / "home", wire)
    home.ingest(FIRST)
    wire.spoil = halved
    home.ingest(SECOND)
    home.ingest(THIRD)
    before = closes(home, "IBM")
    lose(home, "IBM", 2)
    assert rebuild(home).exit_code == 0
    assert closes(home, "IBM") != before
    home.ingest(THIRD)
    assert closes(home, "IBM") == before


def test_a_landing_without_outcomes_is_replayed_as_far_as_it_can_be_read(tmp_path, wire):
    """So is what a run landed that was killed before it stored anything."""
    home = Home(tmp_path / "home", wire)
    home.ingest(FIRST)
    wire.spoil = lambda path, body: b"[[1]]" if path.startswith("/api/v3/klines") else body
    home.ingest(SECOND)
    before = contents(home)
    for file in (home.state / "landing" / "outcomes").iterdir():
        file.unlink()
    assert rebuild(home).exit_code == 0
    after = contents(home)
    assert {name for name in COMPARED if before[name] != after[name]} <= {"quality.loads"}
    assert ("binance", "BTC", "schema_drift") in outcomes(home)


def test_a_batch_that_was_refused_is_refused_again(tmp_path, wire):
    home = Home(tmp_path / "home", wire)
    home.ingest(FIRST)
    wire.spoil = lambda path, body: chart_of("MSFT", path, body, all_negative)
    assert home.ingest(THIRD) == ["yahoo"]
    before = contents(home)
    result = rebuild(home)
    assert "yahoo: batch refused, nothing of it was written" in result.output
    assert contents(home) == before


def all_negative(quote):
    quote["volume"] = [-1] * len(quote["volume"])


@pytest.mark.parametrize("made", [(), ("sample",), ("sample/landing",)])
def test_without_payloads_nothing_is_rebuilt_and_nothing_is_touched(tmp_path, made):
    home = Home(tmp_path / "home")
    for name in made:
        (home.folder / name).mkdir(parents=True)
    result = rebuild(home, "sample")
    assert result.exit_code == 1
    assert re.match(rf"Error: {home.state}/landing .*Next: ", result.stderr)
    assert not home.work.exists()


def test_a_manifest_that_cannot_be_read_is_named_and_the_working_file_stays(tmp_path):
    home = Home(tmp_path / "home")
    home.ingest(FIRST)
    before = contents(home)
    (file,) = (home.state / "landing" / "manifest").iterdir()
    file.write_text("{\n" + file.read_text())
    result = rebuild(home, "sample")
    assert result.exit_code == 1
    assert f"Error: {file}: line 1: " in result.stderr
    assert contents(home) == before
