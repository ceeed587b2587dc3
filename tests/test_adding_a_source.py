"""A source takes one file, one contract and one line: the README's own blocks, put into a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from pipelines.settings import PROJECT, url_variable
from pipelines.sources.base import Series
from pipelines.universe import UNIVERSE_FILE, Universe
from tests.published import rows
from tests.tampered import Tampered

README = (PROJECT / "README.md").read_text()
FILES = dict(re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
[LINE] = re.findall(r"^<!-- line: instruments in pipelines/universe.yaml -->\n```yaml\n(.*?)^```$", README, re.M | re.S)
# Little to ask, so that the run is short.
UNIVERSE = """\
sources: {equity: {}, etf: {daily_bars: yahoo}, index: {}, crypto: {daily_bars: binance}, market: {}}
instruments:
  QQQ: {name: Invesco QQQ, kind: etf}
  BTC: {name: Bitcoin, kind: crypto, vendor_symbols: {binance: BTCUSDT}, datasets: {onchain: brk}}
baskets: {}
correlation_bases: [BTC]
"""
# What runs leave in the folder of the models.
STATE = ("current", "dagster", "market.duckdb", "parquet", "sample", "live", "versions", ".lock*")
SINCE, AS_OF = date(2026, 3, 1), date(2026, 3, 31)
RUN = ["run", "--profile", "live", "--home", "home", "--since", str(SINCE), "--as-of", str(AS_OF)]


def supply(day):
    """140 billion dollars on the last day of 2025, one billion more each day."""
    return 140e9 + 1e9 * (day - date(2025, 12, 31)).days


def acme(path, body):
    """The vendor: a line a day from the first to the last day asked for."""
    if not path.startswith("/v1/supply.csv"):
        return body
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    first, last = (date.fromisoformat(asked[name]) for name in ("from", "to"))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    lines = ["date,supply", *(f"{day},{supply(day):.2f}" for day in days if asked["coin"] == "USDT")]
    return 200, {"Content-Type": "text/csv"}, "\n".join([*lines, ""]).encode()


@pytest.fixture(scope="module")
def environment():
    """The vendors, Acme among them, on a port of this machine."""
    server = Tampered()
    server.spoil = acme
    acme_url = f"http://127.0.0.1:{server.server.server_address[1]}/acme"
    settings = {url_variable("acme"): acme_url, "SCARETRADE_ENV_FILE": "none.env"}
    yield {**os.environ, **server.environment, **settings}
    server.close()


@pytest.fixture(scope="module")
def clone(tmp_path_factory, environment):
    """A copy of the project with the three pieces in it, after one run."""
    folder = tmp_path_factory.mktemp("clone")
    for part in ("pipelines", "assets_defs", "warehouse"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", *STATE))
    for name, text in FILES.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text)
    universe = UNIVERSE.replace("instruments:\n", f"instruments:\n{LINE}")
    (folder / "pipelines" / "universe.yaml").write_text(universe)
    done = scaretrade(folder, environment, *RUN)
    assert done.returncode == 0, done.stderr
    return folder


def scaretrade(folder, environment, *arguments):
    """The command line of the copy: the folder a program runs in goes before what is installed."""
    program = "from pipelines.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_it_takes_one_file_one_contract_and_one_line():
    assert list(FILES) == ["pipelines/sources/acme.py", "warehouse/models/raw/stablecoin_supply.yaml"]
    assert LINE.count("\n") == 1
    whole = UNIVERSE_FILE.read_text().replace("instruments:\n", f"instruments:\n{LINE}")
    assert Universe.model_validate(yaml.safe_load(whole)).series("acme") == [
        Series("USDT", "USDT", "stablecoin_supply")
    ]


def test_its_rows_are_published(clone):
    found = rows(clone / "home" / "market.duckdb", "from raw.stablecoin_supply order by date")
    days = [SINCE + timedelta(days=n) for n in range(31)]
    assert [row[:4] for row in found] == [("USDT", day, supply(day), "acme") for day in days]
    # The 31st of March is the 90th day of 2026.
    assert supply(AS_OF) == 230e9


def test_its_answer_is_landed_recorded_and_checked(clone):
    file = clone / "home" / "market.duckdb"
    assert rows(file, "select outcome, rows_written from quality.loads where source = 'acme'") == [("ok", 31)]
    assert rows(file, "select dataset, status from quality.payloads where source = 'acme'") == [
        ("stablecoin_supply", 200)
    ]
    passed = "select distinct passed from quality.check_results where table_name = 'raw.stablecoin_supply'"
    assert rows(file, passed) == [(True,)]
    comment = (
        "select comment from duckdb_columns() where table_name = 'stablecoin_supply' and column_name = 'supply_usd'"
    )
    assert rows(file, comment) == [("Coins in circulation [USD]",)]


def test_it_is_among_the_sources(clone, environment):
    said = scaretrade(clone, environment, "sources", "--home", "home", "--json").stdout
    [found] = [source for source in json.loads(said) if source["source"] == "acme"]
    assert (found["feeds"], found["key"], found["terms"]) == (
        "stablecoin_supply (1)",
        "none needed",
        "Free with attribution.",
    )
    assert found["newest_date"].startswith("2026-03-31")
    assert found["last_success"].startswith("2026-04-01")
    assert found["last_failure"] is None


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_the_file_keeps_to_the_style_of_the_project(clone, command):
    ruff = [sys.executable, "-m", "ruff", *command, "--config", PROJECT / "pyproject.toml"]
    done = subprocess.run([*ruff, "pipelines/sources/acme.py"], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
