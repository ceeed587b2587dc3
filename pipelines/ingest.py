"""One source's part of a run: ask, land, parse, then store. What fails is recorded by series and named."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from pipelines.batch import Batch, SeriesLoad
from pipelines.calendars import last_complete_day, last_complete_session
from pipelines.contracts import contracts
from pipelines.landing import Landed, Landing
from pipelines.settings import Run
from pipelines.sources.answers import NETWORK_STEP
from pipelines.sources.base import Outcome, Request, Series, Source, SourceError, Window
from pipelines.sources.http import Payload, clock_skew
from pipelines.store import store
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse

OVERLAP = timedelta(days=10)
LARGEST_SKEW = timedelta(minutes=10)
NOT_ASKED = "not_asked"
# After this many series in a row, the rest of a source is left for the next run.
OUTAGES_BEFORE_GIVING_UP = 2
OUTAGES = (Outcome.AUTH, Outcome.RATE_LIMITED, Outcome.GEO_BLOCKED, Outcome.CHALLENGE, Outcome.TRANSIENT)
log = logging.getLogger("scaretrade")

Progress = Callable[[str, int, int], None]


class Getter(Protocol):
    """What fetches a request: the vendors' session."""

    def get(self, request: Request) -> Payload:
        """The vendor's answer; raises SourceError."""
        ...


def silent(source: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Ingest:
    """One source, and everything its ingestion touches."""

    source: Source
    session: Getter
    landing: Landing
    warehouse: Warehouse
    run: Run
    universe: Universe
    progress: Progress = silent

    def __call__(self) -> Batch:
        """Fetch what is new with an overlap; where the overlap was rewritten, fetch that history whole; store.

        Raises BatchRefused when the rows break a critical rule.
        """
        windows = {series: self.window(series) for series in self.universe.series(self.source.NAME)}
        batch = self.fetch(Batch(self.source.NAME, self.run), windows)
        rewritten = self.rewritten(batch)
        if rewritten:
            names = ", ".join(sorted({series.symbol for series in rewritten}))
            log.info("%s: history rewritten since the last run, asked whole: %s", self.source.NAME, names)
            for series in rewritten:
                batch.drop(series)
            self.fetch(batch, {s: replace(windows[s], since=self.run.since) for s in rewritten})
        return store(self.warehouse, batch)

    def window(self, series: Series) -> Window:
        """From `since`, or from a few days before the newest stored row, to the last completed session or day."""
        is_crypto = self.universe.instruments[series.symbol].kind == "crypto"
        until = last_complete_day(self.run.now) if is_crypto else last_complete_session(self.run.now)
        since = self.run.since
        newest, oldest_asked = known_span(self.warehouse, self.run, self.source.NAME, series)
        if newest is not None and oldest_asked is not None and oldest_asked <= since:
            since = max(since, min(newest, until) - OVERLAP)
        return Window(min(since, until), until, self.run.now)

    def fetch(self, batch: Batch, windows: dict[Series, Window]) -> Batch:
        """Ask every series; a failed one is recorded and the others go on, unless the vendor as a whole is out."""
        plan = {s: self.source.build_requests(s, w) for s, w in windows.items()}
        total, done, outages = sum(map(len, plan.values())), 0, 0
        for series, requests in plan.items():
            load = batch.loads[series] = SeriesLoad(series, windows[series])
            if outages >= OUTAGES_BEFORE_GIVING_UP:
                load.outcome, load.reason = NOT_ASKED, f"{self.source.NAME} did not answer for the series before"
                continue
            try:
                for request in requests:
                    self.take(batch, request)
                    done += 1
                    self.progress(self.source.NAME, done, total)
                load.outcome, outages = Outcome.OK if load.parsed else Outcome.EMPTY, 0
            except SourceError as error:
                load.outcome, load.reason = error.outcome, str(error)
                outages = outages + self.outage(error)
                batch.drop(series)
                log.warning("%s", error)
        return batch

    def outage(self, error: SourceError) -> int:
        """How much a failure says that the vendor as a whole is out; one that was not reached is."""
        if error.next_step == NETWORK_STEP:
            return OUTAGES_BEFORE_GIVING_UP
        return 1 if error.outcome in OUTAGES else 0

    def take(self, batch: Batch, request: Request) -> None:
        """Ask once, keep the answer before anyone looks into it, then parse it into the batch."""
        payload = self.session.get(request)
        landed = self.landing.store(payload, self.run, len(batch.landed), datetime.now(UTC))
        batch.landed.append(landed)
        self.refuse_wrong_clock(payload)
        batch.add(request.series, self.source.parse(payload.body, request), landed.payload_id)

    def refuse_wrong_clock(self, payload: Payload) -> None:
        """A clock ahead of the vendor's would take running bars as closed; a given as-of day needs no clock."""
        skew = clock_skew(payload.headers, datetime.now(UTC)) if self.run.is_now else None
        if skew is not None and abs(skew) > LARGEST_SKEW:
            reason = f"this machine's clock and the vendor's differ by {abs(skew)}, so closed bars cannot be told"
            step = "set this machine's clock, for instance by NTP, and run again"
            raise SourceError(Outcome.TRANSIENT, payload.request, reason, step)

    def rewritten(self, batch: Batch) -> list[Series]:
        """Series whose overlap disagrees with what is stored and which were not asked whole."""
        found = []
        for table in batch.tables:
            symbols = self.warehouse.restated_symbols(contracts()[table], batch.rows(table, load_id=0))
            found += [batch.fed_by(table, symbol) for symbol in sorted(symbols)]
        return list(dict.fromkeys(s.series for s in found if s.window.since > self.run.since))


def known_span(warehouse: Warehouse, run: Run, source: str, series: Series) -> tuple[date | None, date | None]:
    """A series' newest stored day as known at the run's instant, and the oldest day ever asked for with success."""
    day = "start_at::date" if series.dataset == "hourly_bars" else "date"
    known = "source = $1 and symbol = $2 and known_at <= $3"
    params = [source, series.symbol, run.now.replace(tzinfo=None)]
    newest = warehouse.scalar(f"select max({day}) from raw.{series.dataset} where {known}", params)
    oldest = warehouse.scalar(
        f"select min(window_since) from quality.loads where {known} and outcome = 'ok' and dataset = $4",
        [*params, series.dataset],
    )
    return newest, oldest


def replay(source: Source, landing: Landing, warehouse: Warehouse, run: Run, lines: Iterable[Landed]) -> Batch:
    """Load one past run's payloads of one source from the landing alone, as if they had just arrived."""
    batch = Batch(source.NAME, run)
    for line in lines:
        window = Window(date.fromisoformat(line.window_since), date.fromisoformat(line.window_until), run.now)
        request = Request(line.source, line.series, line.path, line.params, window)
        if line.series not in batch.loads or batch.loads[line.series].window != window:
            # A second window of a series is its whole history, asked because the first had been rewritten.
            batch.drop(line.series)
            batch.loads[line.series] = SeriesLoad(line.series, window)
        batch.landed.append(line)
        try:
            batch.add(line.series, source.parse(landing.body(line.payload_id), request), line.payload_id)
        except SourceError as error:
            batch.loads[line.series].outcome, batch.loads[line.series].reason = (
                error.outcome.value,
                str(error),
            )
            batch.drop(line.series)
    return store(warehouse, batch)
