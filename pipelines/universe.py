"""The watched universe: instruments, baskets and pairs, read from `universe.yaml`."""

import re
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from pipelines.settings import WrongSettings, variable
from pipelines.sources import SOURCES
from pipelines.sources.base import Series, datasets_of
from pipelines.strict import Strict, read_yaml

UNIVERSE_FILE = Path(__file__).with_name("universe.yaml")
BASKET_PREFIX = "basket:"
# Sessions from an event to the last one its market model is estimated from: event windows begin after it.
ESTIMATION_END = -11
INSTRUMENT_COLUMNS = [
    "symbol",
    "name",
    "kind",
    "calendar",
    "is_correlation_base",
    "daily_source",
    "hourly_source",
    "cross_check_tolerance",
]


def as_list(value: object) -> object:
    """One source may be written without brackets."""
    return [value] if isinstance(value, str) else value


def plain(symbol: str) -> str:
    """A symbol stands in addresses and queries, so that nothing else may be meant by it; raises ValueError."""
    if ".." in symbol or not re.fullmatch(r"[.^=_-]*[A-Za-z0-9][A-Za-z0-9.^=_-]*", symbol):
        raise ValueError(f"{symbol!r} is no symbol; write it with letters, digits and . ^ = _ - only")
    return symbol


def plain_parts(vendor_symbol: str) -> str:
    """A vendor's symbol may have parts, such as stocks/MSFT at Nasdaq."""
    return "/".join(plain(part) for part in vendor_symbol.split("/"))


Symbol = Annotated[str, AfterValidator(plain)]
VendorSymbol = Annotated[str, AfterValidator(plain_parts)]
# Dataset to the sources it is asked from: the first is used, the others stand beside it as a cross-check.
Datasets = dict[str, Annotated[list[str], BeforeValidator(as_list)]]


class Instrument(Strict):
    """Something to watch. `datasets` adds to, or overrides, what its kind is asked for; `[]` asks nobody.

    A `market` has no price of its own, such as all of crypto.
    """

    name: str
    kind: Literal["equity", "etf", "index", "crypto", "market"]
    vendor_symbols: dict[str, VendorSymbol] = {}
    datasets: Datasets = {}


class Basket(Strict):
    """A named group, held in equal weights rebalanced daily."""

    name: str
    members: list[str]


class Episode(Strict):
    """A named span of market stress, both days included; without an end it still lasts."""

    name: str
    start: date
    end: date | None = None

    @model_validator(mode="after")
    def runs_forward(self) -> "Episode":
        """A span ends after it begins."""
        if self.end and self.end < self.start:
            raise ValueError(f"the episode {self.name!r} ends on {self.end}, before it starts; swap its days")
        return self


class Universe(Strict):
    """Everything `universe.yaml` says."""

    sources: dict[str, Datasets]
    instruments: dict[Symbol, Instrument]
    baskets: dict[Symbol, Basket]
    correlation_bases: list[str]
    correlation_windows: list[Annotated[int, Field(ge=4)]] = [30, 90]
    cross_check_tolerance: dict[str, float] = {}
    loss_windows: list[Annotated[int, Field(ge=1)]] = [5, 7, 21]
    price_levels: dict[str, list[float]] = {}
    episodes: dict[Symbol, Episode] = {}
    event_symbols: list[str] = []
    event_windows: Annotated[list[tuple[int, int]], Field(min_length=1)] = [(0, 1)]

    @model_validator(mode="after")
    def members_exist(self) -> "Universe":
        """A basket, a base or a price level may only name instruments of this file."""
        named = {s for b in self.baskets.values() for s in b.members} | {*self.correlation_bases, *self.price_levels}
        if unknown := sorted(named - set(self.instruments)):
            raise ValueError(f"universe.yaml names {unknown} but lists no such instrument; add it there")
        return self

    @model_validator(mode="after")
    def episodes_are_no_periods(self) -> "Universe":
        """An episode stands in one column with the periods that are always there."""
        if taken := sorted({"full", "rolling", "running_peak"} & set(self.episodes)):
            raise ValueError(f"universe.yaml calls an episode {taken[0]!r}, which names a period; choose another name")
        return self

    @model_validator(mode="after")
    def event_symbols_exist(self) -> "Universe":
        """An event study may be of instruments and baskets of this file."""
        known = {*self.instruments, *(BASKET_PREFIX + key for key in self.baskets)}
        if unknown := sorted(set(self.event_symbols) - known):
            raise ValueError(f"universe.yaml studies events of {unknown}, neither instrument nor basket of it; add it")
        return self

    @model_validator(mode="after")
    def event_windows_are_possible(self) -> "Universe":
        """A window begins after the estimation and runs forward."""
        for start, end in self.event_windows:
            if not ESTIMATION_END < start <= end:
                raise ValueError(
                    f"universe.yaml has the event window [{start}, {end}]; it must begin at {ESTIMATION_END + 1} or"
                    " later and end no earlier than it begins"
                )
        return self

    @model_validator(mode="after")
    def event_studies_are_listed_once(self) -> "Universe":
        """Each symbol and window is a key of the table."""
        for name, listed in (("event_symbols", self.event_symbols), ("event_windows", self.event_windows)):
            if len(set(listed)) < len(listed):
                raise ValueError(f"universe.yaml repeats one of its {name}; remove the second")
        return self

    def series(self, source: str) -> list[Series]:
        """What is asked from one source, in the file's order."""
        found = []
        for symbol, instrument in self.instruments.items():
            vendor_symbol = instrument.vendor_symbols.get(source, symbol)
            found += [Series(symbol, vendor_symbol, d) for d, s in self.datasets(instrument).items() if source in s]
        return found

    def datasets(self, instrument: Instrument) -> Datasets:
        """Dataset to sources of one instrument: its kind's, with its own on top."""
        return {**self.sources[instrument.kind], **instrument.datasets}

    def instruments_frame(self) -> pd.DataFrame:
        """Rows of `core.instruments`: the single instruments, then the baskets."""
        single = [self._instrument_row(symbol, i) for symbol, i in self.instruments.items()]
        baskets = [
            (BASKET_PREFIX + key, b.name, "basket", self._calendar(b), False, None, None, None)
            for key, b in self.baskets.items()
        ]
        return pd.DataFrame([*single, *baskets], columns=INSTRUMENT_COLUMNS)

    def _instrument_row(self, symbol: str, instrument: Instrument) -> tuple[str | bool | float | None, ...]:
        asked = self.datasets(instrument)
        sources = [next(iter(asked.get(dataset, [])), None) for dataset in ("daily_bars", "hourly_bars")]
        is_base = symbol in self.correlation_bases
        tolerance = self.cross_check_tolerance.get(instrument.kind)
        return (symbol, instrument.name, instrument.kind, self.calendar(symbol), is_base, *sources, tolerance)

    def calendar(self, symbol: str) -> str:
        """The exchange an instrument trades at, or round the clock."""
        return "24/7" if self.instruments[symbol].kind in ("crypto", "market") else "XNYS"

    def basket_members_frame(self) -> pd.DataFrame:
        """Rows of `core.basket_members`: basket symbol and member symbol."""
        rows = [(BASKET_PREFIX + key, member) for key, b in self.baskets.items() for member in b.members]
        return pd.DataFrame(rows, columns=["basket", "symbol"])

    def correlation_windows_frame(self) -> pd.DataFrame:
        """Rows of `core.correlation_windows`; a window named twice is one."""
        return pd.DataFrame({"window_sessions": sorted(set(self.correlation_windows))})

    def loss_windows_frame(self) -> pd.DataFrame:
        """Rows of `core.loss_windows`; a window named twice is one."""
        return pd.DataFrame({"n_days": sorted(set(self.loss_windows))})

    def price_levels_frame(self) -> pd.DataFrame:
        """Rows of `core.price_levels`: symbol and level."""
        rows = [(symbol, level) for symbol, levels in self.price_levels.items() for level in levels]
        return pd.DataFrame(rows, columns=["symbol", "level"])

    def named_episodes_frame(self) -> pd.DataFrame:
        """Rows of `core.named_episodes`."""
        rows = [(key, e.name, e.start, e.end) for key, e in self.episodes.items()]
        frame = pd.DataFrame(rows, columns=["episode", "name", "start_date", "end_date"])
        return frame.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"})

    def _calendar(self, basket: Basket) -> str:
        return "24/7" if {self.calendar(m) for m in basket.members} == {"24/7"} else "XNYS"


def load_universe(path: Path | None = None) -> Universe:
    """The universe of a file, else of SCARETRADE_UNIVERSE, else of this folder; raises WrongSettings."""
    return _read(path or Path(variable("SCARETRADE_UNIVERSE") or UNIVERSE_FILE))


@cache
def _read(path: Path) -> Universe:
    universe = read_universe(path)
    for symbol, instrument in universe.instruments.items():
        for dataset, named in universe.datasets(instrument).items():
            for source in named:
                refuse_unknown(symbol, dataset, source)
    return universe


def read_universe(path: Path) -> Universe:
    """The document of a file; raises WrongSettings with the first thing that is wrong in it."""
    try:
        return Universe.model_validate(read_yaml(path))
    except OSError as error:
        reason = str(error.strerror)
    except yaml.YAMLError as error:
        reason = f"it is no YAML: {error}"
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        reason = f"{where}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")
    raise WrongSettings(f"the universe {path}: {reason}. Next: correct it there, or set SCARETRADE_UNIVERSE")


def refuse_unknown(symbol: str, dataset: str, source: str) -> None:
    """A series may only be asked from a source that exists and gives it; raises WrongSettings."""
    if source not in SOURCES:
        near = ", ".join(get_close_matches(source, SOURCES, n=1)) or ", ".join(SOURCES)
        raise WrongSettings(f"universe.yaml asks {symbol} {dataset} from {source}, no source here. Next: {near}")
    given = datasets_of(SOURCES[source])
    if given and dataset not in given:
        gives = ", ".join(given)
        raise WrongSettings(f"universe.yaml asks {symbol} {dataset} from {source}. Next: ask it for {gives} only")
