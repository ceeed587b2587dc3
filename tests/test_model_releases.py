"""Model releases: the entry as known now beside when and how it was first seen."""

import pandas as pd
import pytest

from tests.factories import Market, stamp

AS_OF = "2026-03-31"


@pytest.fixture
def market():
    return Market(AS_OF)


def listed(market, known_at, release="2026-02-05", name="Model One", precision="day", load_id=1, model="lab/one"):
    """The vendor's entry of a model as one load found it."""
    row = {
        "symbol": "AI_MODELS",
        "model_id": model,
        "lab": model.split("/")[0],
        "name": name,
        "release_date": pd.Timestamp(release) if release else pd.NaT,
        "release_precision": precision,
        "source": "modelsdev",
        "known_at": stamp(known_at),
        "load_id": load_id,
        "payload_id": "payload",
    }
    market.warehouse.insert("raw.model_releases", pd.DataFrame([row]))


def entry(market):
    """The one row of the table."""
    found = market.table("core.model_releases")
    assert len(found) == 1
    return found.iloc[0]


def test_a_model_seen_once_was_first_seen_as_it_is(market):
    listed(market, "2026-02-06 00:30")
    found = entry(market)
    assert found[["model_id", "lab", "name", "source"]].tolist() == ["lab/one", "lab", "Model One", "modelsdev"]
    assert found["first_seen_at"] == stamp("2026-02-06 00:30")
    assert found["release_date"] == found["first_release_date"] == stamp("2026-02-05")
    assert found["n_versions"] == 1


def test_a_corrected_release_keeps_the_first_one_beside_it(market):
    listed(market, "2026-02-06", release="2026-02-01", precision="month")
    listed(market, "2026-02-08", release="2026-02-05", load_id=2)
    listed(market, "2026-02-09", name="Model 1", load_id=3)
    found = entry(market)
    assert found["release_date"] == stamp("2026-02-05")
    assert found["release_precision"] == "day"
    assert found["name"] == "Model 1"
    assert found["first_release_date"] == stamp("2026-02-01")
    assert found["first_seen_at"] == stamp("2026-02-06")
    assert found["n_versions"] == 3


def test_a_release_learnt_later_was_unknown_at_first(market):
    listed(market, "2026-02-06", release=None, precision="unknown")
    listed(market, "2026-02-08", load_id=2)
    found = entry(market)
    assert found["release_date"] == stamp("2026-02-05")
    assert pd.isna(found["first_release_date"])


def test_a_withdrawn_release_is_unknown_now(market):
    listed(market, "2026-02-06")
    listed(market, "2026-02-08", release=None, precision="unknown", load_id=2)
    found = entry(market)
    assert pd.isna(found["release_date"])
    assert found["release_precision"] == "unknown"
    assert found["first_release_date"] == stamp("2026-02-05")


def test_what_became_known_after_the_run_is_not_used(market):
    listed(market, "2026-02-06")
    listed(market, "2026-04-02", release="2026-02-04", load_id=2)
    listed(market, "2026-04-02", model="lab/two", load_id=2)
    found = entry(market)
    assert found["release_date"] == stamp("2026-02-05")
    assert found["n_versions"] == 1


def test_of_two_answers_at_one_instant_the_later_load_counts(market):
    listed(market, "2026-02-06", release="2026-02-03")
    listed(market, "2026-02-06", release="2026-02-05", load_id=2)
    found = entry(market)
    assert found["release_date"] == found["first_release_date"] == stamp("2026-02-05")
    assert found["n_versions"] == 1


def test_the_same_entry_stored_by_a_run_for_an_earlier_day_is_no_change(market):
    listed(market, "2026-02-08", load_id=1)
    listed(market, "2026-02-06", load_id=2)
    found = entry(market)
    assert found["n_versions"] == 1
    assert found["first_seen_at"] == stamp("2026-02-06")


def test_an_entry_changed_and_changed_back_has_three_versions(market):
    for load, (day, release) in enumerate([("06", "2026-02-05"), ("07", "2026-02-04"), ("08", "2026-02-05")], 1):
        listed(market, f"2026-02-{day}", release=release, load_id=load)
    assert entry(market)["n_versions"] == 3


def test_models_do_not_mix(market):
    listed(market, "2026-02-06", model="lab/one")
    listed(market, "2026-02-07", model="lab/two", name="Model Two", release="2026-02-06", load_id=2)
    found = market.table("core.model_releases").set_index("model_id")
    assert found["n_versions"].tolist() == [1, 1]
    assert found["first_seen_at"].tolist() == [stamp("2026-02-06"), stamp("2026-02-07")]
    assert found["first_release_date"].tolist() == [stamp("2026-02-05"), stamp("2026-02-06")]


def test_the_release_agrees_with_the_newest_known_row(market):
    listed(market, "2026-02-06", release="2026-02-03")
    listed(market, "2026-02-08", load_id=2)
    newest = market.warehouse.frame("select name, release_date, release_precision from latest.model_releases")
    assert newest.iloc[0].tolist() == entry(market)[["name", "release_date", "release_precision"]].tolist()


def test_without_a_list_there_are_no_models(market):
    assert market.table("core.model_releases").empty
