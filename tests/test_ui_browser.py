"""The Dagster UI in a real browser: what people see of assets, checks, plots, schedules, and a backfill they launch."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from pipelines.runner import prepare_instance
from pipelines.settings import PROJECT
from tests.published import rows
from tests.small_runs import end_group

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOCATION = "/locations/pipelines.definitions"
SCARETRADE = (sys.executable, "-c", "from pipelines.cli import main; main()")
PATIENCE = 300


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A published sample market in which every close of two sources counts as apart, so that a check fails."""
    folder = tmp_path_factory.mktemp("ui")
    universe = folder / "universe.yaml"
    shipped = (PROJECT / "pipelines" / "universe.yaml").read_text()
    universe.write_text(shipped.replace("index: 0.01, crypto: 0.01}", "index: 0.01, crypto: 0.0000001}"))
    assert universe.read_text() != shipped
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SCARETRADE_UNIVERSE": str(universe)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        command = [*SCARETRADE, "run", "--profile", "sample", "--home", str(folder / "home"), "--quiet"]
        subprocess.run(command, check=True, cwd=folder)
        yield folder / "home"


@pytest.fixture(scope="module")
def ui(home):
    """The address of `scaretrade ui` on that home."""
    port = free_port()
    command = [*SCARETRADE, "ui", "--profile", "sample", "--home", str(home), "--port", str(port)]
    with (home / "ui.log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, start_new_session=True)
        try:
            yield answering(f"http://127.0.0.1:{port}")
        finally:
            end_group(process)


def answering(address):
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5):
                return address
        except OSError:
            time.sleep(1)
    raise AssertionError(f"{address} did not answer within {PATIENCE} s")


def finished(job):
    """The job's runs, once there are any and all have ended."""
    give_up = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < give_up:
        with dg.DagsterInstance.get() as instance:
            runs = instance.get_runs(dg.RunsFilter(job_name=job))
        if runs and all(run.is_finished for run in runs):
            return runs
        time.sleep(2)
    raise AssertionError(f"{job} did not end within {2 * PATIENCE} s")


class Browser:
    """One page of a browser without a window; what its console calls an error is kept."""

    def __init__(self, page, address, folder):
        self.page, self.address, self.folder, self.errors = page, address, folder, []
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def see(self, path, *texts):
        """Open a page, wait for its texts, keep a picture."""
        self.page.goto(self.address + path)
        for text in texts:
            self.page.get_by_text(text).first.wait_for()
        self.picture(path)

    def picture(self, name):
        self.page.wait_for_timeout(1000)
        file = self.folder / f"{''.join(c if c.isalnum() else '-' for c in name).strip('-')}.png"
        self.page.screenshot(path=file)
        assert file.stat().st_size > 20_000, "an empty page"


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("chromium is missing: the UI is not looked at")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: the UI is not looked at")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium, ui, tmp_path):
    page = chromium.new_page(viewport={"width": 1600, "height": 1600})
    found = Browser(page, ui, Path(os.environ.get("SCREENSHOTS", tmp_path)))
    yield found
    page.close()
    assert found.errors == []


def test_the_lineage_shows_a_handful_of_groups(browser):
    browser.see("/asset-groups", "raw", "reference", "core", "marts", "claims", "quality", "published")
    # Which of a group's tables are in the picture depends on its size: the list has them all.
    browser.see(f"{LOCATION}/asset-groups/marts/lineage", "Materialized")
    browser.see(f"{LOCATION}/asset-groups/marts/list", "drawdowns", "market_value_losses", "level_crossings")


def test_an_asset_says_what_it_is_and_draws_itself(browser):
    browser.see(
        "/assets/marts/drawdowns",
        "How far each instrument and basket stands below its highest close",
        "Level against the peak; 0 at a peak [fraction]",
        "Row count",
        "first_date",
        "2026-03-31",
        "Fails if more than 2 days since last materialization",
        "scaretrade",
        "3 schedules",
    )
    shown = browser.page.get_by_text("[Show Markdown]")
    shown.nth(0).click()
    image = browser.page.locator("img[src^='data:image/svg+xml']")
    image.wait_for()
    assert image.evaluate("image => image.complete && image.naturalWidth") == 640
    browser.picture("plot")
    browser.page.get_by_role("button", name="Close").click()
    shown.nth(1).click()
    browser.page.get_by_text("select").first.wait_for()
    browser.picture("sql")


def test_a_failing_check_shows_its_count_and_a_sample_of_its_rows(browser, home):
    browser.see(
        "/assets/quality/coverage?view=checks&checkDetail=second_source_disagrees", "Latest execution", "Failed"
    )
    counted = "select n_failing from quality.check_results where check_name = 'second_source_disagrees'"
    ((failing,),) = rows(home / "market.duckdb", counted)
    assert failing > 5
    for text in (str(failing), "close_in_use", "binance", "coinbase", "2026-03-31"):
        browser.page.get_by_text(text, exact=True).first.wait_for()


def test_the_schedules_are_on(browser):
    browser.see("/automation", "after_new_york_close", "after_utc_day", "filings_weekly")
    assert browser.page.locator("input[type=checkbox]:checked").count() >= 3


def test_a_backfill_launched_as_the_launchpad_stands_is_one_run_over_its_days(browser, home, monkeypatch):
    browser.see(f"{LOCATION}/jobs/backfill/playground", "backfill_from", "2026-01-29", "No errors")
    browser.page.get_by_role("button", name="Launch Run").click()
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_instance(home)
    runs = finished("backfill")
    assert [run.status.value for run in runs] == ["SUCCESS"]
    browser.see(f"/runs/{runs[0].run_id}", "backfill", "Success")
    asked = """select distinct window_since::varchar, window_until::varchar from quality.loads
    where run_id = $1 and dataset = 'daily_bars' and outcome <> 'skipped'"""
    assert rows(home / "market.duckdb", asked, runs[0].run_id) == [("2026-01-29", "2026-02-05")]
