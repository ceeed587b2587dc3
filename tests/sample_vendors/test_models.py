"""Releases of models."""

from collections import Counter

from tests.sample_vendors.vendor import EARLY, ask


def test_models_are_marked_as_simulated_and_appear_when_released() -> None:
    models = ask("/models.json").json()
    assert len(models) == 40
    assert all(key == entry["id"] and entry["name"].startswith("Simulated model ") for key, entry in models.items())
    assert {key.split("/")[0] for key in models} == {"lab-a", "lab-b", "lab-c", "lab-d"}
    lengths = Counter(len(entry.get("release_date", "")) for entry in models.values())
    assert lengths == {10: 37, 7: 1, 0: 2}
    days = [entry["release_date"] for entry in models.values() if len(entry.get("release_date", "")) == 10]
    assert days == sorted(days)
    assert "2022-12" <= days[0] < days[-1] <= "2026-03-31"
    early = ask("/models.json", EARLY).json()
    assert 0 < len(early) < 40
    assert max(entry.get("release_date", "") for entry in early.values()) <= "2023-05-09"
    assert early.items() <= models.items()
