"""What every source shares: skipping, paging, conditional requests, quotas, failures, secrets, rewritten histories."""

import gzip
import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from pipelines.calendars import sessions
from pipelines.ingest import Ingest
from pipelines.keys import key_in_use, missing_key
from pipelines.landing import Landing
from pipelines.replay import replay
from pipelines.settings import Profile, new_run
from pipelines.sources import SOURCES
from pipelines.sources.http import VendorSession
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse
from tests.test_coingecko import coin, snapshot

WIRE = "https://wire.test"
HIDDEN = "s3cr3t/value+1"


class World:
    """One home: runs of a source follow each other on the same warehouse and landing; the wire is in the tests' hands.

    `vendor(path, asked)` gives the answer: a document, or (status, headers, body).
    """

    def __init__(self, folder, wire):
        self.folder, self.warehouse, self.landing = folder, Warehouse(":memory:"), Landing(folder / "landing")
        self.landing.open()
        self.calls: list[requests.PreparedRequest] = []
        self.vendor: Callable = lambda path, asked: (404, {}, "{}")
        wire.add_callback(responses.GET, re.compile(f"^{WIRE}/.*"), self.answer)

    def answer(self, request):
        self.calls.append(request)
        parts = urlsplit(request.url)
        found = self.vendor(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})
        status, headers, body = found if isinstance(found, tuple) else (200, {}, json.dumps(found))
        if "ETag" in headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return 304, headers, ""
        return status, headers, body

    def run(self, name, instruments, as_of="2026-02-05", since="2026-01-02"):
        """One run of one source; `calls` then holds what this run asked."""
        self.calls.clear()
        source, days = SOURCES[name], [date.fromisoformat(day) for day in (as_of, since)]
        run = new_run(f"run-{as_of}-{len(list(self.landing.manifest()))}", Profile.LIVE, self.folder, *days)
        self.warehouse.prepare(run)
        with VendorSession(source, WIRE, key=key_in_use(source), sleep=lambda seconds: None) as session:
            lacking = partial(missing_key, source)
            universe = universe_of(name, instruments)
            return Ingest(source, session, self.landing, self.warehouse, run, universe, lacking=lacking)()

    def loads(self, columns="symbol, outcome"):
        """What became of the series of the last run."""
        newest = "load_id = (select max(load_id) from quality.loads)"
        return self.warehouse.rows(f"select {columns} from quality.loads where {newest} order by symbol, dataset")

    def asked(self, name):
        """A query parameter of each request of the last run."""
        return [parse_qs(urlsplit(call.url).query)[name][0] for call in self.calls]

    def symbols_asked(self):
        """The vendor symbols of the last run's requests, where the path names them."""
        return [urlsplit(call.url).path.split("/")[3] for call in self.calls]


def universe_of(source, instruments):
    """A universe of (symbol, kind, vendor symbol, datasets) asked from one source."""
    listed = {
        symbol: {
            "name": symbol,
            "kind": kind,
            "vendor_symbols": {source: vendor},
            "datasets": dict.fromkeys(datasets, source),
        }
        for symbol, kind, vendor, datasets in instruments
    }
    kinds = {kind: {} for kind in ("equity", "etf", "index", "crypto", "market")}
    return Universe.model_validate({"sources": kinds, "instruments": listed, "baskets": {}, "correlation_bases": []})


@pytest.fixture
def world(tmp_path):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield World(tmp_path, wire)


@pytest.fixture
def log(caplog, monkeypatch):
    """All that the pipeline logs, whatever a run in this process has made of its loggers."""
    logger = logging.getLogger("scaretrade")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    caplog.set_level(logging.DEBUG, "scaretrade")
    return caplog


def warnings_of(log):
    return [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]


def days_from(first, n):
    return [date.fromisoformat(first) + timedelta(days=i) for i in range(n)]


DAYS = days_from("2022-06-01", 1346)  # to the 5th of February 2026
BTC = [("BTC", "crypto", "BTCUSDT", ["daily_bars"])]


# Keys


COINS = [
    ("CRYPTO_TOTAL", "market", "global", ["market_snapshots", "market_caps"]),
    ("BTC", "crypto", "bitcoin", ["market_caps"]),
    ("ETH", "crypto", "ethereum", ["market_caps"]),
]


def coingecko(path, asked):
    return snapshot() if path == "/api/v3/global" else coin()


def test_a_series_without_its_key_is_left_out_and_the_others_are_asked(world, log):
    world.vendor = coingecko
    batch = world.run("coingecko", COINS)
    assert [urlsplit(call.url).path for call in world.calls] == ["/api/v3/global"]
    either, pro = (
        "COINGECKO_PRO_API_KEY or COINGECKO_DEMO_API_KEY is not set",
        "COINGECKO_PRO_API_KEY is not set",
    )
    assert world.loads("symbol, dataset, outcome, reason") == [
        ("BTC", "market_caps", "skipped", either),
        ("CRYPTO_TOTAL", "market_caps", "skipped", pro),
        ("CRYPTO_TOTAL", "market_snapshots", "ok", None),
        ("ETH", "market_caps", "skipped", either),
    ]
    assert batch.failures == []
    assert [record.getMessage() for record in log.records if "left out" in record.getMessage()] == [
        f"coingecko: {pro}, so left out: CRYPTO_TOTAL market_caps",
        f"coingecko: {either}, so left out: BTC market_caps, ETH market_caps",
    ]
    assert world.warehouse.scalar("select count(*) from raw.market_snapshots") == 1


def test_a_key_opens_what_it_opens_and_is_sent(world, monkeypatch):
    monkeypatch.setenv("COINGECKO_DEMO_API_KEY", HIDDEN)
    world.vendor = coingecko
    world.run("coingecko", COINS)
    assert {call.headers["x-cg-demo-api-key"] for call in world.calls} == {HIDDEN}
    outcomes = [("BTC", "ok"), ("CRYPTO_TOTAL", "skipped"), ("CRYPTO_TOTAL", "ok"), ("ETH", "ok")]
    assert world.loads() == outcomes


# Pages


def unix(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def binance(days, path, asked):
    first, last = (datetime.fromtimestamp(int(asked[k]) / 1000, UTC).date() for k in ("startTime", "endTime"))
    found = [day for day in days if first <= day <= last][: int(asked["limit"])]
    times = [(unix(day) * 1000, str(day.day)) for day in found]
    return [[at, "5", "40", "0.5", close, "1", at + 86_399_999, "1", 1, "1", "1", "0"] for at, close in times]


def coinbase(days, path, asked):
    first, last = (datetime.fromisoformat(asked[k]).date() for k in ("start", "end"))
    found = [day for day in reversed(days) if first <= day <= last]
    assert len(found) <= 300
    return [[unix(day), 0.5, 40, 5, day.day, 1.5] for day in found]


def bgeometrics(days, path, asked):
    first, last = (date.fromisoformat(asked[k]) for k in ("startday", "endday"))
    found = [day for day in days if first <= day <= last][: int(asked["size"])]
    return [{"d": str(day), "unixTs": unix(day), "v": day.day} for day in found]


def coinmetrics(days, path, asked, page=400, until_empty=False):
    first, last = (date.fromisoformat(asked[k]) for k in ("start_time", "end_time"))
    at = int(asked.get("next_page_token", "0"))
    rest = [day for day in days if first <= day <= last][at:]
    more = len(rest) >= page if until_empty else len(rest) > page
    rows = [{"asset": "btc", "time": f"{d}T00:00:00.000000000Z", "PriceUSD": str(d.day)} for d in rest[:page]]
    return {"data": rows} | ({"next_page_token": str(at + page), "next_page_url": "https://else.test"} if more else {})


PAGED = [
    # vendor, days it has, how many days are asked, answers of each page
    pytest.param(binance, 1300, 1300, [1000, 300], id="binance-partial-last-page"),
    pytest.param(binance, 1000, 1000, [1000], id="binance-exactly-full-page"),
    pytest.param(binance, 300, 1300, [0, 300], id="binance-empty-page-before-the-listing"),
    pytest.param(coinbase, 300, 300, [299, 1], id="coinbase-partial-last-page"),
    pytest.param(coinbase, 598, 598, [299, 299], id="coinbase-exactly-full-pages"),
    pytest.param(coinbase, 10, 598, [0, 10], id="coinbase-empty-page-before-the-listing"),
    pytest.param(bgeometrics, 1300, 1300, [1000, 300] * 2, id="bgeometrics-partial-last-page"),
    pytest.param(bgeometrics, 1000, 1000, [1000] * 2, id="bgeometrics-exactly-full-page"),
    pytest.param(coinmetrics, 900, 900, [400, 400, 100], id="coinmetrics-partial-last-page"),
    pytest.param(coinmetrics, 800, 800, [400, 400], id="coinmetrics-exactly-full-page"),
    pytest.param(partial(coinmetrics, until_empty=True), 800, 800, [400, 400, 0], id="coinmetrics-empty-last-page"),
]
TABLES = {"binance": "daily_bars", "coinbase": "daily_bars", "bgeometrics": "onchain", "coinmetrics": "onchain"}
VALUES = {"daily_bars": "close", "onchain": "value"}


@pytest.mark.parametrize(("vendor", "there", "wanted", "pages"), PAGED)
def test_pages_are_asked_to_the_end_and_no_further(world, vendor, there, wanted, pages):
    name = getattr(vendor, "func", vendor).__name__
    last = date(2026, 2, 5)
    days = days_from(str(last - timedelta(days=there - 1)), there)
    sizes = []

    def answer(path, asked):
        page = vendor(days, path, asked)
        sizes.append(len(page["data"] if isinstance(page, dict) else page))
        return page

    world.vendor, table = answer, TABLES[name]
    vendor_symbol = "btc" if name == "coinmetrics" else "BTC-USD"
    world.run(name, [("BTC", "crypto", vendor_symbol, [table])], since=str(last - timedelta(days=wanted - 1)))
    assert sizes == pages
    assert len({call.url for call in world.calls}) == len(pages)
    # Every day once for each metric, with its own value: the day of the month.
    n_metrics = 2 if name == "bgeometrics" else 1
    found = world.warehouse.rows(f"select date, {VALUES[table]} from raw.{table} order by date")
    assert found == [(day, float(day.day)) for day in days for _ in range(n_metrics)]
    assert world.loads("outcome, rows_written") == [("ok", there * n_metrics)]


def test_a_full_page_that_ends_early_is_followed_by_an_empty_one(world):
    """BGeometrics shows its newest days late: a full page then does not reach the day asked for."""
    days = days_from("2023-01-01", 1000)
    world.vendor = partial(bgeometrics, days)
    world.run("bgeometrics", [("BTC", "crypto", "BTC", ["onchain"])], since="2023-01-01")
    # The 1000th day is the 26th of September 2025: 730 days to the end of 2024, with its 29th of February 731, and 269.
    assert days[-1] == date(2025, 9, 26)
    assert world.asked("startday") == ["2023-01-01", "2025-09-27"] * 2
    assert world.loads("outcome, rows_written") == [("ok", 2000)]


def test_a_series_of_which_a_page_fails_is_not_stored_in_part(world):
    def vendor(path, asked):
        # ETH's second page is the fourth request.
        is_broken = len(world.calls) == 4
        return (400, {}, '{"code": -1100}') if is_broken else binance(DAYS, path, asked)

    world.vendor = vendor
    coins = [(s, "crypto", f"{s}USDT", ["daily_bars"]) for s in ("BTC", "ETH", "SOL")]
    world.run("binance", coins, since="2022-06-01")
    assert world.loads("symbol, outcome") == [("BTC", "ok"), ("ETH", "schema_drift"), ("SOL", "ok")]
    counted = world.warehouse.rows("select symbol, count(*) from raw.daily_bars group by symbol order by symbol")
    assert counted == [("BTC", len(DAYS)), ("SOL", len(DAYS))]


# Conditional requests


@pytest.fixture
def tagged(world):
    """Binance with an ETag; the days asked are the same in every run of the day. After the first run."""
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, json.dumps(binance(DAYS, path, asked)))
    world.run("binance", BTC, since="2026-02-01")
    assert "If-None-Match" not in world.calls[0].headers
    return world


def contents(warehouse):
    return warehouse.rows("select * from raw.daily_bars order by all")


def test_an_answer_that_still_holds_is_not_sent_again(tagged, log):
    before = contents(tagged.warehouse)
    batch = tagged.run("binance", BTC, since="2026-02-01")
    [call] = tagged.calls
    assert call.headers["If-None-Match"] == 'W/"one"'
    assert ": 304, unchanged, so the stored answer is used, in " in log.text
    assert [load.parsed for load in batch.loads.values()] == [5]
    assert tagged.loads("outcome, rows_parsed, rows_written") == [("ok", 5, 0)]
    assert contents(tagged.warehouse) == before
    first, second = tagged.landing.manifest()
    assert (first.status, second.status) == (200, 304)
    assert first.payload_id == second.payload_id
    assert tagged.warehouse.rows("select status, payload_id from quality.payloads order by fetched_at") == [
        (200, first.payload_id),
        (304, first.payload_id),
    ]


def test_a_run_whose_answer_still_held_is_replayed_from_the_landing(tagged):
    tagged.run("binance", BTC, since="2026-02-01")
    [*_, line] = tagged.landing.manifest()
    copy = Warehouse(":memory:")
    run = new_run(line.run_id, Profile.LIVE, tagged.folder, date(2026, 2, 5), date(2026, 2, 1))
    copy.prepare(run)
    replay(SOURCES["binance"], tagged.landing, copy, run, [line])
    assert [row[:-2] for row in contents(copy)] == [row[:-2] for row in contents(tagged.warehouse)]


def damage_payload(landing):
    [file] = landing.folder.glob("??/*.gz")
    file.write_bytes(file.read_bytes()[:-5])


def damage_tag(landing):
    [file] = (landing.folder / "etags").iterdir()
    file.write_text(file.read_text()[:20])


@pytest.mark.parametrize("damage", [damage_payload, damage_tag])
def test_what_is_damaged_here_is_asked_whole_and_repaired(tagged, damage):
    damage(tagged.landing)
    tagged.run("binance", BTC, since="2026-02-01")
    assert "If-None-Match" not in tagged.calls[0].headers
    assert tagged.loads("outcome, rows_parsed") == [("ok", 5)]
    tagged.run("binance", BTC, since="2026-02-01")
    assert tagged.calls[0].headers["If-None-Match"] == 'W/"one"'
    assert tagged.landing.holds(next(tagged.landing.manifest()).payload_id)


def test_an_answer_that_could_not_be_read_is_not_confirmed(world):
    """Had its tag been kept, the vendor would confirm the damaged answer in every run."""
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, "[[1]]")
    world.run("binance", BTC, since="2026-02-01")
    assert world.loads() == [("BTC", "schema_drift")]
    world.vendor = lambda path, asked: (200, {"ETag": 'W/"one"'}, json.dumps(binance(DAYS, path, asked)))
    world.run("binance", BTC, since="2026-02-01")
    assert world.loads() == [("BTC", "ok")]


# Quotas, on Tiingo with its 45 answers a run


def tiingo(path, asked, closes=None):
    """Sessions at 100 dollars, or at `closes(day)` as traded with the split factor of the day."""
    first, last = (date.fromisoformat(asked[k]) for k in ("startDate", "endDate"))
    days = [day.date() for day in sessions(first, last)["date"]]
    return [tiingo_day(day, *(closes(day) if closes else (100, 1))) for day in days]


def tiingo_day(day, close, split, adjusted=100):
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return {
        "date": f"{day}T00:00:00.000Z",
        **prices,
        "volume": 40,
        "adjClose": adjusted,
        "divCash": 0,
        "splitFactor": split,
    }


def equities(n):
    return [(f"S{i:02}", "equity", f"S{i:02}", ["daily_bars"]) for i in range(n)]


@pytest.fixture
def tiingo_world(world, monkeypatch):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)
    world.vendor = tiingo
    return world


def test_a_quota_leaves_the_rest_for_the_next_run_which_asks_it_first(tiingo_world):
    tiingo_world.run("tiingo", equities(47))
    assert len(tiingo_world.calls) == 45
    outcomes = dict(tiingo_world.loads())
    assert [symbol for symbol, outcome in outcomes.items() if outcome != "ok"] == ["S45", "S46"]
    [reason] = {reason for _, reason in tiingo_world.loads("symbol, reason") if reason}
    assert reason == "tiingo answers 45 requests a run; the next run asks first"
    tiingo_world.run("tiingo", equities(47), as_of="2026-02-06")
    assert tiingo_world.symbols_asked()[:2] == ["S45", "S46"]
    assert tiingo_world.asked("startDate")[:3] == ["2026-01-02", "2026-01-02", "2026-01-26"]
    assert [symbol for symbol, outcome in tiingo_world.loads() if outcome != "ok"] == ["S43", "S44"]
    tiingo_world.run("tiingo", equities(47), as_of="2026-02-09")
    assert tiingo_world.symbols_asked()[:2] == ["S43", "S44"]
    newest = "select count(distinct symbol), min(date), max(date) from raw.daily_bars"
    assert tiingo_world.warehouse.rows(newest) == [(47, date(2026, 1, 2), date(2026, 2, 9))]


def split_on(day, ratio, path, asked):
    """S07 trades at `ratio` hundred dollars before the day and at 100 from it on."""
    if "/S07/" not in path:
        return tiingo(path, asked)
    split = lambda d: (100 if d >= day else 100 * ratio, ratio if d == day else 1)  # noqa: E731
    adjusted = 100 if date.fromisoformat(asked["endDate"]) >= day else 100 * ratio
    return [row | {"adjClose": adjusted} for row in tiingo(path, asked, split)]


@pytest.mark.parametrize("ratio", [20, 10])
def test_a_split_on_the_overlap_has_that_history_asked_whole_and_no_other(tiingo_world, ratio, log):
    tiingo_world.vendor = partial(split_on, date(2026, 2, 6), ratio)
    tiingo_world.run("tiingo", equities(10))
    assert latest_closes(tiingo_world, "S07") == {100.0 * ratio}
    tiingo_world.run("tiingo", equities(10), as_of="2026-02-06")
    # Ten days before the newest stored one, the 5th, for all; then the one history.
    assert tiingo_world.asked("startDate") == ["2026-01-26"] * 10 + ["2026-01-02"]
    assert tiingo_world.symbols_asked()[-1] == "S07"
    assert "tiingo: history rewritten since the last run, asked whole: S07" in log.text
    whys = Counter(re.findall(r"GET \S+ for \S+ to \S+ \((.*?)\)", log.text))
    assert whys == {
        "first time": 10,
        "overlap with the days stored, and new ones": 10,
        "history was rewritten, so whole": 1,
    }
    assert latest_closes(tiingo_world, "S07") == {100.0}
    assert tiingo_world.warehouse.rows("select symbol, date, numerator from raw.splits") == [
        ("S07", date(2026, 2, 6), float(ratio))
    ]
    tiingo_world.run("tiingo", equities(10), as_of="2026-02-09")
    assert len(tiingo_world.calls) == 10


def latest_closes(world, symbol):
    return {
        close for (close,) in world.warehouse.rows("select close from latest.daily_bars where symbol = $1", [symbol])
    }


def test_a_history_that_the_quota_left_out_is_asked_whole_first(tiingo_world, log):
    tiingo_world.vendor = partial(split_on, date(2026, 2, 6), 20)
    tiingo_world.run("tiingo", equities(45))
    tiingo_world.run("tiingo", equities(45), as_of="2026-02-06")
    assert [symbol for symbol, outcome in tiingo_world.loads() if outcome != "ok"] == ["S07"]
    assert latest_closes(tiingo_world, "S07") == {2000.0}
    tiingo_world.run("tiingo", equities(45), as_of="2026-02-09")
    assert (tiingo_world.symbols_asked()[0], tiingo_world.asked("startDate")[0]) == ("S07", "2026-01-02")
    assert log.text.count("for 2026-01-02 to 2026-02-09 (gap: unanswered from 2026-01-02 on)") == 1
    assert len(tiingo_world.calls) == 45
    assert latest_closes(tiingo_world, "S07") == {100.0}


# Failures


def failing(statuses, path, asked):
    """Tiingo, with an error status for some symbols."""
    status = statuses.get(path.split("/")[3])
    return (status, {}, "{}") if status else tiingo(path, asked)


@pytest.mark.parametrize(
    ("statuses", "outcomes"),
    [
        ({"S01": 404}, ["ok", "not_found", "ok", "ok", "ok"]),
        ({"S01": 503}, ["ok", "transient", "ok", "ok", "ok"]),
        ({"S01": 404, "S02": 404, "S03": 404}, ["ok", "not_found", "not_found", "not_found", "ok"]),
        ({"S01": 503, "S02": 429}, ["ok", "transient", "rate_limited", "not_asked", "not_asked"]),
        ({"S00": 401, "S01": 401}, ["auth", "auth", "not_asked", "not_asked", "not_asked"]),
        ({"S00": 503, "S02": 503}, ["transient", "ok", "transient", "ok", "ok"]),
        ({"S00": 503, "S01": 404, "S02": 503}, ["transient", "not_found", "transient", "ok", "ok"]),
    ],
    ids=str,
)
def test_a_failure_leaves_the_others_and_two_outages_in_a_row_give_up(tiingo_world, statuses, outcomes, log):
    tiingo_world.vendor = partial(failing, statuses)
    tiingo_world.run("tiingo", equities(5))
    assert [outcome for _, outcome in tiingo_world.loads()] == outcomes
    stored = tiingo_world.warehouse.rows("select distinct symbol from raw.daily_bars order by symbol")
    assert stored == [(f"S{i:02}",) for i, outcome in enumerate(outcomes) if outcome == "ok"]
    for symbol, outcome, reason in tiingo_world.loads("symbol, outcome, reason"):
        if outcome == "not_asked":
            assert reason == "tiingo did not answer for the series before"
        elif outcome != "ok":
            assert reason.startswith(f"tiingo daily_bars {symbol}: {outcome}: HTTP {statuses[symbol]}")
            assert "Next: " in reason
            assert reason in warnings_of(log)


def test_without_a_network_one_series_is_enough_to_give_up(world, monkeypatch):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)

    def unreachable(path, asked):
        raise requests.ConnectionError("no route to host")

    world.vendor = unreachable
    world.run("tiingo", equities(3))
    assert [outcome for _, outcome in world.loads()] == ["transient", "not_asked", "not_asked"]


def test_the_next_run_asks_again_from_where_the_failed_one_did(tiingo_world):
    tiingo_world.run("tiingo", equities(2))
    tiingo_world.vendor = partial(failing, {"S01": 503})
    tiingo_world.run("tiingo", equities(2), as_of="2026-02-06")
    tiingo_world.vendor = tiingo
    tiingo_world.run("tiingo", equities(2), as_of="2026-02-09")
    # S01 was last stored on the 5th, S00 on the 6th; ten days before each.
    assert list(zip(tiingo_world.symbols_asked(), tiingo_world.asked("startDate"), strict=True)) == [
        ("S01", "2026-01-26"),
        ("S00", "2026-01-27"),
    ]


# Secrets

HEADER_KEY = ("tiingo", "TIINGO_API_KEY", ("S00", "equity", "S00", ["daily_bars"]))
PARAM_KEY = ("bgeometrics", "BGEOMETRICS_TOKEN", ("BTC", "crypto", "BTC", ["onchain"]))
each_key = pytest.mark.parametrize(("name", "variable", "instrument"), [HEADER_KEY, PARAM_KEY], ids=["header", "param"])
FORMS = (HIDDEN, "s3cr3t%2Fvalue%2B1", "s3cr3t")


def answered(path, asked):
    return bgeometrics(DAYS, path, asked) if path.startswith("/v1/") else tiingo(path, asked)


def echoed(path, asked):
    """A refusal that repeats the key, bare and as it stood in the address."""
    return 401, {}, json.dumps({"detail": f"'{HIDDEN}' is no valid credential: /v1/x?auth={FORMS[1]}&b=1"})


def unreachable(path, asked):
    raise requests.ConnectionError(f"Max retries exceeded with url: {path}?token={FORMS[1]} ({HIDDEN})")


def moved(path, asked):
    return 302, {"Location": "https://elsewhere.test/stolen"}, ""


def everything_kept(world, log):
    """All text that a run leaves behind: log, landing, tables."""
    files = [file.read_bytes() for file in world.landing.folder.rglob("*") if file.is_file()]
    bodies = [gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content for content in files]
    tables = ("quality.payloads", "quality.loads", "quality.rejected_rows")
    kept = [str(world.warehouse.rows(f"from {table}")) for table in tables]
    return "\n".join([log.text, *kept, *(body.decode() for body in bodies)])


@each_key
@pytest.mark.parametrize("vendor", [answered, echoed, unreachable, moved], ids=lambda f: f.__name__)
def test_a_key_is_sent_and_nowhere_kept(world, log, monkeypatch, name, variable, instrument, vendor):
    monkeypatch.setenv(variable, HIDDEN)
    world.vendor = vendor
    world.run(name, [instrument])
    assert world.calls
    for call in world.calls:
        sent = call.headers.get("Authorization", "").removeprefix("Token ")
        assert HIDDEN in (sent, *parse_qs(urlsplit(call.url).query).get("token", []))
    [(outcome,)] = world.loads("outcome")
    assert (outcome == "ok") == (vendor is answered)
    kept = everything_kept(world, log)
    assert "daily_bars" in kept or "onchain" in kept
    assert not [form for form in FORMS if form in kept]


@each_key
def test_a_key_does_not_follow_a_redirect(world, monkeypatch, name, variable, instrument):
    monkeypatch.setenv(variable, HIDDEN)
    responses_to = []
    world.vendor = moved
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.add_callback(responses.GET, re.compile(f"^{WIRE}/.*"), world.answer)
        wire.add_callback(responses.GET, "https://elsewhere.test/stolen", responses_to.append)
        world.run(name, [instrument])
    assert world.calls
    assert responses_to == []


def test_a_key_that_a_vendor_puts_into_its_data_stays_in_the_body_as_received_and_goes_nowhere_else(
    world, log, monkeypatch
):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)
    noted = lambda path, asked: [{**row, "note": HIDDEN} for row in tiingo(path, asked)]  # noqa: E731
    world.vendor = noted
    world.run("tiingo", equities(1))
    [line] = world.landing.manifest()
    assert world.landing.body(line.payload_id).count(HIDDEN.encode()) == 24
    world.landing.file(line.payload_id).unlink()
    assert "daily_bars" in everything_kept(world, log)
    assert not [form for form in FORMS if form in everything_kept(world, log)]


# Datasets that come whole


def cboe(first_close, path, asked):
    """One file with every session from the 2nd of January to the 9th of February 2026, whatever the window."""
    days = [day.date() for day in sessions(date(2026, 1, 2), date(2026, 2, 9))["date"]]
    closes = [first_close, *([20] * (len(days) - 1))]
    rows = [f"{day:%m/%d/%Y},{close},{close},{close},{close}" for day, close in zip(days, closes, strict=True)]
    return 200, {"Content-Type": "text/csv"}, "\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *rows, ""])


def test_what_comes_whole_is_read_from_the_start_of_history_in_every_run(world, log):
    def run(day):
        world.run("cboe", [("VIX", "index", "VIX", ["daily_bars"])], as_of=day)
        assert len(world.calls) == 1
        assert world.loads("outcome, window_since, window_until") == [("ok", date(2026, 1, 2), date.fromisoformat(day))]
        return world.loads("rows_parsed - rows_running, rows_written")

    world.vendor = partial(cboe, 20)
    # Sessions: 20 in January without the 19th, a holiday, and 6 in February.
    assert run("2026-02-05") == [(24, 24)]
    assert run("2026-02-06") == [(25, 1)]
    # A value older than any overlap is seen to have changed, without another request.
    world.vendor = partial(cboe, 19)
    assert run("2026-02-09") == [(26, 2)]
    assert log.text.count("(whole with every answer)") == 3
    assert world.warehouse.rows("select close from raw.daily_bars where date = '2026-01-02' order by load_id") == [
        (20.0,),
        (19.0,),
    ]


def test_what_comes_by_window_is_asked_with_an_overlap(world, log):
    def fred(path, asked):
        days = sessions(date.fromisoformat(asked["cosd"]), date.fromisoformat(asked["coed"]))["date"]
        return (
            200,
            {"Content-Type": "text/csv"},
            "\n".join(["observation_date,X", *(f"{d:%Y-%m-%d},1" for d in days), ""]),
        )

    world.vendor = fred
    for day, since in (("2026-02-05", "2026-01-02"), ("2026-02-06", "2026-01-26")):
        world.run("fred", [("X", "index", "X", ["daily_bars"])], as_of=day)
        assert (world.asked("cosd"), world.asked("coed")) == ([since], [day])
    world.run("fred", [("X", "index", "X", ["daily_bars"])], as_of="2026-02-09", since="2025-12-01")
    assert world.asked("cosd") == ["2025-12-01"]
    assert log.text.count("for 2025-12-01 to 2026-02-09 (gap: asked from 2026-01-02 on so far)") == 1
