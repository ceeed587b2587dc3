"""AI events: the first session that could react, what is known as of a day, refused seeds, and the shipped seed."""

from datetime import date

import pandas as pd
import pytest

from pipelines.calendars import sessions
from pipelines.contracts import contracts
from pipelines.events import SEED_FILE, WrongSeed, events_frame
from tests.factories import stamp

LATE = date(2026, 11, 24)


def an_event(**changes):
    """A line of the seed, as text."""
    line = {
        "event_id": "a-model",
        "event_date": "2025-06-11",
        "event_ts_utc": "",
        "organization": "A Lab",
        "subject": "A Model",
        "event_type": "model_release",
        "market_relevance": "Cheaper than the last one, by half",
        "source_url": "https://lab.example/a-model",
        "added_on": "2026-11-24",
    }
    return line | changes


def a_seed(*lines):
    return pd.DataFrame([an_event(event_id=f"event-{n}", **line) for n, line in enumerate(lines)])


def session_of(day, moment="", until=LATE):
    """The session an event of this day and moment is mapped to, by the calendar since 2024."""
    seed = a_seed({"event_date": day, "event_ts_utc": moment})
    found = events_frame(seed, sessions(date(2024, 1, 1), until), LATE)
    return f"{found['session_date'].item():%Y-%m-%d}"


# New York opens at 13:30 and closes at 20:00 UTC in summer, at 14:30 and 21:00 in winter.
@pytest.mark.parametrize(
    ("day", "moment", "session"),
    [
        ("2025-06-11", "2025-06-11T08:00:00Z", "2025-06-11"),
        ("2025-06-11", "2025-06-11T17:00:00Z", "2025-06-11"),
        ("2025-06-11", "2025-06-11T19:59:59Z", "2025-06-11"),
        ("2025-06-11", "2025-06-11T20:00:00Z", "2025-06-12"),
        ("2025-06-11", "2025-06-11T20:30:00Z", "2025-06-12"),
        ("2026-01-28", "2026-01-28T20:30:00Z", "2026-01-28"),
        ("2026-01-28", "2026-01-28T21:30:00Z", "2026-01-29"),
        ("2025-06-11", "2025-06-12T03:00:00Z", "2025-06-12"),
    ],
    ids=[
        "before the open",
        "during the session",
        "a second before the close",
        "at the close",
        "after the close",
        "during a winter session",
        "after a winter close",
        "after midnight UTC",
    ],
)
def test_an_event_meets_the_first_session_that_closes_after_it(day, moment, session):
    assert session_of(day, moment) == session


def test_after_an_early_close_the_next_session_reacts():
    # 2025-11-28, the day after Thanksgiving, closes at 13:00 in New York: 18:00 UTC; the next session is a Monday.
    assert session_of("2025-11-28", "2025-11-28T17:59:00Z") == "2025-11-28"
    assert session_of("2025-11-28", "2025-11-28T18:30:00Z") == "2025-12-01"


@pytest.mark.parametrize(
    ("day", "session"),
    [("2025-04-05", "2025-04-07"), ("2025-01-20", "2025-01-21"), ("2025-06-11", "2025-06-11")],
    ids=["a Saturday", "Martin Luther King Day", "a session"],
)
def test_a_day_without_a_moment_meets_its_own_session_or_the_next(day, session):
    assert session_of(day) == session


def test_after_fridays_close_monday_reacts():
    assert session_of("2025-06-13", "2025-06-13T20:30:00Z") == "2025-06-16"


def test_an_event_dated_after_the_day_is_not_known_yet():
    seed = a_seed({"event_date": "2025-06-10"}, {"event_date": "2025-06-11"}, {"event_date": "2025-06-12"})
    found = events_frame(seed, sessions(date(2025, 6, 2), date(2025, 6, 30)), date(2025, 6, 11))
    assert found["event_id"].tolist() == ["event-0", "event-1"]


def test_an_event_waits_for_its_session():
    seed = a_seed({"event_date": "2025-06-11", "event_ts_utc": "2025-06-11T20:30:00Z"}, {"event_date": "2025-06-11"})
    as_of = date(2025, 6, 11)
    assert events_frame(seed, sessions(date(2025, 6, 2), as_of), as_of)["event_id"].tolist() == ["event-1"]
    as_of = date(2025, 6, 12)
    assert len(events_frame(seed, sessions(date(2025, 6, 2), as_of), as_of)) == 2


def test_an_event_before_the_first_session_has_no_session():
    seed = a_seed({"event_date": "2025-05-30"}, {"event_date": "2025-06-02"})
    found = events_frame(seed, sessions(date(2025, 6, 2), date(2025, 6, 30)), LATE)
    assert found["event_id"].tolist() == ["event-1"]


def test_without_sessions_there_are_no_events():
    none = sessions(date(2025, 6, 2), date(2025, 6, 30)).iloc[:0]
    assert events_frame(a_seed({}), none, LATE).empty


def test_rows_are_ordered_by_moment_and_have_the_contracts_columns():
    seed = a_seed(
        {"event_date": "2025-06-11", "event_ts_utc": "2025-06-11T12:00:00Z"},
        {"event_date": "2025-06-12"},
        {"event_date": "2025-06-11"},
    )
    found = events_frame(seed, sessions(date(2025, 6, 2), date(2025, 6, 30)), LATE)
    assert found["event_id"].tolist() == ["event-2", "event-0", "event-1"]
    assert list(found.columns) == list(contracts()["core.events"].columns)
    assert found["event_at"].tolist()[1] == stamp("2025-06-11 12:00")
    assert found["event_at"].isna().tolist() == [True, False, True]
    assert found["added_on"].tolist() == [stamp("2026-11-24")] * 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event_date": "11.06.2025"}, "malformed event_date"),
        ({"event_date": "2025-02-30"}, "malformed event_date"),
        ({"event_date": "2025-6-11"}, "malformed event_date"),
        ({"added_on": "today"}, "malformed added_on"),
        ({"event_ts_utc": "2025-06-11T17:00:00"}, "malformed event_ts_utc"),
        ({"event_ts_utc": "2025-06-11T13:00:00-04:00"}, "malformed event_ts_utc"),
        ({"event_ts_utc": "2024-06-11T17:00:00Z"}, "another day than its event_date"),
        ({"event_type": "rumour"}, "unknown event_type; use one of model_release, product"),
        ({"event_id": "event-0"}, "repeats an event_id"),
        ({"event_id": ""}, "no event_id"),
        ({"event_date": ""}, "no event_date"),
        ({"source_url": None}, "no source_url"),
        ({"market_relevance": " "}, "no market_relevance"),
    ],
    ids=str,
)
def test_a_wrong_line_is_refused_by_its_number(change, said):
    # The header is line 1, so the second event stands on line 3.
    seed = pd.DataFrame([an_event(event_id="event-0"), an_event(event_id="event-1") | change])
    with pytest.raises(WrongSeed, match=f"^line 3 .*{said}"):
        events_frame(seed, sessions(date(2025, 6, 2), date(2025, 6, 30)), LATE)


def test_a_missing_column_is_refused():
    with pytest.raises(WrongSeed, match="line 1 has no column source_url; add it"):
        events_frame(a_seed({}).drop(columns="source_url"), sessions(date(2025, 6, 2), date(2025, 6, 30)), LATE)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [*lines[:2], "", *lines[2:]], "line 3 has no event_id"),
        (lambda lines: [*lines[:2], lines[2].rsplit(",", 1)[0]], "line 3 has no added_on"),
        (lambda lines: [*lines[:2], lines[2] + ",more"], "line 3, saw 10; quote"),
        (lambda lines: [lines[0], *(line + ",more" for line in lines[1:])], "line 2 "),
    ],
    ids=["blank line", "short line", "long line", "long lines only"],
)
def test_a_damaged_file_is_refused_by_line(tmp_path, damage, said):
    file = tmp_path / "events.csv"
    lines = a_seed({}, {}).to_csv(index=False).splitlines()
    file.write_text("\n".join(damage(lines)) + "\n")
    with pytest.raises(WrongSeed, match=said):
        events_frame(file, sessions(date(2025, 6, 2), date(2025, 6, 30)), LATE)


@pytest.fixture(scope="module")
def shipped():
    return events_frame(SEED_FILE, sessions(date(2022, 1, 3), date(2026, 11, 23)), LATE).set_index("event_id")


def test_the_shipped_seed_is_sorted_and_sourced(shipped):
    lines = pd.read_csv(SEED_FILE, dtype=str, keep_default_na=False)
    assert len(lines) == len(shipped) >= 30
    assert lines["event_date"].is_monotonic_increasing
    assert lines["event_date"].min() >= "2022"
    assert lines["event_id"].str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    assert lines["source_url"].str.fullmatch(r"https://[a-z0-9.-]+/\S*").all()
    assert (lines["event_date"] <= lines["added_on"]).all()
    assert not lines.apply(lambda column: column.str.strip() != column).any(axis=None)


def test_results_and_their_capex_carry_a_moment_outside_the_session(shipped):
    results = shipped[shipped.index.str.contains("-results-")]
    assert len(results) >= 10
    assert results["event_at"].notna().all()
    assert (results["session_date"] > results["event_date"]).all()


@pytest.mark.parametrize(
    ("event", "session"),
    [
        ("nvidia-results-2024q1", "2023-05-25"),
        ("deepseek-r1", "2025-01-21"),
        ("deepseek-sell-off", "2025-01-27"),
        ("meta-results-2025q3", "2025-10-30"),
        ("microsoft-results-2026q2", "2026-01-29"),
        ("anthropic-cowork-plugins", "2026-01-30"),
        ("anthropic-cobol", "2026-02-23"),
    ],
)
def test_well_known_events_meet_the_session_that_reacted(shipped, event, session):
    assert shipped.loc[event, "session_date"] == stamp(session)


def test_what_was_entered_later_is_not_hidden_from_earlier_days():
    # An event can be found relevant only afterwards: `added_on` tells, and does not filter.
    found = events_frame(SEED_FILE, sessions(date(2022, 1, 3), date(2026, 2, 5)), date(2026, 2, 5))
    assert len(found) > 30
    assert found["event_date"].max() <= stamp("2026-02-05")
    assert found["session_date"].max() <= stamp("2026-02-05")
