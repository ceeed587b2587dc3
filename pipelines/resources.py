"""The Dagster resource of a run: its settings, lock, working file, landing and vendors' sessions."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import partial

import dagster as dg
from pydantic import Field, PrivateAttr

from pipelines.guard import writing
from pipelines.ingest import Ingest
from pipelines.keys import key_in_use, missing_key
from pipelines.killed_runs import HOLDS_WAREHOUSE
from pipelines.landing import Landing
from pipelines.migrate import migrate
from pipelines.publish import clear_unfinished, guard
from pipelines.retention import forget_covered
from pipelines.scope import narrowed, out_of_scope
from pipelines.settings import Profile, Run, Settings, base_url, new_run
from pipelines.sources import SOURCES
from pipelines.sources.base import Series
from pipelines.sources.http import VendorSession
from pipelines.sources.watcher import NOBODY, Watcher
from pipelines.sql_engine import Engine, chosen_engine
from pipelines.universe import load_universe
from pipelines.warehouse import Warehouse, clear_leftovers

Lacking = Callable[[Series], str | None]


class Observer:
    """Who watches this process: the command line puts its progress display here."""

    watcher: Watcher = NOBODY


class Pipeline(dg.ConfigurableResource["Pipeline"]):
    """Holds the warehouse for one run. Left empty, every field comes from the environment or its default."""

    profile: str | None = Field(default=None, description="sample (simulated) or live; empty: SCARETRADE_PROFILE")
    as_of: str | None = Field(default=None, description="Last day of the world (UTC), such as 2026-02-05; empty: now")
    since: str | None = Field(default=None, description="First day of history; empty: 2015-01-01")
    home: str | None = Field(default=None, description="Folder of all state; empty: SCARETRADE_HOME")
    scope: str | None = Field(default=None, description="Ask only equities, crypto or filings; empty: everything")
    backfill_from: str | None = Field(default=None, description="First day to ask again; empty: no backfill")
    backfill_until: str | None = Field(
        default=None, description="Last day to ask again; empty: the newest complete one"
    )

    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _run: Run = PrivateAttr()
    _settings: Settings = PrivateAttr()
    _warehouse: Warehouse = PrivateAttr()
    _landing: Landing = PrivateAttr()
    _engine: Engine = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Take the lock, then open the working file."""
        self._settings = Settings.load()
        self._run = self.make_run(context.run.run_id if context.run else "direct")
        with ExitStack() as opened:
            opened.enter_context(writing(self._run.home, self._settings.lock_timeout_seconds))
            if context.run and context.instance:
                context.instance.add_run_tags(context.run.run_id, HOLDS_WAREHOUSE)
            self._open(opened)
            self._stack = opened.pop_all()

    def _open(self, opened: ExitStack) -> None:
        """Open the landing and the working file; raises OtherVersion where the file is another version's."""
        guard(self._run)
        self._run.state.mkdir(parents=True, exist_ok=True)
        clear_leftovers(self._run.state)
        versions = self._run.home / "versions"
        clear_unfinished(versions)
        opened.callback(clear_unfinished, versions)
        self._landing = Landing(self._run.state / "landing")
        self._landing.open()
        self._warehouse = Warehouse(self._run.state / "work.duckdb")
        opened.callback(self._warehouse.close)
        migrate(self._warehouse, self._run)
        self._warehouse.prepare(self._run)
        forget_covered(self._landing, self._settings.landing_days, datetime.now(UTC))
        self._engine = opened.enter_context(chosen_engine(self._settings, self._run))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the working file and release the lock, in this order."""
        self._stack.close()

    def make_run(self, run_id: str) -> Run:
        """The run's identity from config, else environment."""
        settings = Settings.load()
        run = new_run(
            run_id,
            Profile(self.profile) if self.profile else settings.profile,
            settings.home if self.home is None else type(settings.home)(self.home),
            date.fromisoformat(self.as_of) if self.as_of else settings.as_of,
            date.fromisoformat(self.since) if self.since else None,
        )
        return narrowed(run, self.scope, self.backfill_from, self.backfill_until)

    @property
    def run(self) -> Run:
        """This run's identity."""
        return self._run

    @property
    def warehouse(self) -> Warehouse:
        """The working file."""
        return self._warehouse

    @property
    def engine(self) -> Engine:
        """Who runs the SQL models."""
        return self._engine

    def ingest(self, name: str) -> Ingest:
        """The ingestion of one source; the simulated market answers in its place under the sample profile."""
        session, lacking = self._sample(name) if self._run.is_simulated else self._vendor(name)
        universe = load_universe()
        return Ingest(
            SOURCES[name],
            self._stack.enter_context(session),
            self._landing,
            self._warehouse,
            self._run,
            universe,
            Observer.watcher,
            lambda series: lacking(series) or out_of_scope(universe, self._warehouse, self._run, name, series),
        )

    def _vendor(self, name: str) -> tuple[VendorSession, Lacking]:
        source = SOURCES[name]
        session = VendorSession(
            source,
            base_url(name),
            contact=self._settings.contact,
            key=key_in_use(source),
            longest_wait=self._settings.longest_retry_wait_seconds,
            watcher=Observer.watcher,
        )
        return session, partial(missing_key, source)

    def _sample(self, name: str) -> tuple[VendorSession, Lacking]:
        from pipelines.sources.sample import SIMULATED, SampleAdapter

        universe = load_universe()
        symbols = {source: {s.vendor_symbol: s.symbol for s in universe.series(source)} for source in SOURCES}
        session = VendorSession(SOURCES[name], adapter=SampleAdapter(symbols, self._run.now))
        return session, lambda series: None if name in SIMULATED else "not part of the simulated market"
