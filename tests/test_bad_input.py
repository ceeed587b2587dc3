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


def chart(path, body, symbol, change):
    """Yahoo's body with one symbol's chart changed in place."""
    if f"/chart/{symbol}?" not in path:
        return body
    document = json.loads(body)
    change(document["chart"]["result"][0])
    return json.dumps(document).encode()


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


ANSWERS_WITHOUT_DATA = {
    "unknown symbol": (
        lambda path, body: (404, {}, b'{"chart":{"result":null,"error":{"code":"Not Found","description":"gone"}}}'),
        ("not_found", "check the symbol in pipelines/universe.yaml"),
    ),
    "empty body": (lambda path, body: b"", ("transient", "run again later")),
    "HTML with 200": (
        lambda path, body: (200, {"Content-Type": "text/html"}, b"<html>Will be right back</html>"),
        ("challenge", "look at it in a browser"),
    ),
    "truncated JSON": (lambda path, body: body[: len(body) // 2], ("transient", "run again later")),
    "missing column": (
        lambda path, body: chart(path, body, "MSFT", lambda r: r["indicators"]["quote"][0].pop("close")),
        ("schema_drift", "pipelines/sources/yahoo.py"),
    ),
}


@pytest.mark.parametrize("case", ANSWERS_WITHOUT_DATA)
def test_a_series_without_an_answer_goes_stale_and_the_others_go_on(home, tampered, case):
    spoil, (outcome, step) = ANSWERS_WITHOUT_DATA[case]
    tampered.spoil = lambda path, body: spoil(path, body) if "/chart/MSFT?" in path else body
    result = run(home, tampered, TODAY)
    assert result.exit_code == 0, result.output
    assert (newest(home, "MSFT"), newest(home, "CRM")) == (YESTERDAY, TODAY)
    found, reason = load(home, "MSFT")
    assert found == outcome
    assert "yahoo daily_bars MSFT" in reason
    assert step in reason
    late = rows(
        home / "market.duckdb", "select symbol, newest_date::varchar from quality.coverage where status = 'late'"
    )
    assert late == [("MSFT", YESTERDAY)]


def last(quote, name, value):
    quote["indicators"]["quote"][0][name][-1] = value


def repeat_last_day(result, close):
    result["timestamp"].insert(-1, result["timestamp"][-2])
    for values in [*result["indicators"]["quote"][0].values(), result["indicators"]["adjclose"][0]["adjclose"]]:
        values.insert(-1, values[-2])
    result["indicators"]["quote"][0]["close"][-2] = close or result["indicators"]["quote"][0]["close"][-3]


BAD_ROWS = {
    "negative price": (lambda r: last(r, "low", -1.0), [("MSFT", TODAY, "low is above 0.0")], YESTERDAY),
    "high below low": (lambda r: last(r, "high", 0.01), [("MSFT", TODAY, "high is at least low")], YESTERDAY),
    "price missing": (lambda r: last(r, "close", None), [("MSFT", TODAY, "close is known")], YESTERDAY),
    "day repeated the same": (
        lambda r: repeat_last_day(r, None),
        [("MSFT", YESTERDAY, "one row for each symbol, date")],
        TODAY,
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_quarantined_and_a_good_payload_heals_it(home, tampered, case):
    change, expected, still = BAD_ROWS[case]
    tampered.spoil = lambda path, body: chart(path, body, "MSFT", change)
    assert run(home, tampered, TODAY).exit_code == 0
    assert rejected(home) == expected
    assert newest(home, "MSFT") == still
    payload = rows(home / "market.duckdb", "select payload_id from quality.rejected_rows")[0][0]
    assert list((home / "live" / "landing").glob(f"*/{payload}.gz"))
    tampered.spoil = lambda path, body: body
    assert run(home, tampered, TODAY).exit_code == 0
    assert newest(home, "MSFT") == TODAY


def test_contradicting_rows_of_one_day_are_both_rejected(home, tampered):
    tampered.spoil = lambda path, body: chart(
        path, body, "MSFT", lambda r: repeat_last_day(r, 1e-3 + r["indicators"]["quote"][0]["low"][-2])
    )
    assert run(home, tampered, TODAY).exit_code == 0
    assert [row[:2] for row in rejected(home)] == [("MSFT", YESTERDAY)] * 2


def test_a_batch_full_of_bad_rows_is_refused_whole_and_yesterday_stays(home, tampered):
    def negative(result):
        lows = result["indicators"]["quote"][0]["low"]
        result["indicators"]["quote"][0]["low"] = [-low for low in lows]

    before = rows(home / "market.duckdb", "select * from meta order by key")
    tampered.spoil = lambda path, body: chart(path, body, "MSFT", negative)
    result = run(home, tampered, TODAY)
    assert result.exit_code == 1
    assert "batch refused, nothing of it was written: raw.daily_bars: low is above 0.0" in result.output
    assert "the published tables stay as they were" in result.output
    assert rows(home / "market.duckdb", "select * from meta order by key") == before
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
