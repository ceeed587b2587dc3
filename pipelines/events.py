"""AI events from a hand-checked seed, each with the first New York session that could react. Pure functions of frames.

Results carry the moment of their release or, where only that is certain, the start of the conference call.
"""

from datetime import date
from pathlib import Path

import pandas as pd

from pipelines.contracts import contracts
from pipelines.settings import PROJECT

SEED_FILE = PROJECT / "warehouse" / "seeds" / "ai_events.csv"
TEXTS = ["event_id", "organization", "subject", "event_type", "market_relevance", "source_url"]
DAYS = ["event_date", "added_on"]
MOMENT = "event_ts_utc"
FORMS = {"%Y-%m-%d": "YYYY-MM-DD", "%Y-%m-%dT%H:%M:%SZ": "YYYY-MM-DDThh:mm:ssZ"}
DAY_FORM, MOMENT_FORM = FORMS


class WrongSeed(ValueError):
    """The seed has a line that is no event: says which line, what is wrong and what to do."""


def events_frame(seed: pd.DataFrame | Path | str, sessions: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Rows of `core.events` by moment, of the events until `as_of` whose session is among `sessions`.

    `sessions` holds date, open_at and close_at (naive UTC), sorted. Events before its first day are left out, since
    the session that could react first is not among them. Raises WrongSeed.
    """
    events = checked(seed if isinstance(seed, pd.DataFrame) else read_seed(seed))
    events = events[events["event_date"] <= pd.Timestamp(as_of)]
    # Every session closes before its UTC day ends, so a day without a moment may count from its first instant.
    moments = events.assign(moment=events["event_at"].fillna(events["event_date"]))
    reactions = pd.merge_asof(
        moments.sort_values("moment", kind="stable"),
        sessions[["date", "close_at"]].rename(columns={"date": "session_date"}),
        left_on="moment",
        right_on="close_at",
        direction="forward",
        allow_exact_matches=False,
    )
    reached: pd.Series = reactions["session_date"].notna() & (reactions["moment"] >= sessions["date"].min())
    return reactions.loc[reached, list(contracts()["core.events"].columns)].reset_index(drop=True)


def read_seed(path: Path | str) -> pd.DataFrame:
    """The file as text; a blank line is a line, so that errors count as an editor does."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except pd.errors.ParserError as error:
        raise WrongSeed(f"{str(error).strip()}; quote fields that hold commas") from error


def checked(seed: pd.DataFrame) -> pd.DataFrame:
    """The seed in the contract's names and types; raises WrongSeed at the first line that is no event."""
    if missing := [name for name in [*TEXTS, *DAYS, MOMENT] if name not in seed]:
        raise WrongSeed(f"line 1 has no column {missing[0]}; add it to the header and to every line")
    seed = seed.fillna("")
    for name in [*TEXTS, *DAYS]:
        refuse(seed[name].str.strip() == "", f"has no {name}", "fill it in")
    types = contracts()["core.events"].columns["event_type"].values or []
    refuse(~seed["event_type"].isin(types), "has an unknown event_type", f"use one of {', '.join(types)}")
    refuse(seed["event_id"].duplicated(), "repeats an event_id", "give it another one or remove the line")
    days = {name: instants(seed[name], DAY_FORM) for name in DAYS}
    event_at = instants(seed[MOMENT], MOMENT_FORM)
    # The announcer's day and the UTC day may differ by one.
    apart = (event_at.dt.normalize() - days["event_date"]).abs() > pd.Timedelta(days=1)
    refuse(apart, f"has an {MOMENT} of another day than its event_date", "correct one of them")
    return seed[TEXTS].assign(**days, event_at=event_at)


def instants(texts: pd.Series, form: str) -> pd.Series:
    """Naive instants read from text in exactly this form, missing where the text is empty."""
    read = pd.to_datetime(texts, format=form, errors="coerce").astype("datetime64[us]")
    # A form also matches numbers without their leading zero: only what it would write itself is right.
    wrong = (texts != "") & (read.dt.strftime(form) != texts)
    refuse(wrong, f"has a malformed {texts.name}", f"write it as {FORMS[form]}")
    return read


def refuse(wrong: pd.Series, problem: str, remedy: str) -> None:
    """Raise WrongSeed naming the first wrong line of the file, whose header is line 1."""
    if wrong.any():
        raise WrongSeed(f"line {int(wrong.to_numpy().argmax()) + 2} {problem}; {remedy}")
