"""The simulated coins as Binance's klines."""

from pipelines.sources.sample_market import SAMPLE_START, coin, coin_days
from pipelines.sources.sample_paths import DAY, HOUR, PARAMETERS, Bars, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json, completed

STEPS = {"1h": (HOUR, coin), "1d": (DAY, coin_days)}


def answer(asked: Asked) -> Answer:
    """The completed bars of a pair."""
    symbol = asked.symbols.get(asked.query.get("symbol", ""))
    if symbol not in PARAMETERS["coins"]:
        return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
    if asked.query.get("interval") not in STEPS:
        return as_json({"code": -1120, "msg": "Invalid interval."}, 400)
    step, path = STEPS[asked.query["interval"]]
    bars = path(asked.seed, symbol)
    return Answer(200, "[" + ",".join(_klines(bars, _page(asked, step, len(bars.start)))) + "]")


def _page(asked: Asked, step: int, count: int) -> slice:
    """The bars that open in the range: its first ones, or without a start its last."""
    query, zero = asked.query, unix(SAMPLE_START)
    first = max(-((zero * 1000 - int(query.get("startTime", 0))) // (step * 1000)), 0)
    end = (int(query.get("endTime", asked.as_of * 1000)) // 1000 - zero) // step + 1
    last = max(min(count, completed(asked.as_of, step), end), first)
    limit = min(int(query.get("limit", 500)), 1000)
    return slice(first, min(last, first + limit)) if "startTime" in query else slice(max(first, last - limit), last)


def _klines(bars: Bars, page: slice) -> list[str]:
    columns = (bars.start, bars.end, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(map(_kline, *(column[page].tolist() for column in columns)))


def _kline(opened: int, closed: int, o: float, h: float, low: float, c: float, v: float) -> str:
    """One bar as JSON text: half of the volume is bought by takers."""
    quote = v * (o + c) / 2
    return (
        f'[{opened * 1000},"{o:.8f}","{h:.8f}","{low:.8f}","{c:.8f}","{v:.3f}00000",{closed * 1000 - 1},'
        f'"{quote:.8f}",{int(quote / 900) + 1},"{v / 2:.8f}","{quote / 2:.8f}","0"]'
    )
