"""Days whose reported loss cannot be: zero, repeated, fallen, too small."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days
from tests.realized_losses.chain import CLOSE, FIRST, chain, chain_of, core, mart, series


def test_faulty_day_without_implied_loss_is_left_out_and_not_taken_as_zero():
    metrics = series([4e9, 5e9, 6e9, 7e9, 0])
    del metrics["realized_cap_usd"]
    found = mart(Market("2025-12-31").onchain(days(FIRST, 6), metrics)).iloc[-1]
    assert found["fault"] == "zero"
    assert found["loss_7d_mean_usd"] == pytest.approx(5.5e9, **CLOSE)


@pytest.mark.parametrize(
    ("losses", "faults"),
    [
        # Two cents decide what is zero and what is equal.
        ([5, 0, 7], [None, "zero", None]),
        ([5, 0.01, 7], [None, "zero", None]),
        ([5, 0.03, 7], [None, None, None]),
        ([5, 5, 7], [None, "repeat", None]),
        ([5, 5.01, 7], [None, "repeat", None]),
        ([5, 5.03, 7], [None, None, None]),
        ([5, 5, 5, 6, 5], [None, "repeat", "repeat", None, None]),
        ([0, 0, 5], ["zero", "zero", None]),
        # A cumulative series that falls has a negative flow.
        ([5, -3, 7], [None, "fell", None]),
    ],
)
def test_zero_and_repeat(losses, faults):
    metrics = series(losses, implied=[0.0] * len(losses))
    metrics["realized_loss_cumulative_usd"] = 100 + np.concatenate([[0], np.cumsum(losses)])
    found = core(chain_of(metrics))
    assert [None if pd.isna(f) else f for f in found["fault"]] == [None, *faults]
    # A faulty day keeps its value.
    assert found["realized_loss_usd"].tolist()[1:] == pytest.approx(losses)


@pytest.mark.parametrize(
    ("loss", "implied", "fault"),
    [
        # 20 % of 1.5 B is 0.3 B, more than 0.02 % of 1,000 B (0.2 B): the first threshold decides.
        (1.21e9, 1.5e9, None),
        (1.19e9, 1.5e9, "too_small"),
        # 20 % of 0.5 B is 0.1 B, less than 0.2 B: the second decides.
        (0.31e9, 0.5e9, None),
        (0.29e9, 0.5e9, "too_small"),
        # More than is implied is no fault: coins can be lost both ways.
        (3e9, 0.5e9, None),
    ],
)
def test_too_small(loss, implied, fault):
    found = core(chain([loss], implied=[implied])).iloc[1]
    assert found["implied_loss_usd"] == pytest.approx(implied, **CLOSE)
    assert (None if pd.isna(found["fault"]) else found["fault"]) == fault
