"""Thirty days against vendors that fail in every way: nothing is lost, and every fault is named in the log."""

import json
import logging
import subprocess
import sys
from datetime import date, timedelta

import pytest
import yaml
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.universe import UNIVERSE_FILE
from tests.conftest import VENDORS, VendorServer
from tests.published import GROWN_BY_LOOKING, SAME_BESIDE_WHAT_WAS_SEEN, differences, rows, rows_apart, tables

pytestmark = [pytest.mark.vendors, pytest.mark.slow]

FIRST, LAST = date(2026, 1, 12), date(2026, 2, 10)
SINCE = "2025-10-01"
FAULTS = ",".join(f"{mode}:0.06" for mode in ("429", "500", "503", "html200", "truncate", "short", "reset", "slow"))
# A slow answer is no fault to whoever waits for it.
UNSEEN = {None, "slow"}
WATCHED = ("GOOGL", "SNOW", "NVDA", "SPY", "QQQ", "IGV", "VIX", "BTC", "CRYPTO_TOTAL", "AI_MODELS")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of its own, since its faults and its day are not for other tests; its log tells each answer's fault."""
    if not VENDORS.exists():
        pytest.skip("../shared/vendors is missing: faults on real data are not tested")
    log = tmp_path_factory.mktemp("server") / "requests.jsonl"
    options = ["--port", "0", "--log", str(log), "--slow-seconds", "0.1", "--seed", "11"]
    command = [sys.executable, "-u", str(VENDORS / "serve.py"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield VendorServer(process.stdout.readline().split()[-1]), log
        process.terminate()


@pytest.fixture(scope="module")
def universe(tmp_path_factory):
    """A few instruments that between them ask every vendor the server has."""
    whole = yaml.safe_load(UNIVERSE_FILE.read_text())
    instruments = {symbol: whole["instruments"][symbol] for symbol in WATCHED}
    # The server has filings of a few companies only.
    instruments["NVDA"]["datasets"] = {"facts": []}
    baskets = {key: {**whole["baskets"][key], "members": [symbol]} for key, symbol in BASKETS.items()}
    file = tmp_path_factory.mktemp("universe") / "universe.yaml"
    levels = {"BTC": whole["price_levels"]["BTC"]}
    file.write_text(yaml.safe_dump({**whole, "instruments": instruments, "baskets": baskets, "price_levels": levels}))
    return file


BASKETS = {
    "hyperscalers": "GOOGL",
    "ai_semiconductors": "NVDA",
    "saas": "SNOW",
    "crypto_majors": "BTC",
    "benchmarks": "QQQ",
}


def run_live(home, server, universe, day):
    environment = {
        **server.environment,
        "SCARETRADE_UNIVERSE": str(universe),
        "SCARETRADE_LONGEST_RETRY_WAIT_SECONDS": "0",
    }
    arguments = ["run", "--profile", "live", "--home", str(home), "--as-of", str(day), "--since", SINCE, "--quiet"]
    result = CliRunner().invoke(main, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return home / "market.duckdb"


class Lines(logging.Handler):
    """What the log says."""

    def __init__(self):
        super().__init__()
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def unanswered(file):
    query = """select source, symbol, outcome, reason from quality.loads
    where run_id = (select value from meta where key = 'run_id') and outcome not in ('ok', 'empty', 'skipped')"""
    return rows(file, query)


def test_thirty_days_of_faults_lose_nothing_and_name_every_fault(server, universe, tmp_path):
    vendors, log = server
    lines = Lines()
    logging.getLogger("scaretrade").addHandler(lines)
    try:
        for n in range((LAST - FIRST).days + 1):
            vendors.control(as_of=str(FIRST + timedelta(days=n)), faults=FAULTS)
            daily = run_live(tmp_path / "daily", vendors, universe, FIRST + timedelta(days=n))
        while unanswered(daily):
            daily = run_live(tmp_path / "daily", vendors, universe, LAST)
    finally:
        logging.getLogger("scaretrade").removeHandler(lines)
    served = [json.loads(line) for line in log.read_text().splitlines()]
    faults = [answer for answer in served if answer.get("fault") not in UNSEEN]
    assert {answer["fault"] for answer in faults} | {"slow"} == {mode.split(":")[0] for mode in FAULTS.split(",")}
    named = [line for line in lines.said if " on attempt " in line or ". Next: " in line]
    # A connection may break without the server's doing, so that there can be a line more.
    assert len(named) >= len(faults) > 200

    vendors.control(as_of=str(LAST), faults="")
    whole = run_live(tmp_path / "whole", vendors, universe, LAST)
    compared = [t for t in tables(whole) if t.split(".")[0] in ("core", "marts") or t == "quality.coverage"]
    # A failed day leaves out the versions of that day, so that fewer restatements are seen.
    unlike = GROWN_BY_LOOKING | {"core.restatements"}
    assert differences(daily, whole, [t for t in compared if t not in unlike]) == {}
    for query in SAME_BESIDE_WHAT_WAS_SEEN:
        assert rows_apart(daily, whole, query) == 0
