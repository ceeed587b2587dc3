"""The same tables by a pandas script, which reads what was ingested and stores its tables in a DuckDB file too."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipelines.contracts import contracts
from pipelines.correlations import alternative_correlations
from pipelines.regimes import correlation_regimes
from pipelines.stress import stress_correlations
from pipelines.warehouse import table_ddl
from tests.bench import pandas_core as core
from tests.bench import pandas_marts as marts
from tests.bench.market import opened
from tests.bench.meter import Meter, peak_mb, results

BARS = "select symbol, date, open, high, low, close, volume, source, known_at, load_id from raw.daily_bars"
EVENTS = "select symbol, date, source, {} from raw.{}"
HEADLINE = ["base_symbol", "other_symbol", "window_sessions", "date", "correlation", "ci_low", "ci_high"]


def measured(file: Path) -> dict[str, object]:
    """Costs, memory and results of making every table."""
    meter = Meter()
    with opened(file) as warehouse:

        def read(query: str, table: str) -> pd.DataFrame:
            with meter.measuring(table, "move"):
                return warehouse.frame(query)

        def made(table: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
            with meter.measuring(table, "make"):
                frame = make()
            with meter.measuring(table, "move"):
                warehouse.execute(table_ddl(contracts()[table], f"create or replace table {table}"))
                warehouse.insert(table, frame[[c for c in frame.columns if c in contracts()[table].columns]])
            return frame

        build_all(read, made)
        return {"costs": meter.costs, "peak_mb": peak_mb(), "results": results(warehouse)}


def build_all(
    read: Callable[[str, str], pd.DataFrame], made: Callable[[str, Callable[[], pd.DataFrame]], pd.DataFrame]
) -> None:
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

    made("core.restatements", lambda: core.restatements(bars))
    prices = made("core.prices", lambda: core.prices(bars, dividends, splits, instruments, members))
    del bars
    closes = made("core.session_closes", lambda: core.session_closes(hours, sessions))
    returns = made("core.returns", lambda: core.returns(prices, closes, sessions, instruments))
    made("core.market_caps", lambda: core.market_caps(prices, shares))
    pairs = made("core.benchmark_pairs", lambda: core.benchmark_pairs(returns, sessions, instruments))
    others = made("core.alternative_correlations", lambda: alternative_correlations(pairs, lengths))
    daily = made("marts.drawdowns", lambda: marts.drawdowns(prices, instruments))
    del prices
    made("marts.drawdown_episodes", lambda: marts.episodes(daily))
    legs = marts.stress_legs(returns, instruments, daily)
    del daily
    made("marts.stress_correlations", lambda: stress_correlations(legs, named))
    rolled = made("marts.correlations", lambda: marts.correlations(returns, instruments, others, lengths))
    del returns
    made("marts.lead_lag_correlations", lambda: marts.lead_lag(pairs, sessions, lengths))
    made("marts.correlation_regimes", lambda: correlation_regimes(headline(rolled)))


def headline(rolled: pd.DataFrame) -> pd.DataFrame:
    """The correlations that regimes are made of, in their order."""
    chosen = rolled.loc[(rolled["alignment"] == "exchange_close") & (rolled["method"] == "pearson"), HEADLINE]
    return chosen.sort_values(HEADLINE[:4], ignore_index=True)
