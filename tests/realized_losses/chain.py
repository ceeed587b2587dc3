"""A chain with given losses, and the tables made of it."""

import numpy as np
import pandas as pd

from tests.factories import Market, days, stamp

FIRST = "2025-01-01"
BILLION = 1e9
# Cumulative series near 1e12 are differenced: nine digits are left.
CLOSE = {"rel": 1e-9, "abs": 1e-3}


def series(losses, profits=None, implied=None, cap=1e12, price=100_000.0, mined=450.0):
    """Metrics whose first day is a base and whose next days have these flows.

    Realized cap moves by profit + issuance at price - implied loss; unless told, implied and reported losses agree.
    """
    losses = np.asarray(losses, float)
    profits = np.zeros(len(losses)) if profits is None else np.asarray(profits, float)
    implied = losses if implied is None else np.asarray(implied, float)
    change = profits + mined * price - implied
    return {
        "price_usd": np.full(len(losses) + 1, price),
        "supply_btc": 19e6 + mined * np.arange(len(losses) + 1),
        "realized_cap_usd": cap + np.concatenate([[0], change.cumsum()]),
        "realized_loss_cumulative_usd": 5e11 + np.concatenate([[0], losses.cumsum()]),
        "realized_profit_cumulative_usd": 9e11 + np.concatenate([[0], profits.cumsum()]),
    }


def chain(losses, **options):
    """A market whose chain has these losses on the days after the first."""
    return Market("2025-12-31").onchain(days(FIRST, len(losses) + 1), series(losses, **options))


def core(market):
    return market.table("core.onchain").set_index("date")


def mart(market):
    return market.table("marts.realized_losses").set_index("date")


def day(number):
    """Day 0 is the base; the first flow is of day 1."""
    return stamp(FIRST) + pd.Timedelta(days=number)


def chain_of(metrics):
    return Market("2025-12-31").onchain(days(FIRST, len(metrics["price_usd"])), metrics)
