"""Reading of Yahoo's chart document: the parse half of the `yahoo` source."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pipelines.sources.answers import schema_drift
from pipelines.sources.base import Request
from pipelines.sources.parsing import check, document, frame, member, numbers, only, stamps

NO_DATA_HERE = "Data doesn't exist for"
_BAR = ("open", "high", "low", "close", "volume")
_NIGHT = 22

Json = dict[str, Any]
_NOTHING: Json = {"indicators": {}}


def parse(body: bytes, request: Request) -> dict[str, pd.DataFrame]:
    """Bars, dividends and splits of the window, under their local session dates.

    Rows outside the window are left out: Yahoo may add the latest price behind the days asked for. Of a live
    row beside the same day's bar the later one stays. Null prices stay as NaN, for the checks downstream to
    see, and a dividend in another currency than dollars becomes NaN too.
    """
    result = _result(document(body, request), request)
    meta = _meta(result, request)
    bars = _bars(result, meta, request)
    events = result.get("events") or {}
    check(isinstance(events, dict), request, "'events' is no object")
    tables = {
        "daily_bars": bars,
        "dividends": _dividends(events, meta, request),
        "splits": _splits(events, meta, request),
    }
    return {name: _clip(rows, request) for name, rows in tables.items()}


def _result(answer: Any, request: Request) -> Json:
    """The one result; none of it where Yahoo says in words that these days hold nothing."""
    chart = member(answer, "chart", dict, request)
    error = chart.get("error")
    text = error.get("description") if isinstance(error, dict) else error
    if error and not chart.get("result") and str(text).startswith(NO_DATA_HERE):
        return dict(_NOTHING, meta={"symbol": request.series.vendor_symbol, "dataGranularity": "1d"})
    check(not error, request, f"the answer is an error: {str(text)[:200]}")
    results = member(chart, "result", list, request)
    check(len(results) == 1, request, f"{len(results)} results instead of one")
    only(results, {dict}, "result", request)
    return dict(results[0])


def _meta(result: Json, request: Request) -> Json:
    """What the answer says about itself, if it is what was asked for; with bars it must name a currency."""
    meta: Json = member(result, "meta", dict, request)
    symbol, asked = member(meta, "symbol", str, request), request.series.vendor_symbol
    check(symbol == asked, request, f"asked for {asked}, got {symbol}")
    grain = member(meta, "dataGranularity", str, request)
    check(grain == "1d", request, f"the bars are of {grain}, not daily")
    if result.get("timestamp"):
        member(meta, "currency", str, request)
    return meta


def _bars(result: Json, meta: Json, request: Request) -> pd.DataFrame:
    times = result.get("timestamp") or []
    only([times], {list}, "timestamp", request)
    columns = _columns(result, request)
    for name, values in columns.items():
        check(len(values) == len(times), request, f"{len(values)} values of '{name}' for {len(times)} times")
    dates = _session_dates(times, meta, request)
    prices = {name: numbers(column, name, request) for name, column in columns.items()}
    rows = frame("daily_bars", request, {"date": dates, "close_adjusted_vendor": np.nan, **prices})
    live_beside_bar = len(rows) > 1 and dates[-1] == dates[-2]
    return rows.drop(index=len(rows) - 2) if live_beside_bar else rows


def _columns(result: Json, request: Request) -> dict[str, list[Any]]:
    """The parallel arrays; without times there may be none, and the adjusted close only where it is given."""
    indicators = member(result, "indicators", dict, request)
    quote = _first(indicators.get("quote"), request)
    wanted = _BAR if result.get("timestamp") else [name for name in _BAR if quote.get(name)]
    columns = {name: member(quote, name, list, request) for name in wanted}
    adjusted = _first(indicators.get("adjclose"), request)
    if adjusted.get("adjclose"):
        columns["close_adjusted_vendor"] = member(adjusted, "adjclose", list, request)
    return columns


def _first(values: Any, request: Request) -> Json:
    values = [{}] if values in (None, []) else values
    check(isinstance(values, list) and len(values) == 1, request, "an indicator is not a list of one")
    only(values, {dict}, "indicators", request)
    return dict(values[0])


def _session_dates(times: Sequence[Any], meta: Json, request: Request) -> pd.DatetimeIndex:
    """Local dates of session opens.

    Around a change of the clocks Yahoo stamps some bars an hour or two before local midnight; these belong to
    the day that begins. A live row carries the instant of the last trade and keeps its date.
    """
    instants = stamps(times, "s", "timestamp", request)
    if not len(instants):
        return instants
    local = instants.tz_localize("UTC").tz_convert(_zone(meta, request)).tz_localize(None)
    traded = meta.get("regularMarketTime")
    live = np.array(times) == (traded if isinstance(traded, int) else -1)
    early = (local.hour >= _NIGHT) & (local.minute == 0) & ~live
    return local.where(~early, local + pd.Timedelta(hours=24 - _NIGHT)).normalize()


def _zone(meta: Json, request: Request) -> ZoneInfo:
    name = member(meta, "exchangeTimezoneName", str, request)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise schema_drift(request, f"unknown time zone '{name[:60]}'")


def _events(events: Json, kind: str, request: Request) -> list[Json]:
    found = events.get(kind) or {}
    only([found], {dict}, kind, request)
    only(list(found.values()), {dict}, kind, request)
    return list(found.values())


def _numbers_of(found: list[Json], key: str, request: Request) -> Any:
    return numbers([member(event, key, object, request) for event in found], key, request)


def _dates_of(found: list[Json], meta: Json, request: Request) -> pd.DatetimeIndex:
    return _session_dates([member(event, "date", int, request) for event in found], meta, request)


def _dividends(events: Json, meta: Json, request: Request) -> pd.DataFrame:
    """Dividends and capital gains; a fund that pays both on one day pays their sum."""
    kinds = []
    for kind in ("dividends", "capitalGains"):
        found = _events(events, kind, request)
        foreign = [event.get("currency", meta.get("currency")) != "USD" for event in found]
        amount = np.where(foreign, np.nan, _numbers_of(found, "amount", request))
        rows = frame("dividends", request, {"date": _dates_of(found, meta, request), "amount_usd": amount})
        kinds.append(rows.assign(nth=rows.groupby("date").cumcount()))
    both = pd.concat(kinds).groupby(["date", "nth"])[["amount_usd"]].sum(skipna=False)
    merged = both.reset_index()
    return frame("dividends", request, {"date": merged["date"], "amount_usd": merged["amount_usd"]})


def _splits(events: Json, meta: Json, request: Request) -> pd.DataFrame:
    found = _events(events, "splits", request)
    shares = {key: _numbers_of(found, key, request) for key in ("numerator", "denominator")}
    return frame("splits", request, {"date": _dates_of(found, meta, request), **shares})


def _clip(rows: pd.DataFrame, request: Request) -> pd.DataFrame:
    """Yahoo adds the bar before the window now and then; what comes after it is judged downstream."""
    return rows[rows["date"] >= pd.Timestamp(request.window.since)].reset_index(drop=True)
