"""A warehouse in memory filled by hand: raw rows in, derived tables out."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import numpy as np
import pandas as pd

from pipelines.contracts import contracts
from pipelines.engines import build, inputs, model_names
from pipelines.settings import Profile, Run, new_run
from pipelines.warehouse import Warehouse

SOURCES = {
    "raw.daily_bars": "yahoo",
    "raw.dividends": "yahoo",
    "raw.splits": "yahoo",
    "raw.hourly_bars": "coinbase",
    "raw.onchain": "brk",
    "raw.facts": "sec",
    "raw.market_caps": "coingecko",
}
COINS = {"BTC", "ETH", "SOL", "XRP", "BNB", "ADA", "DOGE"}


def a_run(as_of: date | str, since: date | str = date(2015, 1, 1), home: Path = Path("unused")) -> Run:
    """A run as of the end of a day."""
    return new_run("test", Profile.SAMPLE, home, _day(as_of), _day(since))


def _day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


def days(first: str, n: int) -> pd.DatetimeIndex:
    """Calendar days."""
    return pd.date_range(first, periods=n)


def needed(*names: str) -> list[str]:
    """The models and everything they read, each after its inputs."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in model_names():
            found.add(name)
            waiting += inputs(name)
    return [name for name in model_names() if name in found]


class Market:
    """A warehouse as of one day. The adding methods take dates or timestamps beside equally long values."""

    def __init__(self, as_of: date | str, since: date | str = date(2015, 1, 1)) -> None:
        home = Path(mkdtemp())
        finalize(self, rmtree, home)
        self.run = a_run(as_of, since, home)
        self.warehouse = Warehouse(":memory:")
        self.built: set[str] = set()
        self.warehouse.prepare(self.run)

    def add(
        self,
        table: str,
        frame: pd.DataFrame,
        source: str | None = None,
        known_at: Any = None,
        load_id: int = 1,
    ) -> "Market":
        """Raw rows in the contract's columns, missing ones NULL. Known, unless told, when the row's day ended."""
        contract = contracts()[table]
        frame = frame.reindex(columns=list(contract.columns))
        ended = pd.to_datetime(frame[contract.day_column]).dt.normalize() + timedelta(days=1)
        is_coins = table == "raw.daily_bars" and frame["symbol"].isin(COINS).all()
        guessed = "binance" if is_coins else SOURCES[table]
        frame = frame.assign(
            source=source or guessed,
            known_at=ended if known_at is None else pd.Timestamp(known_at),
            load_id=load_id,
            payload_id="payload",
        )
        self.warehouse.insert(table, frame)
        self.built.clear()
        return self

    def bars(
        self,
        symbol: str,
        dates: Iterable[Any],
        closes: Sequence[float],
        *,
        low: Sequence[float] | None = None,
        high: Sequence[float] | None = None,
        **load: Any,
    ) -> "Market":
        """Daily bars."""
        closes = np.asarray(closes, dtype=float)
        frame = pd.DataFrame({"symbol": symbol, "date": pd.to_datetime(list(dates)), "close": closes})
        frame = frame.assign(open=closes, volume=1.0, low=closes if low is None else np.asarray(low, float))
        frame = frame.assign(high=closes if high is None else np.asarray(high, float))
        return self.add("raw.daily_bars", frame, **load)

    def hours(self, symbol: str, starts: Iterable[Any], closes: Sequence[float], **load: Any) -> "Market":
        """Hourly bars by their start (UTC)."""
        closes = np.asarray(closes, dtype=float)
        frame = pd.DataFrame({"symbol": symbol, "start_at": pd.to_datetime(list(starts)), "close": closes})
        frame = frame.assign(open=closes, high=closes, low=closes, volume=1.0)
        return self.add("raw.hourly_bars", frame, **load)

    def dividend(self, symbol: str, day: str, amount: float, **load: Any) -> "Market":
        """One cash dividend by ex-date."""
        row = {"symbol": [symbol], "date": [pd.Timestamp(day)], "amount_usd": [amount]}
        return self.add("raw.dividends", pd.DataFrame(row), **load)

    def split(self, symbol: str, day: str, numerator: float, denominator: float = 1, **load: Any) -> "Market":
        """One split by its first day on the new basis."""
        row = {
            "symbol": [symbol],
            "date": [pd.Timestamp(day)],
            "numerator": [float(numerator)],
            "denominator": [float(denominator)],
        }
        return self.add("raw.splits", pd.DataFrame(row), **load)

    def onchain(self, dates: Iterable[Any], metrics: dict[str, Sequence[float]], **load: Any) -> "Market":
        """Bitcoin's on-chain metrics; missing (NaN) values have no row, as at the vendor."""
        wide = pd.DataFrame(metrics, index=pd.Index(pd.to_datetime(list(dates)), name="date"))
        long = wide.melt(var_name="metric", ignore_index=False).dropna().reset_index().assign(symbol="BTC")
        return self.add("raw.onchain", long, **load)

    def spent(self, coins: pd.DataFrame, provider: str = "own_node", **_load: Any) -> "Market":
        """Coins spent by date, created_date and spent_sat, on whole days of a counted chain that mines nothing."""
        coins = coins.assign(provider=provider, n_outputs=1)
        sums = coins.groupby(["provider", "date"], as_index=False)[["n_outputs", "spent_sat"]].sum()
        sums = sums.assign(content_hash="hash", created_sat=sums["spent_sat"], coinbase_sat=0, fee_sat=0)
        self.warehouse.insert("raw.spent_coin_days", coins)
        self.warehouse.insert("raw.chain_days", sums.assign(first_height=0, last_height=0, n_blocks=1))
        self.built.clear()
        return self

    def build(self, *names: str) -> "Market":
        """Build these tables and everything they read, as far as rows came since."""
        for name in needed(*names):
            if name not in self.built:
                build(self.warehouse, self.run, name)
                self.built.add(name)
        return self

    def table(self, name: str, where: str = "true") -> pd.DataFrame:
        """Build a table and everything it reads; its rows in key order."""
        self.build(name)
        return self.rows(name, where)

    def rows(self, name: str, where: str = "true") -> pd.DataFrame:
        """The rows of a table that is built, in key order."""
        return self.warehouse.frame(f"select * from {name} where {where} order by {contracts()[name].quoted_grain}")


def built_market() -> Market:
    """Three series of four months that move differently, with every table built."""
    market, dates = Market("2026-02-05", "2025-10-01"), sessions_of("2025-10-01", "2026-02-05")
    for n, symbol in enumerate(["QQQ", "IGV", "MSFT"]):
        market.bars(symbol, dates, [100 + n + i % (7 + n) for i in range(len(dates))])
    return market.build(*model_names())


def sessions_of(first: str, last: str) -> pd.DatetimeIndex:
    """New York sessions between two days."""
    from pipelines.calendars import sessions

    return pd.DatetimeIndex(sessions(_day(first), _day(last))["date"])


def nulls(values: pd.Series) -> bool:
    """Whether every value is missing."""
    return bool(values.isna().all())


def stamp(day: str) -> datetime:
    """A day's midnight, as frames hold dates."""
    return pd.Timestamp(day)
