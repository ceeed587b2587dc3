"""Planted keys: after a run that fails in every way that could leak one, nothing kept or said has it."""

import base64
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from contextlib import suppress
from urllib.parse import parse_qs, quote, unquote, urlsplit

import duckdb
import pytest
import yaml

from pipelines.settings import PROJECT
from pipelines.sources import SOURCES
from pipelines.sources.base import keys_of
from tests import small_runs
from tests.ingest.vendors import tiingo
from tests.published import rows
from tests.tampered import Tampered
from tests.test_glassnode import DAY

CONTACT = "SCARETRADE_CONTACT"  # an address that is meant to be seen
VARIABLES = sorted({key.variable for source in SOURCES.values() for key in keys_of(source)} - {CONTACT})


def planted(name):
    """A secret with characters that are written otherwise in addresses; its head and its tail tell it from all else."""
    return f"zq7{name[:5]}Head/+ =#{name[:5]}Tail7qz".replace(" ", "")


KEYS = {variable: planted(variable) for variable in VARIABLES}
USER, PASSWORD = "planteduser", planted("PASSWORD")
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
# Parts, so that a secret that was cut short is found too; the base64 form is cut where its own padding begins.
TRACES = [trace for secret in (*KEYS.values(), PASSWORD) for trace in (secret[:11], secret[-12:])] + [BASIC[4:-4]]

UNIVERSE = yaml.safe_load(small_runs.UNIVERSE)
UNIVERSE["sources"]["equity"] = {"daily_bars": ["yahoo", "tiingo"]}
BITCOIN = UNIVERSE["instruments"]["BTC"]
BITCOIN["vendor_symbols"]["coingecko"] = "bitcoin"
BITCOIN["datasets"] |= {"onchain": ["brk", "bgeometrics", "glassnode"], "market_caps": "coingecko"}
UNIVERSE["instruments"]["ETH"] = {
    "name": "Ether",
    "kind": "crypto",
    "vendor_symbols": {"binance": "ETHUSDT", "coingecko": "ethereum"},
    "datasets": {"market_caps": "coingecko"},
}


def composed(path, body):
    """Answers of the vendors that the sample market does not know."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    if path.startswith("/tiingo/"):
        return 200, {}, json.dumps(tiingo(path, asked)).encode()
    if path.startswith("/v1/metrics/"):
        points = [{"t": at, "v": 5.5} for at in range(int(asked["s"]), int(asked["u"]), DAY)]
        return 200, {}, json.dumps(points).encode()
    return body


def spoilt(path, body):
    """Most answers are whole; the others fail each in its own way, and repeat what they can of a secret."""
    if path.startswith("/tiingo/daily/IBM"):
        return 401, {}, json.dumps({"detail": f"no such token: Token {KEYS['TIINGO_API_KEY']}"}).encode()
    if path.startswith("/v1/realized-loss"):
        return 302, {"Location": f"/elsewhere/stolen?token={quote(KEYS['BGEOMETRICS_TOKEN'])}"}, b"moved"
    if path.startswith("/v1/metrics/indicators/realized_profit"):
        return 200, {}, f'{{"you": "{KEYS["GLASSNODE_API_KEY"]}", "cut'.encode()
    if "/coins/ethereum" in path:
        return 200, {"Content-Type": "text/html"}, f"<html>{KEYS['COINGECKO_PRO_API_KEY']}</html>".encode()
    if "/chart/SPY" in path:
        # What is shown of it ends inside the last secret.
        said = json.dumps({"error": f"Basic {BASIC} is {USER} with {PASSWORD}".ljust(275, ".") + PASSWORD})
        return 403, {}, said.encode()
    if path.startswith("/products/"):
        return 500, {}, f"cannot answer http://{USER}:{quote(PASSWORD, safe='')}@vendor{path}".encode()
    return composed(path, body)


def with_user(url):
    return url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")


class Folder:
    """A folder as a user has it: `.env` with every secret, a universe, a home, and what the commands said."""

    def __init__(self, folder):
        self.folder, self.home, self.said = folder, folder / "home", ""
        self.wire = Tampered()
        (folder / "universe.yaml").write_text(yaml.safe_dump(UNIVERSE))
        lines = {**self.wire.environment, "SCARETRADE_BRK_URL": "http://127.0.0.1:9", **KEYS}
        for name in ("YAHOO", "COINBASE", "BRK"):
            lines[f"SCARETRADE_{name}_URL"] = with_user(lines[f"SCARETRADE_{name}_URL"])
        self.env = folder / ".env"
        self.env.write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()))
        self.env.chmod(0o400)

    def command(self, *arguments):
        """A command in a process of its own, so that all it says is caught, whoever in it says it."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SCARETRADE_", "DAGSTER_")) and k not in KEYS}
        settings = {"SCARETRADE_LONGEST_RETRY_WAIT_SECONDS": "0", "SCARETRADE_UNIVERSE": "universe.yaml"}
        program = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments]
        environment = {**own, **settings, "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(program, cwd=self.folder, env=environment, capture_output=True, text=True)
        self.said += done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """After one run that publishes although much fails, and a look at the sources."""
    found = Folder(tmp_path_factory.mktemp("secrets"))
    found.wire.spoil = spoilt
    before = found.env.read_bytes(), found.env.stat().st_mtime_ns
    options = ["--profile", "live", "--since", "2025-09-02", "--as-of", "2026-03-31", "--verbose"]
    found.codes = [found.command(*command, "--home", "home").returncode for command in (["run", *options], ["sources"])]
    found.env_untouched = before == (found.env.read_bytes(), found.env.stat().st_mtime_ns)
    yield found
    found.wire.close()


def unpacked(content):
    """What a value of a database holds: text, or text that was packed."""
    if isinstance(content, bytes):
        with suppress(zlib.error):
            content = zlib.decompress(content)
        return content.decode("utf-8", "replace")
    return str(content)


def of_sqlite(file):
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        found = [row for (name,) in names for row in connection.execute(f'select * from "{name}"')]
    finally:
        connection.close()
    return "\n".join(unpacked(value) for row in found for value in row)


def of_duckdb(file):
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        found = [connection.execute(f'from "{schema}"."{name}"').fetchall() for schema, name in names]
        comments = connection.execute("select comment from duckdb_tables() union select sql from duckdb_views()")
        return "\n".join(map(str, [*found, comments.fetchall()]))


def of_parquet(file):
    return str(duckdb.connect().execute("from read_parquet($1)", [str(file)]).fetchall())


READERS = {".gz": lambda file: gzip.decompress(file.read_bytes()).decode(), ".db": of_sqlite, ".parquet": of_parquet}
READERS[".duckdb"] = of_duckdb


def everything_kept(home):
    """Every file's text as it is read, and as it lies on the disk."""
    for file in sorted(home.rglob("*")):
        if file.is_file():
            yield file, file.read_bytes().decode("utf-8", "replace")
            if file.suffix in READERS:
                yield file, READERS[file.suffix](file)


def traces_in(text):
    return [trace for trace in TRACES if trace in text or trace in unquote(text)]


def test_the_run_published_and_every_failure_happened(folder):
    assert folder.codes == [0, 0], folder.said
    outcomes = rows(folder.home / "market.duckdb", "select source, symbol, dataset, outcome from quality.loads")
    assert {row for row in outcomes if row[3] != "ok"} == {
        ("tiingo", "IBM", "daily_bars", "auth"),
        ("bgeometrics", "BTC", "onchain", "schema_drift"),
        ("glassnode", "BTC", "onchain", "transient"),
        ("coingecko", "ETH", "market_caps", "challenge"),
        ("yahoo", "SPY", "daily_bars", "auth"),
        ("coinbase", "BTC", "hourly_bars", "transient"),
        ("brk", "BTC", "onchain", "transient"),
    }
    assert {("tiingo", "MSFT", "daily_bars", "ok"), ("coingecko", "BTC", "market_caps", "ok")} <= set(outcomes)


def test_every_secret_was_sent(folder):
    sent = {value for values in folder.wire.headers.values() for value in values}
    in_headers = {"TIINGO_API_KEY": "Token {}", "GLASSNODE_API_KEY": "{}", "COINGECKO_PRO_API_KEY": "{}"}
    assert {form.format(KEYS[name]) for name, form in in_headers.items()} | {f"Basic {BASIC}"} <= sent
    assert any(f"token={quote(KEYS['BGEOMETRICS_TOKEN'], safe='')}" in path for path in folder.wire.asked)


def test_nothing_said_holds_a_secret(folder):
    assert "GET http://***@127.0.0.1" in folder.said
    assert "no such token" in folder.said
    assert traces_in(folder.said) == []


def test_nothing_kept_holds_a_secret(folder):
    kept = list(everything_kept(folder.home))
    assert {str(file.relative_to(folder.home)): found for file, text in kept if (found := traces_in(text))} == {}


def test_the_scan_would_have_found_one(folder):
    """Each kind of file is read: what is known to be in it is seen."""
    kept = list(everything_kept(folder.home))
    seen = {file.suffix for file, text in kept if "MSFT" in text}
    assert {".gz", ".duckdb", ".parquet", ".db", ".jsonl"} <= seen
    assert traces_in(f"?token={quote(PASSWORD, safe='')}") == [PASSWORD[:11], PASSWORD[-12:]]


def test_a_redirect_was_not_followed_with_a_key(folder):
    assert not [path for path in folder.wire.asked if "stolen" in path]


def test_the_env_file_is_read_and_never_written(folder):
    assert folder.env_untouched
    assert sorted(path.name for path in folder.folder.iterdir()) == [".env", "home", "universe.yaml"]
