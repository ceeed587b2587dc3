"""One source's part of a run: ask, land, parse, then store. What fails is recorded by series and named."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from pipelines.batch import NOT_ASKED, SKIPPED, Batch, SeriesLoad
from pipelines.calendars import last_complete_day, last_complete_session
from pipelines.contracts import contracts
from pipelines.course import Course
from pipelines.landing import Landing
from pipelines.outcomes import keep_outcomes
from pipelines.settings import Run
from pipelines.sources.answers import NETWORK_STEP
from pipelines.sources.base import (
    Outcome,
    Request,
    Series,
    Source,
    SourceError,
    Window,
    asks_whole,
    next_request,
    requests_a_run,
)
from pipelines.sources.http import Payload, clock_skew
from pipelines.sources.watcher import NOBODY, Watcher
from pipelines.store import BatchRefused, store
from pipelines.universe import Universe
from pipelines.warehouse import Warehouse

OVERLAP = timedelta(days=10)
# Why a window is asked.
FIRST, OVERLAPS, WHOLE = "first time", "overlap with the days stored, and new ones", "whole with every answer"
REWRITTEN = "history was rewritten, so whole"
LARGEST_SKEW = timedelta(minutes=10)
# After this many series in a row, the rest of a source is left for the next run.
OUTAGES_BEFORE_GIVING_UP = 2
OUTAGES = (Outcome.AUTH, Outcome.RATE_LIMITED, Outcome.GEO_BLOCKED, Outcome.CHALLENGE, Outcome.TRANSIENT)
log = logging.getLogger("scaretrade")


class Getter(Protocol):
    """What fetches a request: the vendors' session."""

    def get(self, request: Request, known: Payload | None = None) -> Payload:
        """The vendor's answer, or the known one where the vendor says that it still holds; raises SourceError."""
        ...


@dataclass(frozen=True)
class Ingest:
    """One source, and everything its ingestion touches."""

    source: Source
    session: Getter
    landing: Landing
    warehouse: Warehouse
    run: Run
    universe: Universe
    watcher: Watcher = NOBODY
    lacking: Callable[[Series], str | None] = lambda series: None

    def __call__(self) -> Batch:
        """Fetch what is new with an overlap; where the overlap was rewritten, fetch that history whole; store.

        Raises BatchRefused when the rows break a critical rule.
        """
        batch = Batch(self.source.NAME, self.run)
        windows = self.usable(batch, {s: self.window(s) for s in self.universe.series(self.source.NAME)})
        course = Course(self.source, self.watcher)
        batch = self.fetch(batch, windows, course)
        rewritten = self.rewritten(batch)
        if rewritten:
            names = ", ".join(sorted({series.symbol for series in rewritten}))
            log.info("%s: history rewritten since the last run, asked whole: %s", self.source.NAME, names)
            for series in rewritten:
                batch.drop(series)
            whole = {s: Window(self.run.since, self.until(s), self.run.now, REWRITTEN) for s in rewritten}
            self.fetch(batch, whole, course)
        log.debug("%s: %d requests answered", self.source.NAME, len(batch.landed))
        self.watcher.doing(self.source.NAME, "checking and storing its rows")
        try:
            return self.store(batch)
        finally:
            self.watcher.doing(self.source.NAME, "")

    def store(self, batch: Batch) -> Batch:
        """Write the batch, then keep beside its payloads what was used of them."""
        refused = None
        try:
            store(self.warehouse, batch)
        except BatchRefused as reason:
            refused = reason
        keep_outcomes(self.landing, batch)
        if refused:
            raise refused
        return batch

    def usable(self, batch: Batch, windows: dict[Series, Window]) -> dict[Series, Window]:
        """The series that can be asked, those longest not asked first; the others are named in one line a reason."""
        skipped: dict[str, list[str]] = {}
        for series, window in windows.items():
            if reason := self.lacking(series):
                batch.loads[series] = SeriesLoad(series, window, SKIPPED, reason)
                skipped.setdefault(reason, []).append(f"{series.symbol} {series.dataset}")
        for reason, names in skipped.items():
            log.info("%s: %s, so left out: %s", self.source.NAME, reason, ", ".join(names))
        usable = {s: w for s, w in windows.items() if s not in batch.loads}
        return dict(sorted(usable.items(), key=lambda item: item[1].since))

    def window(self, series: Series) -> Window:
        """From `since`, or from a few days before the newest stored row, to the last completed session or day."""
        until, since = self.until(series), self.run.since
        if asks_whole(self.source, series.dataset):
            return Window(min(since, until), until, self.run.now, WHOLE)
        newest, oldest_asked = known_span(self.warehouse, self.run, self.source.NAME, series)
        if newest is None or oldest_asked is None:
            why = FIRST
        elif oldest_asked > since:
            why = f"gap: asked from {oldest_asked} on so far"
        else:
            unanswered = unanswered_since(self.warehouse, self.run, self.source.NAME, series)
            why = f"gap: unanswered from {unanswered} on" if unanswered and unanswered < newest else OVERLAPS
            since = max(since, min(newest, until, (unanswered or until) + OVERLAP) - OVERLAP)
        return with_backfill(Window(min(since, until), until, self.run.now, why), self.run)

    def until(self, series: Series) -> date:
        """The last completed session or day."""
        never_closes = self.universe.calendar(series.symbol) == "24/7"
        return last_complete_day(self.run.now) if never_closes else last_complete_session(self.run.now)

    def fetch(self, batch: Batch, windows: dict[Series, Window], course: Course) -> Batch:
        """Ask every series; a failed one is recorded and the others go on, unless the vendor as a whole is out."""
        plan = {s: self.source.build_requests(s, w) for s, w in windows.items()}
        outages, quota = 0, requests_a_run(self.source)
        course.expect(list(plan.values()))
        for series, requests in plan.items():
            load = batch.loads[series] = SeriesLoad(series, windows[series])
            load.reason = self.reason_not_to_ask(
                outages, quota is not None and len(batch.landed) + len(requests) > quota
            )
            if load.reason:
                load.outcome = NOT_ASKED
                course.ended(requests)
                continue
            try:
                for request in requests:
                    self.take_all(batch, request)
                    course.answered()
                load.outcome, outages = Outcome.OK if load.parsed else Outcome.EMPTY, 0
            except SourceError as error:
                load.outcome, load.reason = error.outcome, str(error)
                outages = outages + weight if (weight := self.outage(error)) else 0
                batch.drop(series)
                log.warning("%s", error)
            course.ended(requests)
        return batch

    def reason_not_to_ask(self, outages: int, over_quota: bool) -> str | None:
        """Why the rest of a source is left for the next run."""
        if outages >= OUTAGES_BEFORE_GIVING_UP:
            return f"{self.source.NAME} did not answer for the series before"
        if over_quota:
            return f"{self.source.NAME} answers {requests_a_run(self.source)} requests a run; the next run asks first"
        return None

    def outage(self, error: SourceError) -> int:
        """How much a failure says that the vendor as a whole is out; one that was not reached is."""
        if error.next_step == NETWORK_STEP:
            return OUTAGES_BEFORE_GIVING_UP
        return 1 if error.outcome in OUTAGES else 0

    def take_all(self, batch: Batch, request: Request) -> None:
        """Ask, and follow the pages that only an answer tells of."""
        page: Request | None = request
        while page is not None:
            page = next_request(self.source, self.take(batch, page), page)

    def take(self, batch: Batch, request: Request) -> bytes:
        """Ask once, keep the answer before anyone looks into it, then parse it into the batch."""
        payload = self.session.get(request, self.landing.known_answer(request))
        landed = self.landing.store(payload, self.run, len(batch.landed), datetime.now(UTC))
        batch.landed.append(landed)
        self.refuse_wrong_clock(payload)
        batch.add(request.series, self.source.parse(payload.body, request), landed.payload_id)
        self.landing.keep_tag(payload, landed.payload_id)
        return payload.body

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


def with_backfill(usual: Window, run: Run) -> Window:
    """The days a backfill asks again. It begins no later than a usual run would: no gap may open before its days."""
    if run.backfill is None:
        return usual
    first, last = run.backfill
    return replace(usual, since=min(first, usual.since), until=min(last, usual.until))


def known_span(warehouse: Warehouse, run: Run, source: str, series: Series) -> tuple[date | None, date | None]:
    """A series' newest stored day as known at the run's instant, and the oldest day ever asked for with success."""
    day = f"{contracts()[f'raw.{series.dataset}'].day_column}::date"
    known = "source = $1 and symbol = $2 and known_at <= $3"
    params = [source, series.symbol, run.now.replace(tzinfo=None)]
    newest = warehouse.scalar(f"select max({day}) from raw.{series.dataset} where {known}", params)
    oldest = warehouse.scalar(
        f"select min(window_since) from quality.loads where {known} and outcome = 'ok' and dataset = $4",
        [*params, series.dataset],
    )
    return newest, oldest


UNANSWERED = f"""
select min(greatest(failed.window_since, $since)) from quality.loads as failed
where failed.source = $source and failed.symbol = $symbol and failed.dataset = $dataset and failed.known_at <= $now
    and failed.outcome not in ('{Outcome.OK}', '{Outcome.EMPTY}', '{SKIPPED}')
    and not exists (
        select 1 from quality.loads as later
        where later.source = failed.source and later.symbol = failed.symbol and later.dataset = failed.dataset
            and later.outcome in ('{Outcome.OK}', '{Outcome.EMPTY}')
            and later.load_id > failed.load_id and later.known_at between failed.known_at and $now
            and later.window_since <= greatest(failed.window_since, $since)
    )
"""


def unanswered_since(warehouse: Warehouse, run: Run, source: str, series: Series) -> date | None:
    """The first day asked for that no later answer reaches back to: a history due to be asked whole stays due."""
    asked = {"source": source, "symbol": series.symbol, "dataset": series.dataset}
    params = {**asked, "now": run.now.replace(tzinfo=None), "since": run.since}
    rows: list[tuple[date | None]] = warehouse.connection.execute(UNANSWERED, params).fetchall()
    return rows[0][0]
