"""Binance: pages cut by time, and a strict reading of twelve-field rows."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import binance
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

DAY, HOUR = 86_400_000, 3_600_000
NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)


def millis(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def pages(dataset: str, since: str, until: str) -> list[Request]:
    window = Window(date.fromisoformat(since), date.fromisoformat(until), NOW)
    return binance.build_requests(Series("BTC", "BTCUSDT", dataset), window)


def row(opened: int, step: int, close: str = "102.50000000") -> list[Any]:
    """A composed bar."""
    prices = ["100.00000000", "110.00000000", "95.50000000", close, "7.25000000"]
    return [opened, *prices, opened + step - 1, "725.1", 42, "3.1", "310.2", "0"]


START = millis("2026-02-08")
[DAILY] = pages("daily_bars", "2026-02-08", "2026-02-11")
[HOURLY] = pages("hourly_bars", "2026-02-08", "2026-02-08")
ROWS = [row(START, DAY), row(START + DAY, DAY, "99"), row(START + 2 * DAY, DAY, "0.00000123")]


def parse(rows: Any, request: Request = DAILY) -> pd.DataFrame:
    [(name, frame)] = binance.parse(json.dumps(rows).encode(), request).items()
    assert name == request.series.dataset
    return frame


def changed(field: int, value: Any) -> list[Any]:
    return [ROWS[0], [*ROWS[1][:field], value, *ROWS[1][field + 1 :]], ROWS[2]]


def answer(status: int, document: Any) -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(json.dumps(document).encode())
    return response


def test_daily_bars_give_the_rows_written_by_hand() -> None:
    nan = float("nan")
    expected = [
        ("BTC", "2026-02-08", 100.0, 110.0, 95.5, 102.5, nan, 7.25),
        ("BTC", "2026-02-09", 100.0, 110.0, 95.5, 99.0, nan, 7.25),
        ("BTC", "2026-02-10", 100.0, 110.0, 95.5, 0.00000123, nan, 7.25),
    ]
    types = dict(TABLES["daily_bars"])
    pd.testing.assert_frame_equal(parse(ROWS), pd.DataFrame(expected, columns=list(types)).astype(types))


def test_hourly_bars_give_the_rows_written_by_hand() -> None:
    expected = [
        ("BTC", "2026-02-08 00:00", 100.0, 110.0, 95.5, 102.5, 7.25),
        ("BTC", "2026-02-08 23:00", 100.0, 110.0, 95.5, 98.0, 7.25),
    ]
    types = dict(TABLES["hourly_bars"])
    rows = parse([row(START, HOUR), row(START + 23 * HOUR, HOUR, "98.0")], HOURLY)
    pd.testing.assert_frame_equal(rows, pd.DataFrame(expected, columns=list(types)).astype(types))


@pytest.mark.parametrize(
    ("dataset", "until", "bars"),
    [
        pytest.param("daily_bars", "2022-09-26", [1000], id="exactly-full"),
        pytest.param("daily_bars", "2022-09-27", [1000, 1], id="one-more"),
        pytest.param("daily_bars", "2025-06-30", [1000, 1000, 8], id="partial-last"),
        pytest.param("hourly_bars", "2020-02-11", [1000, 8], id="hourly"),
        pytest.param("hourly_bars", "2020-01-01", [24], id="one-day"),
    ],
)
def test_pages_cover_every_bar_once(dataset: str, until: str, bars: list[int]) -> None:
    requests_ = pages(dataset, "2020-01-01", until)
    step = {"daily_bars": DAY, "hourly_bars": HOUR}[dataset]
    starts, ends = ([int(r.params[k]) for r in requests_] for k in ("startTime", "endTime"))
    assert [(end + 1 - start) / step for start, end in zip(starts, ends, strict=True)] == bars
    assert starts == [millis("2020-01-01"), *(end + 1 for end in ends[:-1])]
    assert ends[-1] == millis(until) + DAY - 1
    assert {r.params["limit"] for r in requests_} == {"1000"}
    assert {(r.params["symbol"], r.path) for r in requests_} == {("BTCUSDT", "/api/v3/klines")}


@responses.activate
def test_full_partial_and_empty_pages_add_up_to_every_bar() -> None:
    def page(request: Any) -> tuple[int, dict[str, str], str]:
        first, last = (int(request.params[k]) for k in ("startTime", "endTime"))
        opens = [t for t in range(first, last, HOUR) if millis("2020-02-11") <= t < millis("2020-04-01")]
        return 200, {"Content-Type": "application/json"}, json.dumps([row(t, HOUR) for t in opens])

    responses.add_callback(responses.GET, "https://mirror.test/api/v3/klines", page)
    session = VendorSession(binance, "https://mirror.test")
    payloads = [session.get(r) for r in pages("hourly_bars", "2019-12-01", "2020-04-30")]
    assert [p.outcome.value for p in payloads] == ["empty", "ok", "ok", "empty"]
    rows = pd.concat(binance.parse(p.body, p.request)["hourly_bars"] for p in payloads)
    assert rows["start_at"].is_unique
    assert len(rows) == 50 * 24
    assert (rows["start_at"].min(), rows["start_at"].max()) == (
        pd.Timestamp("2020-02-11"),
        pd.Timestamp("2020-03-31 23:00"),
    )


def test_a_full_page_is_read_whole() -> None:
    [request] = pages("daily_bars", "2020-01-01", "2022-09-26")
    opens = [millis("2020-01-01") + n * DAY for n in range(1000)]
    assert len(parse([row(t, DAY) for t in opens], request)) == 1000


def test_the_running_bar_and_duplicates_stay() -> None:
    running = [START + 3 * DAY, *["103.00000000"] * 4, "0.15", START + 4 * DAY - 1, "1", 1, "1", "1", "0"]
    rows = parse([*ROWS, ROWS[2], running])
    assert rows["date"].max() == pd.Timestamp("2026-02-11")
    assert rows["date"].duplicated().sum() == 1


@pytest.mark.parametrize("request_", [DAILY, HOURLY])
def test_an_empty_page_is_an_empty_table(request_: Request) -> None:
    rows = parse([], request_)
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES[request_.series.dataset])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"code": -1121}, "not a list", id="error-object"),
        pytest.param([*ROWS, {}], "'bars' holds dict", id="object-in-list"),
        pytest.param([*ROWS, ROWS[0][:11]], "12 fields", id="eleven-fields"),
        pytest.param([[*ROWS[0], "0"]], "12 fields", id="thirteen-fields"),
        pytest.param(ROWS * 400, "1000 bars at most", id="too-many"),
        pytest.param(changed(0, str(START)), "'open time' holds str", id="text-time"),
        pytest.param(changed(0, None), "'open time' holds NoneType", id="null-time"),
        pytest.param(changed(0, START + DAY + 1), "not a whole 1d", id="off-the-grid"),
        pytest.param(changed(6, START + 3 * DAY), "not a whole 1d", id="too-long"),
        pytest.param(changed(6, START), "not a whole 1d", id="closed-before-it-opened"),
        pytest.param(changed(0, START * 1000), "out", id="microseconds"),
        pytest.param([row(START - DAY, DAY)], "outside the days", id="before-the-page"),
        pytest.param([row(START + 4 * DAY, DAY)], "outside the days", id="after-the-page"),
        pytest.param(changed(4, 99.0), "'close' holds float", id="number-for-text"),
        pytest.param(changed(4, None), "'close' holds NoneType", id="null-price"),
        pytest.param(changed(4, "1_0"), "not a number", id="underscore"),
        pytest.param(changed(4, "nan"), "not a number", id="nan"),
        pytest.param(changed(4, "1e5"), "not a number", id="exponent"),
        pytest.param(changed(4, ""), "not a number", id="blank"),
        pytest.param(changed(4, "9" * 400), "out of range", id="too-big"),
    ],
)
def test_a_strange_page_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_page_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        binance.parse(json.dumps(ROWS).encode()[:-1], DAILY)


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        pytest.param(200, ROWS, Outcome.OK, id="bars"),
        pytest.param(200, [], Outcome.EMPTY, id="empty"),
        pytest.param(400, {"code": -1121, "msg": "Invalid symbol."}, Outcome.NOT_FOUND, id="unknown-symbol"),
        pytest.param(400, {"code": -1120, "msg": "Invalid interval."}, Outcome.SCHEMA_DRIFT, id="interval"),
        pytest.param(418, {"code": -1003}, Outcome.RATE_LIMITED, id="ban"),
        pytest.param(451, {"code": 0}, Outcome.GEO_BLOCKED, id="restricted"),
        pytest.param(403, {}, Outcome.AUTH, id="firewall"),
    ],
)
def test_answers_are_classified(status: int, document: Any, outcome: Outcome) -> None:
    assert binance.classify(answer(status, document)) is outcome


@responses.activate
def test_the_used_weight_is_kept() -> None:
    responses.get("https://mirror.test/api/v3/klines", json=ROWS, headers={"X-MBX-USED-WEIGHT-1M": "12"})
    payload = VendorSession(binance, "https://mirror.test").get(DAILY)
    assert payload.headers["X-MBX-USED-WEIGHT-1M"] == "12"


def test_the_last_page_ends_with_the_last_day() -> None:
    last = pages("hourly_bars", "2026-01-01", "2026-02-10")[-1]
    end = datetime.fromtimestamp((int(last.params["endTime"]) + 1) / 1000, UTC)
    assert end == datetime(2026, 2, 10, tzinfo=UTC) + timedelta(days=1)
