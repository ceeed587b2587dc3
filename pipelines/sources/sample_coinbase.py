"""The simulated coins in US dollars as Coinbase's candles."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np

from pipelines.sources.sample_market import SAMPLE_END, SAMPLE_START, coin, market
from pipelines.sources.sample_paths import DAY, HOUR, Bars, Floats, Ints, daily, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json, completed

PRODUCTS = {"BTC-USD/candles": "BTC", "ETH-USD/candles": "ETH"}
MOST_CANDLES = 300
# Of the volume at Binance.
VOLUME = 0.3


def answer(asked: Asked) -> Answer:
    """The completed candles of a product, newest first; the one that contains the start is among them."""
    if asked.tail not in PRODUCTS:
        return as_json({"message": "NotFound"}, 404)
    step = int(asked.query.get("granularity", 60))
    if step not in (HOUR, DAY):
        return as_json({"message": "Unsupported granularity"}, 400)
    first, last = _span(asked, step)
    if last - first > MOST_CANDLES:
        text = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
        return as_json({"message": text}, 400)
    last = max(min(last, _done(asked, step)), 0)
    bars = _bars(asked.seed, PRODUCTS[asked.tail], step, slice(min(max(first, 0), last), last))
    columns = (bars.start, bars.low, bars.high, bars.open, bars.close, bars.volume)
    return as_json(list(zip(*(column[::-1].tolist() for column in columns), strict=True)))


def _span(asked: Asked, step: int) -> tuple[int, int]:
    """First and past-the-last candle of the range, which needs both bounds; without, the newest."""
    if not (asked.query.get("start") and asked.query.get("end")):
        return _done(asked, step) - MOST_CANDLES, _done(asked, step)
    start, end = ((_seconds(asked.query[name]) - unix(SAMPLE_START)) // step for name in ("start", "end"))
    return start, end + 1


def _done(asked: Asked, step: int) -> int:
    """How many candles have ended."""
    return completed(min(asked.as_of, unix(SAMPLE_END) + DAY), step)


def _seconds(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _bars(seed: int, symbol: str, step: int, page: slice) -> Bars:
    """Bars of a coin in US dollars rather than tethers."""
    if step == DAY:
        return daily(_bars(seed, symbol, HOUR, slice(page.start * DAY // HOUR, page.stop * DAY // HOUR)))
    bars = coin(seed, symbol)
    cut = Bars(*(getattr(bars, field.name)[page] for field in fields(bars)))
    rate = tether(seed, cut.start)
    prices = {name: (getattr(cut, name) * rate).round(2) for name in ("open", "high", "low", "close")}
    return replace(cut, **prices, volume=(cut.volume * VOLUME).round(8))


def tether(seed: int, times: Ints) -> Floats:
    """US dollars a tether: some basis points off par, swinging over days and months."""
    phases = market(seed).generator("tether").uniform(0, 2 * np.pi, 2)
    swings = [np.sin(2 * np.pi * times / (days * DAY) + phase) for days, phase in zip((83, 9), phases, strict=True)]
    rate: Floats = 1 + 1e-4 * (2 + 3 * swings[0] + 2 * swings[1])
    return rate
