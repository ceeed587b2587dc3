"""The rows: what each is of, against the definition written out; none changes with later sessions."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from pipelines.contracts import contracts
from pipelines.stress import WINDOW, stress_correlations
from tests.factories import sessions_of, stamp
from tests.stress_correlations.legs import DATES, EPISODES, KEY, NAME, labels_of


@pytest.fixture(scope="module")
def found(legs):
    return stress_correlations(legs, EPISODES)


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
