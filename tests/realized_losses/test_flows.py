"""Flows of the cumulative series, and the loss that conservation implies."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days, nulls
from tests.realized_losses.chain import BILLION, CLOSE, FIRST, chain, chain_of, core, day, mart, series


def test_flows_are_differences_of_the_cumulative_series():
    market = Market("2025-12-31").onchain(
        days(FIRST, 3),
        {"realized_loss_cumulative_usd": [10, 13, 18], "realized_profit_cumulative_usd": [100, 107, 109]},
    )
    found = core(market)
    assert pd.isna(found["realized_loss_usd"].iloc[0])
    assert found["realized_loss_usd"].tolist()[1:] == [3, 5]
    assert found["realized_profit_usd"].tolist()[1:] == [7, 2]
    rows = mart(market)
    assert rows.index.tolist() == [day(1), day(2)]
    assert rows["realized_loss_usd"].tolist() == [3, 5]


def test_implied_loss_by_conservation():
    # Profit 3 B + 450 coins at 100,000 (0.045 B) - 1 B more realized cap = 2.045 B.
    metrics = series([2 * BILLION], profits=[3 * BILLION])
    metrics["realized_cap_usd"] = [1e12, 1.001e12]
    assert core(chain_of(metrics))["implied_loss_usd"].iloc[1] == pytest.approx(2.045 * BILLION, **CLOSE)


def test_implied_loss_is_not_negative():
    metrics = series([2 * BILLION], profits=[3 * BILLION])
    metrics["realized_cap_usd"] = [1e12, 1.004e12]
    assert core(chain_of(metrics))["implied_loss_usd"].iloc[1] == 0


def test_implied_loss_without_profit_is_a_lower_bound():
    # Realized cap falls by 1 B though 0.045 B were mined: at least 1.045 B were lost.
    metrics = series([2 * BILLION])
    del metrics["realized_profit_cumulative_usd"]
    metrics["realized_cap_usd"] = [1e12, 0.999e12]
    found = core(chain_of(metrics)).iloc[1]
    assert pd.isna(found["realized_profit_usd"])
    assert found["implied_loss_usd"] == pytest.approx(1.045 * BILLION, **CLOSE)


@pytest.mark.parametrize("missing", ["realized_cap_usd", "supply_btc", "price_usd"])
def test_implied_loss_is_unknown_without_what_implies_it(missing):
    metrics = series([2 * BILLION])
    del metrics[missing]
    market = Market("2025-12-31").onchain(days(FIRST, 2), metrics)
    assert nulls(core(market)["implied_loss_usd"])


def test_implied_loss_of_the_first_day_is_unknown():
    assert pd.isna(core(chain([1, 2]))["implied_loss_usd"].iloc[0])


def test_implied_loss_after_a_missing_day_is_unknown():
    metrics = {k: np.delete(np.asarray(v), 2) for k, v in series([1e9, 2e9, 3e9, 4e9]).items()}
    found = core(Market("2025-12-31").onchain(days(FIRST, 5).delete(2), metrics))
    assert pd.isna(found.loc[day(3), "realized_loss_usd"])
    assert pd.isna(found.loc[day(3), "implied_loss_usd"])
    assert found.loc[day(4), "implied_loss_usd"] == pytest.approx(4e9, **CLOSE)
