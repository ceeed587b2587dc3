"""The watched universe: instruments, baskets and pairs, read from `universe.yaml`."""

from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from pipelines.sources.base import Series

UNIVERSE_FILE = Path(__file__).with_name("universe.yaml")
BASKET_PREFIX = "basket:"


class Strict(BaseModel):
    """A misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Instrument(Strict):
    """Something with a price. `datasets` adds to, or overrides, what its kind is asked for."""

    name: str
    kind: Literal["equity", "etf", "index", "crypto"]
    vendor_symbols: dict[str, str] = {}
    datasets: dict[str, str] = {}


class Basket(Strict):
    """A named group, held in equal weights rebalanced daily."""

    name: str
    members: list[str]


class Universe(Strict):
    """Everything `universe.yaml` says."""

    sources: dict[str, dict[str, str]]
    instruments: dict[str, Instrument]
    baskets: dict[str, Basket]
    correlation_bases: list[str]

    @model_validator(mode="after")
    def members_exist(self) -> "Universe":
        """A basket or a base may only name instruments of this file."""
        named = {s for b in self.baskets.values() for s in b.members} | set(self.correlation_bases)
        if unknown := sorted(named - set(self.instruments)):
            raise ValueError(f"universe.yaml names {unknown} but lists no such instrument; add it there")
        return self

    def series(self, source: str) -> list[Series]:
        """What is asked from one source, in the file's order."""
        found = []
        for symbol, instrument in self.instruments.items():
            vendor_symbol = instrument.vendor_symbols.get(source, symbol)
            found += [Series(symbol, vendor_symbol, d) for d, s in self.datasets(instrument).items() if s == source]
        return found

    def datasets(self, instrument: Instrument) -> dict[str, str]:
        """Dataset to source of one instrument: its kind's, with its own on top."""
        return {**self.sources[instrument.kind], **instrument.datasets}

    def instruments_frame(self) -> pd.DataFrame:
        """Rows of `core.instruments`: the single instruments, then the baskets."""
        single = [self._instrument_row(symbol, i) for symbol, i in self.instruments.items()]
        baskets = [
            (BASKET_PREFIX + key, b.name, "basket", self._calendar(b), False, None, None)
            for key, b in self.baskets.items()
        ]
        columns = ["symbol", "name", "kind", "calendar", "is_correlation_base", "daily_source", "hourly_source"]
        return pd.DataFrame([*single, *baskets], columns=columns)

    def _instrument_row(self, symbol: str, instrument: Instrument) -> tuple[str | bool | None, ...]:
        calendar = "24/7" if instrument.kind == "crypto" else "XNYS"
        sources = [self.datasets(instrument).get(dataset) for dataset in ("daily_bars", "hourly_bars")]
        is_base = symbol in self.correlation_bases
        return (symbol, instrument.name, instrument.kind, calendar, is_base, *sources)

    def basket_members_frame(self) -> pd.DataFrame:
        """Rows of `core.basket_members`: basket symbol and member symbol."""
        rows = [(BASKET_PREFIX + key, member) for key, b in self.baskets.items() for member in b.members]
        return pd.DataFrame(rows, columns=["basket", "symbol"])

    def _calendar(self, basket: Basket) -> str:
        kinds = {self.instruments[m].kind == "crypto" for m in basket.members}
        return "24/7" if kinds == {True} else "XNYS"


@cache
def load_universe(path: Path = UNIVERSE_FILE) -> Universe:
    """The universe of a file; raises pydantic's ValidationError naming the wrong key."""
    return Universe.model_validate(yaml.safe_load(path.read_text()))
