"""Coinbase: pages of 299 candles cut by time, and a strict reading of rows with low and high first."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import requests
import responses

from pipelines.sources import coinbase
from pipelines.sources.base import Outcome, Request, Series, SourceError, Window
from pipelines.sources.http import VendorSession
from pipelines.sources.parsing import TABLES

DAY, HOUR = 86_400, 3_600
STEPS = {"daily_bars": DAY, "hourly_bars": HOUR}
NOW = datetime(2026, 2, 11, 0, 30, tzinfo=UTC)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp())


def pages(dataset: str, since: str, until: str) -> list[Request]:
    window = Window(date.fromisoformat(since), date.fromisoformat(until), NOW)
    return coinbase.build_requests(Series("BTC", "BTC-USD", dataset), window)


def candle(start: int, close: float = 102.5) -> list[Any]:
    """A composed candle: it opened at 100, rose to 110 and fell to 95.5."""
    return [start, 95.5, 110, 100.0, close, 7.25]


START = seconds("2026-02-08")
[DAILY] = pages("daily_bars", "2026-02-08", "2026-02-10")
[HOURLY] = pages("hourly_bars", "2026-02-08", "2026-02-08")
ROWS = [candle(START + 2 * DAY, 0.00000123), candle(START + DAY, 99), candle(START)]
DOCUMENTS = {"daily_bars": ROWS, "hourly_bars": [candle(START + 23 * HOUR, 98.0), candle(START)]}
REQUESTS = {"daily_bars": DAILY, "hourly_bars": HOURLY}


def parse(rows: Any, request: Request = DAILY) -> pd.DataFrame:
    [(name, frame)] = coinbase.parse(json.dumps(rows).encode(), request).items()
    assert name == request.series.dataset
    return frame


def changed(field: int, value: Any) -> list[Any]:
    """The composed candles with one field of the middle one replaced."""
    return [ROWS[0], [*ROWS[1][:field], value, *ROWS[1][field + 1 :]], ROWS[2]]


def answer(status: int, body: str, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    response.headers["Content-Type"] = content_type
    return response


def test_daily_bars_give_the_rows_written_by_hand() -> None:
    nan = float("nan")
    expected = [
        ("BTC", "2026-02-10", 100.0, 110.0, 95.5, 0.00000123, nan, 7.25),
        ("BTC", "2026-02-09", 100.0, 110.0, 95.5, 99.0, nan, 7.25),
        ("BTC", "2026-02-08", 100.0, 110.0, 95.5, 102.5, nan, 7.25),
    ]
    types = dict(TABLES["daily_bars"])
    pd.testing.assert_frame_equal(parse(ROWS), pd.DataFrame(expected, columns=list(types)).astype(types))


def test_hourly_bars_give_the_rows_written_by_hand() -> None:
    expected = [
        ("BTC", "2026-02-08 23:00", 100.0, 110.0, 95.5, 98.0, 7.25),
        ("BTC", "2026-02-08 00:00", 100.0, 110.0, 95.5, 102.5, 7.25),
    ]
    types = dict(TABLES["hourly_bars"])
    rows = parse(DOCUMENTS["hourly_bars"], HOURLY)
    pd.testing.assert_frame_equal(rows, pd.DataFrame(expected, columns=list(types)).astype(types))


def test_a_request_names_the_first_and_the_last_bucket() -> None:
    assert DAILY.path == "/products/BTC-USD/candles"
    assert DAILY.params == {"granularity": "86400", "start": "2026-02-08T00:00:00Z", "end": "2026-02-10T00:00:00Z"}
    assert HOURLY.params == {"granularity": "3600", "start": "2026-02-08T00:00:00Z", "end": "2026-02-08T23:00:00Z"}


@pytest.mark.parametrize(
    ("dataset", "until", "bars"),
    [
        pytest.param("daily_bars", "2020-01-01", [1], id="one-day"),
        pytest.param("daily_bars", "2020-10-25", [299], id="exactly-full"),
        pytest.param("daily_bars", "2020-10-26", [299, 1], id="one-more"),
        pytest.param("daily_bars", "2021-12-31", [299, 299, 133], id="partial-last"),
        pytest.param("hourly_bars", "2020-01-13", [299, 13], id="hourly"),
    ],
)
def test_pages_cover_every_bucket_once(dataset: str, until: str, bars: list[int]) -> None:
    step = STEPS[dataset]
    asked = pages(dataset, "2020-01-01", until)
    firsts, lasts = ([seconds(request.params[key]) for request in asked] for key in ("start", "end"))
    assert [(last - first) // step + 1 for first, last in zip(firsts, lasts, strict=True)] == bars
    assert firsts == [seconds("2020-01-01"), *(last + step for last in lasts[:-1])]
    assert lasts[-1] == seconds(until) + DAY - step


@responses.activate
def test_full_partial_and_empty_pages_add_up_to_every_bar() -> None:
    listed, delisted = seconds("2020-02-11"), seconds("2020-03-05")

    def page(request: Any) -> tuple[int, dict[str, str], str]:
        first, last = (seconds(request.params[key]) for key in ("start", "end"))
        starts = [t for t in range(last, first - 2 * HOUR, -HOUR) if listed <= t < delisted]
        return 200, {"Content-Type": "application/json"}, json.dumps([candle(t) for t in starts][:300])

    responses.add_callback(responses.GET, "https://mirror.test/products/BTC-USD/candles", page)
    session = VendorSession(coinbase, "https://mirror.test")
    payloads = [session.get(request) for request in pages("hourly_bars", "2020-01-25", "2020-03-20")]
    # 299 hours are 12 days and 11 hours, so pages begin on 25 January, 6 and 18 February, 2 and 14 March.
    assert [payload.outcome.value for payload in payloads] == ["empty", "ok", "ok", "ok", "empty"]
    rows = pd.concat(coinbase.parse(payload.body, payload.request)["hourly_bars"] for payload in payloads)
    assert rows["start_at"].is_unique
    assert len(rows) == 23 * 24
    assert rows["start_at"].min() == pd.Timestamp("2020-02-11")
    assert rows["start_at"].max() == pd.Timestamp("2020-03-04 23:00")


def test_rows_before_the_start_are_left_out() -> None:
    pd.testing.assert_frame_equal(parse([*ROWS, candle(START - DAY), candle(START - 2 * DAY)]), parse(ROWS))


def test_a_bucket_without_trades_is_a_gap() -> None:
    rows = parse([ROWS[0], ROWS[2]])
    assert list(rows["date"]) == [pd.Timestamp("2026-02-10"), pd.Timestamp("2026-02-08")]


@pytest.mark.parametrize("request_", [DAILY, HOURLY])
def test_an_empty_page_is_an_empty_table(request_: Request) -> None:
    rows = parse([], request_)
    assert rows.empty
    assert rows.dtypes.astype(str).to_dict() == dict(TABLES[request_.series.dataset])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param({"message": "NotFound"}, "not a list", id="error-object"),
        pytest.param([*ROWS, {}], "'bars' holds dict", id="object-in-list"),
        pytest.param([candle(START - n * DAY) for n in range(301)], "300 bars at most", id="too-many"),
        pytest.param([ROWS[0][:5]], "6 fields", id="five-fields"),
        pytest.param([[*ROWS[0], 1]], "6 fields", id="seven-fields"),
        pytest.param(changed(0, str(START + DAY)), "'time' holds str", id="text-time"),
        pytest.param(changed(0, float(START + DAY)), "'time' holds float", id="fractional-time"),
        pytest.param(changed(0, START + DAY + 1), "multiple of 86400", id="off-the-grid"),
        pytest.param(changed(0, (START + DAY) * 1000), "back in time", id="milliseconds"),
        pytest.param([ROWS[0], ROWS[0]], "each once", id="duplicate"),
        pytest.param(ROWS[::-1], "go back in time", id="oldest-first"),
        pytest.param([candle(START + 3 * DAY), *ROWS], "after the days", id="after-the-page"),
        pytest.param(changed(4, "99"), "'close' holds str", id="text-price"),
        pytest.param(changed(1, None), "'low' holds NoneType", id="null-price"),
        pytest.param(changed(5, True), "'volume' holds bool", id="boolean-volume"),
        pytest.param(changed(2, 10**400), "out of range", id="too-big"),
    ],
)
def test_a_strange_page_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        parse(document)
    assert caught.value.outcome is Outcome.SCHEMA_DRIFT


def test_a_cut_off_page_is_refused() -> None:
    with pytest.raises(SourceError, match="not complete JSON"):
        coinbase.parse(json.dumps(ROWS).encode()[:-1], DAILY)


TOO_MANY = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"


@pytest.mark.parametrize(
    ("status", "body", "content_type", "outcome"),
    [
        pytest.param(200, json.dumps(ROWS), "application/json", Outcome.OK, id="bars"),
        pytest.param(200, "[]", "application/json", Outcome.EMPTY, id="empty"),
        pytest.param(404, '{"message":"NotFound"}', "application/json", Outcome.NOT_FOUND, id="unknown-pair"),
        pytest.param(400, json.dumps({"message": TOO_MANY}), "application/json", Outcome.SCHEMA_DRIFT, id="too-many"),
        pytest.param(
            429, '{"message":"Public rate limit exceeded"}', "application/json", Outcome.RATE_LIMITED, id="rate-limit"
        ),
        pytest.param(403, "<html>", "text/html", Outcome.CHALLENGE, id="challenge"),
        pytest.param(200, "[[", "application/json", Outcome.TRANSIENT, id="cut-off"),
        pytest.param(503, "", "text/plain", Outcome.TRANSIENT, id="down"),
    ],
)
def test_answers_are_classified(status: int, body: str, content_type: str, outcome: Outcome) -> None:
    assert coinbase.classify(answer(status, body, content_type)) is outcome
