"""The simulated bitcoin chain: supply, market and realized value, and what holders realize when coins move."""

from datetime import date
from functools import lru_cache

import numpy as np

from pipelines.sources.sample_market import coin_days, market
from pipelines.sources.sample_paths import PARAMETERS, Floats, along, unix

# Of all coins, a day: the part that changes hands at a new price, and the part realized both ways.
TURNOVER = 0.004
CHURN = 0.0003


@lru_cache(maxsize=2)
def chain(seed: int) -> dict[str, Floats]:
    """Bitcoin's day-end state and running totals: profit less loss, plus issuance, moves realized cap."""
    bars, rng = coin_days(seed, "BTC"), market(seed).generator("chain")
    price, n = bars.close, len(bars.close)
    halvings = [unix(date(2020, 5, 11)), unix(date(2024, 4, 20))]
    mined = 144 * np.array([12.5, 6.25, 3.125])[np.searchsorted(halvings, bars.start, side="right")]
    supply = 18_130_000 + np.cumsum(mined)
    blur, churn = 2e-5 * rng.standard_normal(n), np.exp(0.2 * rng.standard_normal(n))
    return _totals(price, supply, mined, blur, churn * along(PARAMETERS["turbulence"]["losses"], bars.start))


def _totals(price: Floats, supply: Floats, mined: Floats, blur: Floats, churn: Floats) -> dict[str, Floats]:
    """Realized cap follows the market's as coins turn over; churn is realized both ways."""
    worth = price * supply
    cap = np.empty(len(price))
    cap[0] = 0.8 * worth[0]
    for i in range(1, len(cap)):
        cap[i] = cap[i - 1] * (1 + blur[i]) + mined[i] * price[i] + TURNOVER * (worth[i] - cap[i - 1])
    net = np.concatenate([[0.0], TURNOVER * (worth[1:] - cap[:-1])])
    both = CHURN * worth * churn * np.concatenate([[0.0], np.ones(len(cap) - 1)])
    return {
        "price": price,
        "supply": supply,
        "market_cap": worth,
        "realized_cap": cap,
        "realized_price": cap / supply,
        "realized_loss_cumulative": np.cumsum(both + np.maximum(-net, 0)),
        "realized_profit_cumulative": np.cumsum(both + np.maximum(net, 0)),
    }
