"""What one source gave in one run, before anything of it is stored."""

from dataclasses import dataclass, field

import pandas as pd

from pipelines.contracts import Contract, contracts
from pipelines.landing import Landed
from pipelines.quality import CheckOutcome
from pipelines.settings import Run
from pipelines.sources.base import Outcome, Series, Window

NOT_ASKED, SKIPPED, LOST, FORGOTTEN = "not_asked", "skipped", "lost", "forgotten"


@dataclass
class SeriesLoad:
    """What became of one series."""

    series: Series
    window: Window
    outcome: str = Outcome.OK
    reason: str | None = None
    parsed: int = 0
    running: int = 0
    rejected: int = 0
    written: int = 0

    @property
    def failed(self) -> bool:
        """Whether the series gave no usable answer."""
        return self.outcome not in (Outcome.OK, Outcome.EMPTY, SKIPPED)


@dataclass
class Batch:
    """Payloads, rows by series and raw table, and each series' fate."""

    source: str
    run: Run
    loads: dict[Series, SeriesLoad] = field(default_factory=dict)
    landed: list[Landed] = field(default_factory=list)
    frames: dict[tuple[Series, str], list[pd.DataFrame]] = field(default_factory=dict)
    checks: list[tuple[str, CheckOutcome]] = field(default_factory=list)

    @property
    def failures(self) -> list[SeriesLoad]:
        """Series that gave no usable answer."""
        return [load for load in self.loads.values() if load.failed]

    @property
    def tables(self) -> list[str]:
        """Raw tables that the batch has rows for."""
        return sorted({table for _, table in self.frames})

    def add(self, series: Series, parsed: dict[str, pd.DataFrame], payload_id: str) -> None:
        """Collect a payload's rows, leaving out bars that have not ended: the next run reads them whole."""
        load = self.loads[series]
        for dataset, frame in parsed.items():
            contract = contracts()[f"raw.{dataset}"]
            ended = frame[~is_running(contract, frame, load.window, is_now=self.run.is_now)]
            load.parsed += len(frame)
            load.running += len(frame) - len(ended)
            if len(ended):
                self.frames.setdefault((series, f"raw.{dataset}"), []).append(ended.assign(payload_id=payload_id))

    def drop(self, series: Series) -> None:
        """Forget the rows of a series that came only in part, or will be asked again."""
        self.frames = {key: frames for key, frames in self.frames.items() if key[0] != series}

    def rows(self, table: str, load_id: int) -> pd.DataFrame:
        """All rows of one raw table, with where and when they came from."""
        frames = [f for (_, name), found in self.frames.items() if name == table for f in found]
        known_at = pd.Timestamp(self.run.now.replace(tzinfo=None))
        whole = pd.concat(frames, ignore_index=True)
        return whole.assign(source=self.source, known_at=known_at, load_id=load_id)

    def fed_by(self, table: str, symbol: str) -> SeriesLoad:
        """The series that a symbol's rows of a table came from."""
        return next(self.loads[s] for s, name in self.frames if name == table and s.symbol == symbol)


def is_running(contract: Contract, frame: pd.DataFrame, window: Window, *, is_now: bool) -> pd.Series:
    """Rows after the window: of a day that has begun but not ended.

    Beyond today they are faults and stay in to be rejected, unless an as-of day was given: then vendors know later.
    """
    if contract.day_column not in frame or (contract.is_snapshot and is_now):
        return pd.Series(False, index=frame.index)
    day = frame["date" if contract.is_snapshot else contract.day_column]
    after = day >= pd.Timestamp(window.until) + pd.Timedelta(days=1)
    if contract.is_snapshot:
        return after
    return after & (day < pd.Timestamp(window.now.date()) + pd.Timedelta(days=1)) if is_now else after
