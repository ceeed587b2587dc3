"""Episodes of the universe."""

import pytest
from pydantic import ValidationError

from pipelines.universe import Episode, Universe, load_universe
from tests.factories import Market


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
