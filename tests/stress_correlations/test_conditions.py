"""Which sessions are stress."""

import numpy as np

from pipelines.stress import WINDOW
from tests.factories import nulls, sessions_of
from tests.stress_correlations.legs import DATES, labels_of, legs_of


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
