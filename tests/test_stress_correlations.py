"""Correlation in calm and in stress: hand-worked figures, the definition written out, scipy, and no look-ahead."""

from math import atanh, sqrt

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import norm, pearsonr

from pipelines.audit import checks_of, run_check
from pipelines.contracts import contracts
from pipelines.query import QUERIES
from pipelines.stress import WINDOW, compared, conditions, corrected_for_variance, moments, stress_correlations
from pipelines.universe import Episode, Universe, load_universe
from tests.factories import Market, nulls, sessions_of, stamp

NAME = "marts.stress_correlations"
KEY = contracts()[NAME].grain
DATES = sessions_of("2023-07-03", "2025-12-31")
EPISODES = pd.DataFrame(
    {
        "episode": ["spring", "autumn", "still_lasting", "yet_to_come"],
        "name": ["Spring", "Autumn", "Still lasting", "Yet to come"],
        "start_date": pd.to_datetime(["2024-03-09", "2025-09-02", "2025-12-10", "2026-05-01"]),
        "end_date": pd.to_datetime(["2024-05-12", "2025-10-15", None, None]),
    }
)


def legs_of(x, y, dates=DATES, drawdown=0.0, other="QQQ"):
    """Rows as STRESS_LEGS gives them: x is the equity leg, y bitcoin."""
    frame = pd.DataFrame({"date": dates[: len(x)], "base_return": y, "other_return": x, "drawdown_before": drawdown})
    frame.insert(0, "base_symbol", "BTC")
    frame.insert(1, "other_symbol", other)
    return frame


@pytest.fixture(scope="module")
def legs():
    """Two pairs of random returns with changing volatility, in a drawdown every other quarter."""
    rng = np.random.default_rng(31)
    pairs = []
    for other, n in [("IGV", len(DATES)), ("QQQ", len(DATES) - 40)]:
        x = rng.standard_t(4, n) * 0.01
        y = 0.8 * x + rng.normal(0, 0.02, n)
        drawdown = np.where(DATES[:n].quarter % 2, -0.12, -0.03)
        pairs.append(legs_of(x, y, drawdown=drawdown, other=other))
    return pd.concat(pairs, ignore_index=True)


@pytest.fixture(scope="module")
def found(legs):
    return stress_correlations(legs, EPISODES)


def uncorrelated(n):
    """Two series with mean 0, variance 1 and no correlation at all, up to rounding."""
    rng = np.random.default_rng(8)
    x, e = rng.standard_normal((2, n))
    x -= x.mean()
    e -= e.mean()
    e -= x * (e @ x) / (x @ x)
    return x / x.std(ddof=1), e / e.std(ddof=1)


def sample(r, n, scale=1.0):
    """Moments of n returns whose correlation is exactly r, the equity leg's deviation being `scale` percent."""
    x, e = uncorrelated(n)
    return moments_of(0.01 * scale * x, 0.02 * (r * x + sqrt(1 - r * r) * e))


def moments_of(x, y):
    sums = {"n": len(x), "x": x.sum(), "y": y.sum(), "xx": x @ x, "yy": y @ y, "xy": x @ y}
    return moments(pd.DataFrame({name: [float(value)] for name, value in sums.items()}))


# Figures worked by hand.


def test_forbes_rigobon():
    # Variance x 4 (d = 3) makes 0.50 look like sqrt(1 / (1 + 0.75)) = 0.756; 0.756 / sqrt(1 + 3 * 0.4286) is 0.50.
    raw = sqrt(1 / 1.75)
    assert raw == pytest.approx(0.756, abs=0.0005)
    assert corrected_for_variance(pd.Series([raw]), pd.Series([3.0])).tolist() == pytest.approx([0.50], abs=1e-12)
    assert raw / sqrt(1 + 3 * 0.4286) == pytest.approx(0.50, abs=1e-4)
    # No more variance, no correction; less variance is corrected upwards; the sign stays.
    r, d = pd.Series([0.4, 0.4, -0.4]), pd.Series([0.0, -0.5, 3.0])
    assert corrected_for_variance(r, d).tolist() == pytest.approx(
        [0.4, 0.4 / sqrt(1 - 0.5 * 0.84), -0.4 / sqrt(1 + 3 * 0.84)], abs=1e-12
    )


def test_constant_beta_is_no_closer_in_stress():
    """Only the equity leg's variance rises, fourfold: the whole rise from 0.50 to 0.756 is taken out."""
    x, e = uncorrelated(120)
    calm = moments_of(0.01 * x, 0.01 * x + 0.01 * sqrt(3) * e)
    stress = moments_of(0.02 * x, 0.02 * x + 0.01 * sqrt(3) * e)
    row = compared(calm, stress).iloc[0]
    assert row["correlation_calm"] == pytest.approx(0.50, abs=1e-12)
    assert row["correlation_stress"] == pytest.approx(sqrt(1 / 1.75), abs=1e-12)
    assert row["variance_increase"] == pytest.approx(3, abs=1e-9)
    assert row["correlation_stress_corrected"] == pytest.approx(0.50, abs=1e-9)
    assert (row["z_difference"], row["p_value"]) == pytest.approx((0, 1), abs=1e-7)
    assert not row["is_significant"]


@pytest.mark.parametrize(
    ("r", "n", "low", "high"), [(0.73, 30, 0.50, 0.86), (0.73, 21, 0.44, 0.88), (0.50, 90, 0.33, 0.64)]
)
def test_fisher_intervals(r, n, low, high):
    row = sample(r, n).iloc[0]
    assert (row["r"], row["n"]) == (pytest.approx(r, abs=1e-12), n)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.005)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize(
    ("calm", "n_calm", "stress", "n_stress"), [(0.2, 300, 0.5, 40), (0.5, 90, 0.1, 90), (0, 9, 0.9, 5)]
)
def test_difference_agrees_with_scipy(calm, n_calm, stress, n_stress, scale):
    row = compared(sample(calm, n_calm), sample(stress, n_stress, scale)).iloc[0]
    corrected = stress / sqrt(1 + (scale**2 - 1) * (1 - stress**2))
    z = (atanh(corrected) - atanh(calm)) / sqrt(1 / (n_calm - 3) + 1 / (n_stress - 3))
    assert row["z_difference"] == pytest.approx(z, abs=1e-9)
    assert row["p_value"] == pytest.approx(2 * norm.sf(abs(z)), abs=1e-9)
    assert row["is_significant"] == (row["p_value"] < 0.05) == (abs(z) > norm.ppf(0.975))
    assert row["is_higher_corrected"] == (corrected > calm)


def test_closer_and_looser_are_told_apart():
    closer, looser = compared(sample(0.2, 300), sample(0.8, 60)), compared(sample(0.8, 300), sample(0.2, 60))
    assert closer[["is_significant", "is_higher_corrected"]].iloc[0].tolist() == [True, True]
    assert looser[["is_significant", "is_higher_corrected"]].iloc[0].tolist() == [True, False]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_correlation_stays_finite(sign):
    x, _ = uncorrelated(50)
    row = compared(sample(0.3, 50), moments_of(0.01 * x, sign * 0.02 * x)).iloc[0]
    assert row["correlation_stress_corrected"] == pytest.approx(sign, abs=1e-9)
    assert np.isfinite(row["z_difference"])
    assert row["is_significant"]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_fewer_than_four_sessions_say_only_how_many(n):
    x, e = np.array([0.01, 0.02, -0.01])[:n], np.array([0.03, -0.02, 0.01])[:n]
    row = compared(sample(0.3, 50), moments_of(x, e)).iloc[0]
    assert row["n_stress"] == n
    unknown = row.drop(["n_stress", "n_calm", "correlation_calm", "ci_low_calm", "ci_high_calm"])
    assert nulls(unknown)


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_a_leg_that_does_not_move_has_no_correlation(level):
    x, _ = uncorrelated(50)
    row = compared(sample(0.3, 50), moments_of(np.full(50, level), 0.01 * x)).iloc[0]
    assert row["n_stress"] == 50
    assert nulls(
        row[["correlation_stress", "ci_low_stress", "correlation_stress_corrected", "p_value", "is_significant"]]
    )


# Which sessions are stress.


def labels_of(legs, condition, episodes=EPISODES):
    return conditions(legs, legs.groupby(["base_symbol", "other_symbol"]).ngroup(), episodes)[condition]


def test_drawdown_condition_includes_its_bound():
    legs = legs_of([0.01] * 4, [0.02] * 4, drawdown=[0, -0.0999, 90 / 100 - 1, -0.35])
    assert labels_of(legs, "drawdown").tolist() == [0, 0, 1, 1]


def test_quantile_condition_knows_only_the_sessions_before(legs):
    label = labels_of(legs, "return_quantile")
    for _, pair in legs.groupby("other_symbol"):
        size = pair["other_return"].abs().to_numpy()
        assert nulls(label.loc[pair.index[:WINDOW]])
        for position in range(WINDOW, len(size), 7):
            threshold = np.quantile(size[:position], 0.90)
            assert label.loc[pair.index[position]] == (size[position] >= threshold)
    assert 0.05 < label.mean() < 0.2


def test_episode_condition_includes_both_ends():
    legs = legs_of([0.01] * len(DATES), [0.01] * len(DATES))
    stress = legs["date"][labels_of(legs, "episode") == 1]
    inside = [("2024-03-11", "2024-05-10"), ("2025-09-02", "2025-10-15"), ("2025-12-10", "2025-12-31")]
    assert stress.tolist() == [d for first, last in inside for d in sessions_of(first, last)]


# The rows: what each is of, against the definition written out.


def expected_samples(legs, label, row, episodes=EPISODES):
    """Calm and stress sessions of a row, chosen by masks over the pair, and the period's first session."""
    pair = legs[(legs["other_symbol"] == row.other_symbol) & (legs["date"] <= row.date)]
    label = label.loc[pair.index]
    period = pair.index
    if row.period == "rolling":
        period = pair.index[-WINDOW:]
    elif row.period != "full":
        start = episodes.set_index("episode").loc[row.period, "start_date"]
        period = pair.index[pair["date"] >= start]
    calm_period = period if row.period == "rolling" else pair.index
    calm = pair.loc[calm_period][label.loc[calm_period] == 0]
    stress = pair.loc[period][label.loc[period] == 1]
    return calm, stress, pair.loc[period, "date"].iloc[0]


def test_rows_agree_with_the_definition_written_out(legs, found):
    rows = found.sample(400, random_state=2)
    assert set(rows["period"]) == {"full", "rolling", "spring", "autumn", "still_lasting"}
    labels = {condition: labels_of(legs, condition) for condition in set(rows["condition"])}
    for row in rows.itertuples():
        calm, stress, first = expected_samples(legs, labels[row.condition], row)
        assert (row.n_calm, row.n_stress, row.start_date) == (len(calm), len(stress), first)
        for part, r, low in [
            (calm, row.correlation_calm, row.ci_low_calm),
            (stress, row.correlation_stress, row.ci_low_stress),
        ]:
            if len(part) < 4:
                assert np.isnan(r)
                continue
            oracle = pearsonr(part["other_return"], part["base_return"])
            assert r == pytest.approx(oracle.statistic, abs=1e-9)
            assert low == pytest.approx(oracle.confidence_interval(0.95).low, abs=1e-9)
        if len(calm) >= 4 and len(stress) >= 4:
            increase = stress["other_return"].var() / calm["other_return"].var() - 1
            assert row.variance_increase == pytest.approx(increase, rel=1e-9)
    assert rows["correlation_stress"].notna().sum() > 200


def test_one_row_for_each_key_and_the_contracts_columns(found):
    assert not found.duplicated(KEY).any()
    assert set(found.columns) == set(contracts()[NAME].columns)


def test_full_and_rolling_have_a_row_a_week_once_there_is_a_years_history(found):
    for period in ("full", "rolling"):
        rows = found[
            (found["period"] == period) & (found["condition"] == "drawdown") & (found["other_symbol"] == "IGV")
        ]
        first_of_week = DATES[~DATES.to_period("W").duplicated()]
        assert rows["date"].tolist() == first_of_week[first_of_week >= DATES[WINDOW - 1]].tolist()
    assert (rows["n_calm"] + rows["n_stress"] == WINDOW).all()


def test_episodes_have_a_row_on_each_of_their_sessions_once_begun(found):
    rows = found[(found["condition"] == "episode") & (found["other_symbol"] == "IGV")]
    spans = {"spring": ("2024-03-11", "2024-05-10"), "autumn": ("2025-09-02", "2025-10-15")}
    for name, (first, last) in {**spans, "still_lasting": ("2025-12-10", "2025-12-31")}.items():
        own = rows[rows["period"] == name]
        assert own["date"].tolist() == sessions_of(first, last).tolist()
        assert set(own["start_date"]) == {stamp(first)}
        assert own["n_stress"].tolist() == list(range(1, len(own) + 1))
    assert "yet_to_come" not in set(rows["period"])


@pytest.mark.parametrize("n", [260, 300, 437, 560, 610])
def test_rows_do_not_change_with_later_sessions(legs, found, n):
    then = stress_correlations(legs[legs["date"] <= DATES[n - 1]].reset_index(drop=True), EPISODES)
    now = found[found["date"] <= DATES[n - 1]]
    pd.testing.assert_frame_equal(
        *(f.sort_values(KEY).reset_index(drop=True) for f in (then, now)), check_exact=False, rtol=1e-12, atol=1e-12
    )
    assert then["p_value"].notna().any()


def test_a_pair_does_not_change_with_the_others(legs, found):
    alone = stress_correlations(legs[legs["other_symbol"] == "QQQ"].reset_index(drop=True), EPISODES)
    both = found[found["other_symbol"] == "QQQ"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both, check_exact=False, rtol=1e-12, atol=1e-12)


def test_no_legs_or_no_episodes_are_no_error(legs):
    nothing = stress_correlations(legs.iloc[:0], EPISODES)
    assert nothing.empty
    assert set(nothing.columns) == set(contracts()[NAME].columns)
    calm = stress_correlations(legs, EPISODES.iloc[:0])
    assert set(calm["period"]) == {"full", "rolling"}
    assert (calm.loc[calm["condition"] == "episode", "n_stress"] == 0).all()


# Through the warehouse.


@pytest.fixture(scope="module")
def market():
    """QQQ stands at its peak until it falls by 8 % on each of three sessions of February; bitcoin follows it."""
    rng = np.random.default_rng(5)
    dates = sessions_of("2024-06-03", "2026-02-20")
    hour = pd.Index([pd.Timestamp(d) + pd.Timedelta(hours=20 if d.month in range(4, 11) else 21) for d in dates])
    x = rng.normal(0, 0.004, len(dates))
    x[dates == "2026-01-27"] = 0.2
    x[dates >= "2026-01-28"] = np.resize([0.001, -0.001], (dates >= "2026-01-28").sum())
    x[(dates >= "2026-02-05") & (dates <= "2026-02-09")] = -0.08
    market = Market("2026-02-20", since=dates[0].date())
    market.bars("QQQ", dates, 500 * np.exp(x.cumsum()))
    market.bars("MSFT", dates, 400 * np.exp(0.004 * rng.standard_normal(len(dates)).cumsum()))
    btc = 60_000 * np.exp((x + rng.normal(0, 0.004, len(dates))).cumsum())
    instrument = load_universe().instruments["BTC"]
    source = load_universe().datasets(instrument)["hourly_bars"][0]
    market.hours("BTC", hour - pd.Timedelta(hours=1), btc, source=source)
    return market.build(NAME)


def test_pairs_are_bitcoin_with_exchange_traded_funds_and_baskets(market):
    found = market.rows(NAME)
    assert set(found["base_symbol"]) == {"BTC"}
    assert set(found["other_symbol"]) == {"QQQ", "basket:benchmarks", "basket:hyperscalers"}
    assert set(found["period"]) == {"full", "rolling", "tariff_2025", "ai_scare"} | {"yen_carry_2024"}


def test_a_drawdown_counts_from_the_session_after_the_close_that_showed_it(market):
    # -8 % on 5 February and -15 % at the close of the 6th: the 9th is the first session that begins in stress.
    rows = market.rows(NAME, "other_symbol = 'QQQ' and condition = 'drawdown' and period = 'ai_scare'")
    n_stress = rows.set_index("date")["n_stress"]
    assert n_stress["2026-02-06"] == 0
    assert n_stress["2026-02-09"] == 1
    assert n_stress["2026-02-13"] == 5


def test_the_last_row_of_an_episode_is_the_whole_of_it(market):
    row = market.rows(NAME, "other_symbol = 'QQQ' and condition = 'episode' and period = 'ai_scare'").iloc[-1]
    assert (row["start_date"], row["date"], row["n_stress"]) == (stamp("2026-01-28"), stamp("2026-02-13"), 13)


@pytest.mark.parametrize(
    "damage",
    ["correlation_stress_corrected = -correlation_stress", "ci_low_calm = 1, ci_high_calm = 1", "ci_high_stress = -1"],
)
def test_the_check_finds_a_damaged_row(market, damage):
    (check,) = [c for c in checks_of(NAME) if c.name == "stress_correlations_corrected_towards_zero"]
    assert check.severity == "critical"
    assert run_check(market.warehouse, check).passed
    market.warehouse.execute("begin")
    market.warehouse.execute(f"update {NAME} set {damage} where period = 'rolling' and n_stress > 20")
    assert not run_check(market.warehouse, check).passed
    market.warehouse.execute("rollback")


def test_the_ready_made_question_shows_the_newest_row_of_each_kind(market):
    answer = market.warehouse.frame((QUERIES / "stress_correlations.sql").read_text())
    assert set(answer["other_symbol"]) == {"QQQ"}
    assert not answer.duplicated(["period", "condition"]).any()
    newest = answer.set_index(["period", "condition"])["date"]
    assert newest["ai_scare", "episode"] == stamp("2026-02-13")
    assert newest["full", "drawdown"] == stamp("2026-02-17")


# Episodes of the universe.


def test_episodes_are_those_of_the_universe():
    stored = Market("2025-12-31").table("core.named_episodes").set_index("episode")
    for name, episode in load_universe().episodes.items():
        assert stored.loc[name, "start_date"].date() == episode.start
        assert stored.loc[name, "end_date"].date() == episode.end
    assert set(stored.index) == set(load_universe().episodes)


def test_an_episode_without_an_end_has_none():
    universe = load_universe().model_copy(update={"episodes": {"now": Episode(name="Now", start="2026-01-05")}})
    assert universe.named_episodes_frame()["end_date"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("episodes", "message"),
    [
        (
            {"crash": {"name": "Crash", "start": "2025-03-02", "end": "2025-03-01"}},
            "'Crash' ends on 2025-03-01, before",
        ),
        ({"rolling": {"name": "Rolling", "start": "2025-03-02"}}, "calls an episode 'rolling'"),
        ({"crash": {"name": "Crash", "start": "2025-03-32"}}, r"episodes\.crash\.start"),
    ],
)
def test_a_mistake_in_an_episode_is_an_error_that_names_it(episodes, message):
    facts = {"sources": {}, "instruments": {}, "baskets": {}, "correlation_bases": [], "episodes": episodes}
    with pytest.raises(ValidationError, match=message):
        Universe.model_validate(facts)
