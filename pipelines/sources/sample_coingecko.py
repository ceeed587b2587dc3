"""The simulated coins' market value, and that of all of crypto, as CoinGecko shows them."""

from typing import Any

import numpy as np

from pipelines.sources.sample_market import SAMPLE_END, SAMPLE_START, coin, coin_days
from pipelines.sources.sample_paths import DAY, HOUR, PARAMETERS, Floats, Ints, along, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json

COINS = {"bitcoin": "BTC", "ethereum": "ETH", "solana": "SOL", "ripple": "XRP", "binancecoin": "BNB"}
MILLION = 1e6


def answer(asked: Asked) -> Answer:
    """The market now, its history, or a coin's."""
    match asked.tail.split("/"):
        case ["global"]:
            return _now(asked)
        case ["global", "market_cap_chart"]:
            days = asked.query.get("days", "max")
            times = _times(asked, asked.as_of - int(days) * DAY if days != "max" else 0, asked.as_of)
            points = {"market_cap": _total(asked.seed, times), "volume": _total_volume(asked.seed, times)}
            return as_json({"market_cap_chart": _chart(times, points)})
        case ["coins", name, "market_chart", "range"]:
            return _coin(asked, name)
    return as_json({"error": "Incorrect path. Please check https://docs.coingecko.com"}, 404)


def _times(asked: Asked, since: int, until: int) -> Ints:
    """Midnights, each showing the end of the day before, and at the end the present; in the range, both ends included.

    The present at midnight is that midnight's point.
    """
    zero = unix(SAMPLE_START)
    now = min(asked.as_of, unix(SAMPLE_END) + DAY)
    times = np.append(np.arange(zero + DAY, now, DAY, dtype=np.int64), now)
    return times[(times >= max(since, zero + DAY)) & (times <= until)]


def _coin(asked: Asked, name: str) -> Answer:
    if name not in COINS:
        return as_json({"error": "coin not found"}, 404)
    symbol = COINS[name]
    times = _times(asked, *(int(float(asked.query[name])) for name in ("from", "to")))
    points = {
        "prices": _price(asked.seed, symbol, times),
        "market_caps": _cap(asked.seed, symbol, times),
        "total_volumes": _volume(asked.seed, symbol, times),
    }
    return as_json(_chart(times, points))


def _now(asked: Asked) -> Answer:
    times = _times(asked, 0, asked.as_of)[-1:]
    if not len(times):
        return as_json({"error": "no data"}, 404)
    total, volume = _total(asked.seed, times), _total_volume(asked.seed, times)
    data: dict[str, Any] = {
        "active_cryptocurrencies": len(PARAMETERS["coins"]),
        "upcoming_icos": 0,
        "ongoing_icos": 0,
        "ended_icos": 0,
        "markets": 1,
        "total_market_cap": {"usd": total.item()},
        "total_volume": {"usd": volume.item()},
        "market_cap_percentage": {
            symbol.lower(): (100 * _cap(asked.seed, symbol, times) / total).item() for symbol in ("BTC", "ETH")
        },
        "market_cap_change_percentage_24h_usd": (100 * (total / _total(asked.seed, times - DAY) - 1)).item(),
        "volume_change_percentage_24h_usd": (100 * (volume / _total_volume(asked.seed, times - DAY) - 1)).item(),
        "updated_at": times.item(),
    }
    return as_json({"data": data})


def _chart(times: Ints, points: dict[str, Floats]) -> dict[str, list[tuple[int, float]]]:
    stamps = (times * 1000).tolist()
    return {name: list(zip(stamps, values.tolist(), strict=True)) for name, values in points.items()}


def _bar(times: Ints, step: int) -> Ints:
    """The last bar of `step` seconds that has ended at each time, or the first."""
    bars: Ints = np.maximum((times - unix(SAMPLE_START)) // step - 1, 0)
    return bars


def _price(seed: int, symbol: str, times: Ints) -> Floats:
    return coin(seed, symbol).close[_bar(times, HOUR)]


def _cap(seed: int, symbol: str, times: Ints) -> Floats:
    caps: Floats = _price(seed, symbol, times) * PARAMETERS["supply"][symbol] * MILLION
    return caps


def _volume(seed: int, symbol: str, times: Ints) -> Floats:
    """What was traded in the last completed day."""
    bars = coin_days(seed, symbol)
    return (bars.volume * bars.close)[_bar(times, DAY)]


def _total(seed: int, times: Ints) -> Floats:
    """The sample's coins, and the others as a share of the market that changes slowly."""
    caps = sum((_cap(seed, symbol, times) for symbol in PARAMETERS["supply"]), np.zeros(len(times)))
    return caps / along(PARAMETERS["coverage"], times)


def _total_volume(seed: int, times: Ints) -> Floats:
    volumes = sum((_volume(seed, symbol, times) for symbol in PARAMETERS["supply"]), np.zeros(len(times)))
    return volumes / along(PARAMETERS["coverage"], times)
