"""The vendors as a table: what each feeds, its keys and terms, and, from the published file, how it fares."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
from duckdb import DuckDBPyConnection

from pipelines.contracts import contracts
from pipelines.keys import key_in_use, missing_key
from pipelines.query import QueryError, connect
from pipelines.sources import SOURCES
from pipelines.sources.base import Series, datasets_of, days_behind, keys_of
from pipelines.universe import load_universe


def sources_frame() -> pd.DataFrame:
    """Rows of `quality.sources`."""
    return pd.DataFrame(
        {
            "source": name,
            "description": first_sentence(source.__doc__ or ""),
            "feeds": feeds(name),
            "keys": ", ".join(key.variable for key in keys_of(source)),
            "terms": source.TERMS,
            "days_behind": days_behind(source),
        }
        for name, source in SOURCES.items()
    )


def feeds(source: str) -> str:
    """Datasets asked from a source, with how many series."""
    return counted(load_universe().series(source))


def counted(series: list[Series]) -> str:
    """The datasets of some series, with how many of each."""
    return ", ".join(f"{dataset} ({n})" for dataset, n in Counter(s.dataset for s in series).items())


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    # An abbreviation such as St. does not end a sentence.
    return re.split(r"(?<=[a-z0-9)]{3})\. (?=[A-Z])", " ".join(text.split()))[0].rstrip(".")


# The newest run of a source says what fails now; what an earlier one says may have healed since.
FARED = """
with judged as (
    select *, outcome not in ('ok', 'empty') as failed, load_id = max(load_id) over (partition by source) as is_newest
    from quality.loads
)
select
    source,
    max(known_at) filter (not failed) as last_success,
    max(known_at) filter (failed) as last_failure,
    count(*) filter (is_newest) as n_asked,
    count(*) filter (failed and is_newest) as n_failing,
    last(reason order by outcome <> 'not_asked', symbol desc) filter (failed and is_newest) as why
from judged where outcome <> 'skipped' group by source
"""
FARED_COLUMNS = ("last_success", "last_failure", "n_asked", "n_failing", "why")


def sources_report(home: Path) -> pd.DataFrame:
    """Each source with what it feeds, its key's presence, terms, last success, newest data, last failure and its
    reason while it lasts; `data` says whether the published file is of the simulated market or of vendors."""
    known = pd.DataFrame(
        {
            "source": name,
            "description": first_sentence(source.__doc__ or ""),
            "feeds": feeds(name),
            "key": key_state(name),
            "terms": source.TERMS,
        }
        for name, source in SOURCES.items()
    )
    try:
        with connect(home) as connection:
            fared, newest = connection.execute(FARED).df(), connection.execute(newest_query(connection)).df()
            (data,) = connection.execute("select value from meta where key = 'data'").fetchall()[0]
    except QueryError:
        return known.assign(data=None, newest_date=None, **dict.fromkeys(FARED_COLUMNS))
    return known.assign(data=data).merge(newest, on="source", how="left").merge(fared, on="source", how="left")


def newest_query(connection: DuckDBPyConnection) -> str:
    """The newest day of each source in the raw tables; a file published before one of them was added lacks it."""
    published = connection.execute("select table_name from information_schema.tables where table_schema = 'raw'")
    found = [contracts()[f"raw.{name}"] for (name,) in published.fetchall() if f"raw.{name}" in contracts()]
    tables = [contract for contract in found if contract.keeps_versions]
    days = " union all ".join(f"select source, {table.day_column}::date as day from {table.name}" for table in tables)
    return f"select source, max(day) as newest_date from ({days}) group by source"


def lines(report: pd.DataFrame) -> list[str]:
    """The report for people: a short block a source."""
    said = [headline(report["data"].iloc[0])]
    row: Any
    for row in report.itertuples():
        newest = "" if pd.isna(row.newest_date) else f", newest data {str(row.newest_date)[:10]}"
        said += [
            f"{row.source}: {row.description}",
            f"  feeds         {row.feeds or use(row.source)}",
            f"  key           {row.key}",
            f"  terms         {row.terms}",
            f"  last success  {instant(row.last_success)}{newest}",
            f"  last failure  {failure(row)}",
            "",
        ]
    return said[:-1]


def headline(data: str | None) -> str:
    """What the successes below are of."""
    return {
        "simulated": "SIMULATED sample data: successes and failures below are of the simulated market.\n",
        "vendors": "As of the last published run.\n",
    }.get(data or "", "Nothing is published yet. Next: run `make run` (sample) or `make live`\n")


def use(name: str) -> str:
    """How to have a source asked that is not."""
    dataset = next(iter(datasets_of(SOURCES[name])), "<table of raw>")
    example = f"datasets: {{{dataset}: {name}}}"
    return f"nothing; to ask it, add `{example}` to an instrument's line in pipelines/universe.yaml"


def failure(row: Any) -> str:
    """When a source last failed, and, while it does, for how many series, why and what to do."""
    if pd.isna(row.last_failure):
        return "never"
    if not row.n_failing:
        return f"{instant(row.last_failure)}; it has answered since"
    step = "" if "Next:" in row.why else ". Next: run again; `scaretrade status` says what is late"
    return f"{instant(row.last_failure)}, {row.n_failing:.0f} of {row.n_asked:.0f} series: {row.why}{step}"


def instant(value: Any) -> str:
    """A moment, or never."""
    return "never" if pd.isna(value) else f"{value:%Y-%m-%d %H:%M} UTC"


def key_state(name: str) -> str:
    """Which key is set, which could be, and what a live run leaves out without it."""
    source = SOURCES[name]
    left_out: dict[str, list[Series]] = defaultdict(list)
    named, used = load_universe().series(name), key_in_use(source)
    for one in named:
        if reason := missing_key(source, one):
            left_out[reason].append(one)
    missing = [f"{reason}, so a live run leaves out {counted(series)}" for reason, series in left_out.items()]
    if used or missing:
        return "; ".join([*([f"{used[0].variable} is set"] if used else []), *missing])
    keys = " or ".join(key.variable for key in keys_of(source))
    return f"{keys} is not set{', and need not be' if named else ''}" if keys else "none needed"
