"""The same tables by a pandas script, which reads what was ingested and stores its tables in a DuckDB file too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.contracts import contracts
from pipelines.correlations import alternative_correlations
from pipelines.regimes import correlation_regimes
from pipelines.stress import stress_correlations
from pipelines.warehouse import table_ddl
from tests.bench import pandas_core as core
from tests.bench import pandas_marts as marts
from tests.bench.market import opened
from tests.bench.meter import Meter, results

BARS = "select symbol, date, open, high, low, close, volume, source, known_at, load_id from raw.daily_bars"
EVENTS = "select symbol, date, source, {} from raw.{}"
HEADLINE = ["base_symbol", "other_symbol", "window_sessions", "date", "correlation", "ci_low", "ci_high"]


def measured(file: str) -> dict[str, object]:
    """Costs, memory and results of making every table."""
    meter = Meter()
    with opened(Path(file)) as warehouse:

        def read(query: str, table: str) -> pd.DataFrame:
            with meter.measuring(table, "move"):
                return warehouse.frame(query)

        def made(table: str, make: Callable[..., pd.DataFrame], *inputs: Any) -> pd.DataFrame:
            with meter.measuring(table, "make"):
                frame = make(*inputs)
            with meter.measuring(table, "move"):
                warehouse.execute(table_ddl(contracts()[table], f"create or replace table {table}"))
                warehouse.insert(table, frame[[c for c in frame.columns if c in contracts()[table].columns]])
            return frame

        build_all(read, made)
        return {"costs": meter.costs, "results": results(warehouse)}


def build_all(read: Callable[[str, str], pd.DataFrame], made: Callable[..., pd.DataFrame]) -> None:
    """Every table once, frames let go as soon as nothing needs them."""
    instruments, members, sessions, shares, named, windows = (
        read(f"select * from core.{name}", "core.prices")
        for name in (
            "instruments",
            "basket_members",
            "sessions",
            "shares_outstanding",
            "named_episodes",
            "correlation_windows",
        )
    )
    lengths = windows["window_sessions"].tolist()
    bars = read(BARS, "core.prices")
    dividends = read(EVENTS.format("amount_usd", "dividends"), "core.prices")
    splits = read(EVENTS.format("numerator, denominator", "splits"), "core.prices")
    hours = read("select symbol, start_at, close, source from raw.hourly_bars", "core.session_closes")

    made("core.restatements", core.restatements, bars)
    prices = made("core.prices", core.prices, bars, dividends, splits, instruments, members)
    del bars
    closes = made("core.session_closes", core.session_closes, hours, sessions)
    returns = made("core.returns", core.returns, prices, closes, sessions, instruments)
    made("core.market_caps", core.market_caps, prices, shares)
    pairs = made("core.benchmark_pairs", core.benchmark_pairs, returns, sessions, instruments)
    others = made("core.alternative_correlations", alternative_correlations, pairs, lengths)
    daily = made("marts.drawdowns", marts.drawdowns, prices, instruments)
    del prices
    made("marts.drawdown_episodes", marts.episodes, daily)
    made("marts.stress_correlations", stress, returns, instruments, daily, named)
    del daily
    rolled = made("marts.correlations", marts.correlations, returns, instruments, others, lengths)
    del returns
    made("marts.lead_lag_correlations", marts.lead_lag, pairs, sessions, lengths)
    made("marts.correlation_regimes", regimes, rolled)


def stress(*inputs: pd.DataFrame) -> pd.DataFrame:
    """marts.stress_correlations, by the project's own function, which is vectorised pandas already."""
    *legs, named = inputs
    return stress_correlations(marts.stress_legs(*legs), named)


def regimes(rolled: pd.DataFrame) -> pd.DataFrame:
    """marts.correlation_regimes, by the project's own function too, from its correlations in their order."""
    chosen = rolled.loc[(rolled["alignment"] == "exchange_close") & (rolled["method"] == "pearson"), HEADLINE]
    return correlation_regimes(chosen.sort_values(HEADLINE[:4], ignore_index=True))
