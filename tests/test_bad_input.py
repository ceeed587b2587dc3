"""What a vendor can do wrong at 3 a.m.: each case has one outcome, a message with the next step, and no lost data."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.published import rows, tables
from tests.tampered import Tampered

YESTERDAY, TODAY = "2026-03-30", "2026-03-31"


@pytest.fixture(scope="module")
def tampered():
    server = Tampered()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Retries wait by the clock; the tests do not."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def run(home, tampered, day, *options):
    arguments = ["run", "--profile", "live", "--home", str(home), "--since", "2025-12-01", "--quiet", *options]
    as_of = ["--as-of", day] if day else []
    return CliRunner().invoke(main, [*arguments, *as_of], env=tampered.environment)


@pytest.fixture(scope="module")
def published_yesterday(tampered, tmp_path_factory):
    """A home with yesterday's run published."""
    home = tmp_path_factory.mktemp("home")
    result = run(home, tampered, YESTERDAY)
    assert result.exit_code == 0, result.output
    return home


@pytest.fixture
def home(published_yesterday, tmp_path, tampered):
    copy = tmp_path / "home"
    shutil.copytree(published_yesterday, copy, symlinks=True)
    yield copy
    tampered.spoil = lambda path, body: body


def edited(body, change):
    """Yahoo's body with its chart changed in place."""
    document = json.loads(body)
    change(document["chart"]["result"][0])
    return json.dumps(document).encode()


def chart(path, body, symbol, change):
    """The same for one symbol; every other answer stays as it is."""
    return edited(body, change) if f"/chart/{symbol}?" in path else body


def newest(home, symbol):
    return str(rows(home / "market.duckdb", "select max(date) from core.prices where symbol = $1", symbol)[0][0])


def rejected(home):
    return rows(
        home / "market.duckdb", "select symbol, row_date::varchar, reason from quality.rejected_rows order by 1, 2"
    )


def load(home, symbol):
    query = """select outcome, reason from quality.loads where symbol = $1 and dataset = 'daily_bars'
    order by load_id desc limit 1"""
    return rows(home / "market.duckdb", query, symbol)[0]


GONE = b'{"chart":{"result":null,"error":{"code":"Not Found","description":"gone"}}}'
WITHOUT_DATA = {
    # symbol: how its answer is spoilt, and what must be recorded with which next step
    "MSFT": (lambda body: (404, {}, GONE), "not_found", "check the symbol in pipelines/universe.yaml"),
    "AMZN": (lambda body: b"", "transient", "run again later"),
    "ORCL": (lambda body: (200, {"Content-Type": "text/html"}, b"<html>Sorry</html>"), "challenge", "in a browser"),
    "AVGO": (lambda body: body[: len(body) // 2], "transient", "run again later"),
    "TSM": (
        lambda body: edited(body, lambda r: r["indicators"]["quote"][0].pop("close")),
        "schema_drift",
        "pipelines/sources/yahoo.py",
    ),
}


def symbol_of(path):
    return path.partition("/chart/")[2].partition("?")[0]


def test_a_series_without_an_answer_goes_stale_and_the_others_go_on(home, tampered):
    def spoil(path, body):
        return WITHOUT_DATA[symbol_of(path)][0](body) if symbol_of(path) in WITHOUT_DATA else body

    tampered.spoil = spoil
    result = run(home, tampered, TODAY)
    assert result.exit_code == 0, result.output
    for symbol, (_, outcome, step) in WITHOUT_DATA.items():
        found, reason = load(home, symbol)
        assert found == outcome
        assert f"yahoo daily_bars {symbol}" in reason
        assert step in reason
        assert f"yahoo daily_bars {symbol}: {outcome}" in result.output
    late = "select symbol, newest_date::varchar from quality.coverage where status = 'late'"
    assert set(rows(home / "market.duckdb", late)) == {(symbol, YESTERDAY) for symbol in WITHOUT_DATA}
    assert newest(home, "CRM") == TODAY


def last(quote, name, value):
    quote["indicators"]["quote"][0][name][-1] = value


def repeat_last_but_one(result, close=None):
    result["timestamp"].insert(-1, result["timestamp"][-2])
    quote = result["indicators"]["quote"][0]
    for values in [*quote.values(), result["indicators"]["adjclose"][0]["adjclose"]]:
        values.insert(-1, values[-2])
    quote["close"][-2] = close(quote) if close else quote["close"][-2]


BAD_ROWS = {
    # symbol: what is wrong, the rows rejected with their reasons, and the newest day that remains
    "MSFT": (lambda r: last(r, "low", -1.0), [(TODAY, "low is above 0.0")], YESTERDAY),
    "AMZN": (lambda r: last(r, "high", 0.01), [(TODAY, "high is at least low")], YESTERDAY),
    "ORCL": (lambda r: last(r, "close", None), [(TODAY, "close is known")], YESTERDAY),
    "AVGO": (repeat_last_but_one, [(YESTERDAY, "one row for each symbol, date")], TODAY),
    "TSM": (
        lambda r: repeat_last_but_one(r, lambda quote: quote["low"][-2]),
        [(YESTERDAY, "one row for each symbol, date")] * 2,
        TODAY,
    ),
}


def test_bad_rows_are_quarantined_and_a_good_payload_heals_them(tmp_path, tampered):
    home = tmp_path / "home"

    def spoil(path, body):
        return edited(body, BAD_ROWS[symbol_of(path)][0]) if symbol_of(path) in BAD_ROWS else body

    tampered.spoil = spoil
    assert run(home, tampered, TODAY).exit_code == 0
    for symbol, (_, expected, still) in BAD_ROWS.items():
        assert [(day, reason) for s, day, reason in rejected(home) if s == symbol] == expected
        assert newest(home, symbol) == still
    missing = "select n_missing, last_missing_date::varchar from quality.coverage where symbol = 'TSM'"
    assert rows(home / "market.duckdb", missing) == [(1, YESTERDAY)]
    for (payload,) in rows(home / "market.duckdb", "select distinct payload_id from quality.rejected_rows"):
        assert list((home / "live" / "landing").glob(f"*/{payload}.gz"))
    tampered.spoil = lambda path, body: body
    assert run(home, tampered, TODAY).exit_code == 0
    assert {newest(home, symbol) for symbol in BAD_ROWS} == {TODAY}
    assert rows(home / "market.duckdb", missing) == [(0, None)]


def test_a_batch_full_of_bad_rows_is_refused_whole_and_yesterday_stays(home, tampered):
    def negative(result):
        lows = result["indicators"]["quote"][0]["low"]
        result["indicators"]["quote"][0]["low"] = [-low for low in lows]

    before = rows(home / "market.duckdb", "select * from meta order by key")
    page = (home / "report" / "index.html").read_text()
    tampered.spoil = lambda path, body: chart(path, body, "MSFT", negative)
    result = run(home, tampered, TODAY)
    assert result.exit_code == 1
    assert "batch refused, nothing of it was written: raw.daily_bars: low is above 0.0" in result.output
    assert "the published tables stay as they were" in result.output
    assert rows(home / "market.duckdb", "select * from meta order by key") == before
    assert (home / "report" / "index.html").read_text() == page
    assert newest(home, "CRM") == YESTERDAY
    with duckdb.connect(str(home / "live" / "work.duckdb"), read_only=True) as work:
        yahoo = work.execute("select max(date)::varchar from raw.daily_bars where source = 'yahoo'").fetchall()
        binance = work.execute("select max(date)::varchar from raw.daily_bars where source = 'binance'").fetchall()
    assert (yahoo, binance) == ([(YESTERDAY,)], [(TODAY,)])
    tampered.spoil = lambda path, body: body
    assert run(home, tampered, TODAY).exit_code == 0
    assert newest(home, "MSFT") == TODAY


def test_a_row_dated_in_the_future_is_quarantined(home, tampered):
    def next_year(result):
        result["timestamp"][-1] += 365 * 86_400

    tampered.spoil = lambda path, body: chart(path, body, "MSFT", next_year)
    assert run(home, tampered, None).exit_code == 0
    ((symbol, day, reason),) = rejected(home)
    assert (symbol, day) == ("MSFT", "2027-03-31")
    assert reason.startswith("date is before")
    assert newest(home, "MSFT") == YESTERDAY


def test_a_clock_hours_off_stores_nothing(home, tampered):
    wrong = format_datetime(datetime.now(UTC) - timedelta(hours=3), usegmt=True)
    tampered.spoil = lambda path, body: (200, {"Date": wrong}, body)
    result = run(home, tampered, None)
    assert result.exit_code == 0
    assert "clock" in result.output
    assert "set this machine's clock" in result.output
    assert newest(home, "MSFT") == YESTERDAY


def test_without_a_network_nothing_is_lost(home, tampered, tmp_path):
    class Nowhere:
        environment = dict.fromkeys(tampered.environment, "http://127.0.0.1:9")

    result = run(home, Nowhere, TODAY)
    assert result.exit_code == 0
    assert "check the network, or run `make run` for the offline sample market" in result.output
    assert newest(home, "MSFT") == YESTERDAY
    first = run(tmp_path / "fresh", Nowhere, TODAY)
    assert first.exit_code == 1
    assert "Nothing was published" in first.output
    assert "every_source_has_data" in first.output
    assert not (tmp_path / "fresh" / "market.duckdb").exists()


def test_an_open_reader_keeps_its_tables_and_does_not_block(home, tampered):
    with duckdb.connect(str(home / "market.duckdb"), read_only=True) as reader:
        assert run(home, tampered, TODAY).exit_code == 0
        newest_seen = reader.execute("select max(date)::varchar from core.prices where symbol = 'MSFT'").fetchall()
    assert newest_seen == [(YESTERDAY,)]
    assert newest(home, "MSFT") == TODAY
    assert "marts.drawdowns" in tables(home / "market.duckdb")
