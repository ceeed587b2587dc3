"""Realized losses: flows, faults and the headline by hand; ranks against pandas and numpy; spells of extremes."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, days, nulls, stamp

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


def chain_of(metrics):
    return Market("2025-12-31").onchain(days(FIRST, len(metrics["price_usd"])), metrics)


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


N = 1_000


@pytest.fixture(scope="module")
def long():
    """A thousand random days with drifting level, faults, missing days and two bursts of losses."""
    rng = np.random.default_rng(12)
    losses = 3e8 * np.exp(np.linspace(0, 0.8, N) + 0.4 * rng.standard_normal(N))
    losses[780:788] *= 9
    losses[930:936] *= 14
    reported = losses.copy()
    faulty = rng.choice(N, 40, replace=False)
    reported[faulty] = 0
    metrics = series(reported, profits=rng.uniform(1e8, 9e8, N), implied=losses, cap=4e11)
    kept = np.delete(np.arange(N + 1), [300, 301, 640])
    dates = days("2023-01-01", N + 1)[kept]
    return mart(Market("2025-12-31").onchain(dates, {k: v[kept] for k, v in metrics.items()}))


def expanding(values, rank):
    """rank(values so far without the missing ones, newest) for each day that has a value; NaN for the others."""
    found = []
    for k, newest in enumerate(values):
        so_far = values[: k + 1]
        found.append(np.nan if np.isnan(newest) else rank(so_far[~np.isnan(so_far)], newest))
    return np.array(found)


def not_above(so_far, newest):
    return 100 * np.mean(so_far <= newest)


def robust_z(so_far, newest):
    median = np.median(so_far)
    deviation = 1.4826 * np.median(np.abs(so_far - median))
    return (newest - median) / deviation if deviation else np.nan


def test_ranks_agree_with_an_expanding_oracle(long):
    mean, scaled = long["loss_7d_mean_usd"].to_numpy(), long["loss_to_realized_cap"].to_numpy()
    early = pd.Series(mean).notna().cumsum().to_numpy() < 730
    assert long["n_history"].tolist() == pd.Series(mean).notna().cumsum().tolist()
    assert early.sum() > 700
    assert (~early).sum() > 200
    assert np.isnan(mean).sum() >= 3
    oracles = {
        "percentile": expanding(mean, not_above),
        "cap_percentile": expanding(scaled, not_above),
        "robust_z": expanding(mean, robust_z),
    }
    for column, oracle in oracles.items():
        assert nulls(long[column][early])
        np.testing.assert_allclose(long[column][~early], oracle[~early], rtol=1e-9, atol=1e-9)
    pandas_rank = pd.Series(mean).expanding().rank(method="max", pct=True) * 100
    np.testing.assert_allclose(long["percentile"][~early], pandas_rank[~early], rtol=1e-9)


def test_headline_mean_agrees_with_pandas(long):
    best = long["realized_loss_usd"].where(long["fault"].isna(), long["implied_loss_usd"])
    good = long["realized_loss_usd"].where(long["fault"].isna())
    n_good = good.rolling("7D").count()
    oracle = best.rolling("7D", min_periods=1).mean().where(n_good >= 4)
    np.testing.assert_allclose(long["loss_7d_mean_usd"], oracle, rtol=1e-9)
    assert (long["fault"] == "zero").sum() >= 35


def test_extreme_is_unknown_before_two_years_and_needs_all_three(long):
    known = long["n_history"] >= 730
    assert nulls(long["is_extreme"][~known])
    wanted = (long["percentile"] >= 99) & (long["cap_percentile"] >= 99) & (long["robust_z"] >= 3)
    assert (long["is_extreme"][known].astype(bool) == wanted[known]).all()
    assert 3 <= wanted.sum() < 40


def newest_of(losses, **options):
    found = mart(Market("2025-12-31").onchain(days("2023-01-01", len(losses) + 1), series(losses, **options)))
    return found.iloc[-1]


def test_a_record_that_is_not_far_from_the_rest_is_not_extreme():
    # A steady rise: every day is a record, half the range above the median, 1.35 robust deviations.
    newest = newest_of(np.linspace(5e8, 7e8, 800))
    assert newest["percentile"] == newest["cap_percentile"] == 100
    assert newest["robust_z"] == pytest.approx(0.5 / (1.4826 * 0.25), rel=0.02)
    assert newest["is_extreme"] == False  # noqa: E712


def test_a_record_in_dollars_alone_is_not_extreme():
    # Realized cap has grown tenfold: three times the losses are a smaller part of it than in the beginning.
    losses = 5e8 + 1e8 * np.random.default_rng(1).random(800)
    losses[-7:] *= 3
    newest = newest_of(losses, profits=np.full(800, 1.6e9), cap=1e11)
    assert newest["percentile"] == 100
    assert newest["robust_z"] > 3
    assert newest["cap_percentile"] < 90
    assert newest["is_extreme"] == False  # noqa: E712


def test_a_record_in_every_respect_is_extreme():
    losses = 5e8 + 1e8 * np.random.default_rng(1).random(800)
    losses[-7:] *= 3
    assert newest_of(losses)["is_extreme"] == True  # noqa: E712


# Spells, from hand-made rows of marts.realized_losses.


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


def test_spells_of_the_long_history(long):
    extreme = long.index[long["is_extreme"].fillna(False).astype(bool)]
    assert (np.diff(extreme) > np.timedelta64(7, "D")).sum() == 1
