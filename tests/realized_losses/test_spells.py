"""Spells of extremes, from hand-made rows of marts.realized_losses."""

import pandas as pd
import pytest

from tests.factories import Market, days
from tests.realized_losses.chain import FIRST, day


def episodes(extreme, last, means=None, faults=(), losses=None):
    """marts.realized_loss_episodes where these days are extreme and `last` is the newest day."""
    market = Market("2025-12-31").build("marts.realized_losses")
    n = range(last + 1)
    rows = pd.DataFrame({"date": days(FIRST, last + 1), "asset": "BTC", "provider": "brk", "variant": "raw"})
    rows = rows.assign(
        realized_loss_usd=[float((losses or {}).get(k, 1.0)) for k in n],
        loss_7d_mean_reported_usd=1.0,
        loss_7d_mean_usd=[float((means or {}).get(k, 1.0)) for k in n],
        fault=["zero" if k in faults else None for k in n],
        n_good_days=7,
        n_history=800,
        is_extreme=[k in extreme for k in n],
    )
    market.warehouse.insert("marts.realized_losses", rows)
    return market.table("marts.realized_loss_episodes").drop(columns=["asset", "provider", "variant"])


def test_extremes_at_most_seven_days_apart_are_one_spell():
    found = episodes({10, 11, 18, 26}, last=60)
    assert found["start_date"].tolist() == [day(10), day(26)]
    assert found["end_date"].tolist() == [day(18), day(26)]
    assert found["n_extreme_days"].tolist() == [3, 1]
    assert not found["is_open"].any()


@pytest.mark.parametrize(("last", "is_open"), [(18, True), (25, True), (26, False)])
def test_spell_is_open_for_seven_days(last, is_open):
    found = episodes({10, 11, 18}, last).iloc[0]
    assert found["is_open"] == is_open
    assert pd.isna(found["end_date"]) if is_open else found["end_date"] == day(18)


def test_peak_and_total_loss():
    # From day 10 to day 14 all days count, extreme or not, but for the faulty day 12.
    losses = {9: 100, 10: 1, 11: 2, 12: 4, 13: 8, 14: 16, 15: 100}
    means = {9: 99, 10: 5, 12: 70, 13: 9, 14: 9}
    found = episodes({10, 13, 14}, last=40, means=means, faults={12}, losses=losses).iloc[0]
    assert found["peak_date"] == day(13)
    assert found["peak_loss_7d_mean_usd"] == 9
    assert found["total_loss_usd"] == 1 + 2 + 8 + 16


def test_spell_of_faulty_days_alone_is_not_lost():
    found = episodes({10}, last=40, faults={10})
    assert found["start_date"].tolist() == [day(10)]


def test_no_extremes_no_spells():
    assert episodes(set(), last=20).empty
