"""A home with a small market, run in this process step by step: Dagster takes most of the time of so small a one."""

from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

import duckdb
import pytest

from assets_defs.published import market
from pipelines.engines import build, model_names
from pipelines.resources import Pipeline
from pipelines.sources import SOURCES
from pipelines.store import BatchRefused
from pipelines.universe import load_universe
from tests.published import differences, tables
from tests.small_runs import UNIVERSE

SINCE = "2025-09-02"


class Home:
    """A home folder. With a `wire` (see tests.tampered) the runs are live ones that ask it."""

    def __init__(self, folder, wire=None):
        self.folder, self.wire = folder, wire
        self.profile = "live" if wire else "sample"
        self.published, self.state = folder / "market.duckdb", folder / self.profile
        self.work = self.state / "work.duckdb"

    def run(self, as_of, since=SINCE, **environment):
        """One daily run, published."""
        with settings(self.folder.parent, self.wire, **environment), self.started(as_of, since) as pipeline:
            ingest(pipeline)
            for name in model_names():
                build(pipeline.warehouse, pipeline.run, name)
            market.op.compute_fn.decorated_fn(pipeline)

    def ingest(self, as_of, since=SINCE):
        """A run that ends before any table is built; the sources whose batch was refused."""
        with self.started(as_of, since) as pipeline:
            return ingest(pipeline)

    @contextmanager
    def started(self, as_of, since):
        """A run's resource, open."""
        pipeline = Pipeline(profile=self.profile, home=str(self.folder), as_of=as_of, since=since)
        with settings(self.folder.parent, self.wire):
            pipeline.setup_for_execution(SimpleNamespace(run=SimpleNamespace(run_id=str(uuid4())), instance=None))
            try:
                yield pipeline
            finally:
                pipeline.teardown_after_execution(None)

    def rows(self, query, *params):
        """The rows of a query on the working file."""
        with duckdb.connect(str(self.work), read_only=True) as connection:
            return connection.execute(query, list(params)).fetchall()

    def differs_from(self, other, schemas=("core", "marts")):
        """Published tables that differ from another home's, bookkeeping aside."""
        names = [name for name in tables(self.published) if name.split(".")[0] in schemas]
        assert len(names) > 10
        return differences(self.published, other.published, names)


@contextmanager
def settings(folder, wire=None, **environment):
    """The environment of a run: the small universe, and the wire that is asked."""
    file = folder / "universe.yaml"
    if not file.exists():
        file.write_text(UNIVERSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCARETRADE_UNIVERSE", str(file))
        for name, value in {**(wire.environment if wire else {}), **environment}.items():
            patch.setenv(name, value)
        yield


def ingest(pipeline):
    """Ask every source; the names of those whose batch was refused."""
    refused = []
    for source in SOURCES:
        try:
            if load_universe().series(source):
                pipeline.ingest(source)()
        except BatchRefused:
            refused.append(source)
    return refused
