"""The headline: a mean of seven calendar days, faulty ones by what is implied."""

import numpy as np
import pytest

from tests.factories import Market, days, nulls
from tests.realized_losses.chain import CLOSE, FIRST, chain, day, mart, series


def test_seven_day_mean():
    found = mart(chain([1e9, 2e9, 3e9, 4e9, 5e9, 6e9, 7e9, 8e9, 9e9, 10e9]))
    means = found["loss_7d_mean_usd"]
    assert nulls(means.iloc[:3])
    # Four days so far: 2.5 B; then 7 days always: day 7 holds 1..7, day 10 holds 4..10.
    expected = [2.5e9, 3e9, 3.5e9, 4e9, 5e9, 6e9, 7e9]
    assert means.tolist()[3:] == pytest.approx(expected, **CLOSE)
    assert found["n_good_days"].tolist() == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7]
    assert found["loss_7d_mean_reported_usd"].iloc[-1] == pytest.approx(7e9, **CLOSE)


def test_headline_takes_the_implied_loss_of_faulty_days():
    # Day 7 reports 0.7 B though 2.1 B are implied; day 6 reports nothing though 1.5 B are.
    reported = [1e9, 1.1e9, 1.2e9, 1.3e9, 1.4e9, 0, 0.7e9]
    implied = [1e9, 1.1e9, 1.2e9, 1.3e9, 1.4e9, 1.5e9, 2.1e9]
    last = mart(chain(reported, implied=implied)).iloc[-1]
    assert last["fault"] == "too_small"
    assert last["n_good_days"] == 5
    assert last["realized_loss_usd"] == pytest.approx(0.7e9, **CLOSE)
    assert last["loss_7d_mean_usd"] == pytest.approx(sum(implied) / 7, **CLOSE)
    assert last["loss_7d_mean_reported_usd"] == pytest.approx(sum(reported) / 7, **CLOSE)
    assert last["loss_7d_mean_good_days_usd"] == pytest.approx(1.2e9, **CLOSE)


def test_implied_loss_of_a_good_day_is_not_used():
    last = mart(chain([1e9, 2e9, 3e9, 4e9], implied=[0.9e9, 1.9e9, 2.9e9, 3.9e9])).iloc[-1]
    assert last["loss_7d_mean_usd"] == pytest.approx(2.5e9, **CLOSE)


def test_scaled_by_realized_cap():
    last = mart(chain([1e9, 2e9, 3e9, 4e9], cap=8e11)).iloc[-1]
    cap = 8e11 + 4 * 450 * 100_000 - 10e9
    assert last["loss_to_realized_cap"] == pytest.approx(2.5e9 / cap, **CLOSE)


def test_fewer_than_four_good_days_have_no_headline():
    reported = [1e9, 0, 1.2e9, 0, 1.4e9, 0, 0, 1.7e9, 1.8e9]
    found = mart(chain(reported, implied=[1e9 + 1e8 * k for k in range(9)]))
    assert found["n_good_days"].tolist() == [1, 1, 2, 2, 3, 3, 3, 3, 4]
    for column in ("loss_7d_mean_usd", "loss_7d_mean_good_days_usd", "loss_to_realized_cap"):
        assert found[column].isna().tolist() == [True] * 8 + [False]
    assert found["loss_7d_mean_reported_usd"].notna().all()
    assert found["n_history"].tolist() == [0] * 8 + [1]


def test_missing_day_leaves_the_next_without_a_flow():
    # Day 4 is missing: day 5's step covers two days, so neither has a row, and the week is of what is left.
    metrics = series([1e9, 2e9, 3e9, 4e9, 5e9, 6e9, 7e9])
    dates = days(FIRST, 8).delete(4)
    market = Market("2025-12-31").onchain(dates, {k: np.delete(np.asarray(v), 4) for k, v in metrics.items()})
    found = mart(market)
    assert found.index.tolist() == [day(n) for n in (1, 2, 3, 6, 7)]
    assert found["loss_7d_mean_usd"].tolist()[3:] == pytest.approx([3e9, 19e9 / 5], **CLOSE)
    assert found["fault"].isna().all()


def test_week_is_of_calendar_days():
    # Days 5 to 9 have no flow: the week of day 10 holds days 4 and 10, the week of day 11 days 10 and 11.
    losses = [1e9 + 1e8 * k for k in range(11)]
    keep = [0, 1, 2, 3, 4, 9, 10, 11]
    metrics = {k: np.asarray(v)[keep] for k, v in series(losses).items()}
    found = mart(Market("2025-12-31").onchain([day(n) for n in keep], metrics))
    assert found.index.tolist() == [day(n) for n in (1, 2, 3, 4, 10, 11)]
    assert found["n_good_days"].tolist() == [1, 2, 3, 4, 2, 2]
    assert nulls(found["loss_7d_mean_usd"].iloc[4:])


def test_providers_are_never_mixed():
    market = chain([1e9, 2e9, 3e9, 4e9]).onchain(days(FIRST, 5), series([7e9, 8e9, 9e9, 10e9]), source="another")
    found = mart(market).reset_index().set_index(["provider", "date"])["loss_7d_mean_usd"]
    assert found["brk", day(4)] == pytest.approx(2.5e9, **CLOSE)
    assert found["another", day(4)] == pytest.approx(8.5e9, **CLOSE)
    assert len(found) == 8
