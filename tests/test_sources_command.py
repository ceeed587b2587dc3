"""`scaretrade sources`: what each vendor feeds, its key and terms, and how it fares, before and after runs."""

import json
import re
import shutil

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.sources import SOURCES
from pipelines.universe import UNIVERSE_FILE, Universe, load_universe

SAMPLE = ("--profile", "sample", "--since", "2026-01-01", "--as-of", "2026-03-31")
UNNAMED = [name for name in SOURCES if not load_universe().series(name)]
BUSY = "yahoo daily_bars MSFT: transient: HTTP 503, busy (after 5 attempts). Next: run again later"


def scaretrade(*arguments, **environment):
    result = CliRunner().invoke(main, [str(a) for a in arguments], env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def blocks(home, **environment):
    """Each source's block: label to text, and the headline."""
    headline, *parts = scaretrade("sources", "--home", home, **environment).rstrip("\n").split("\n\n")
    found = {}
    for part in parts:
        first, *rest = part.splitlines()
        found[first.partition(":")[0]] = dict(
            re.fullmatch(r"  (\w+(?: \w+)?) {2,}(.+)", line).groups() for line in rest
        )
    return headline, found


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    home = tmp_path_factory.mktemp("sources") / "home"
    scaretrade("run", "--home", home, *SAMPLE)
    return home


@pytest.fixture
def home(first, tmp_path):
    """A copy of the home after one run on the sample market."""
    return shutil.copytree(first, tmp_path / "home", symlinks=True)


def add_loads(home, *loads):
    """Bookkeeping of a further run of yahoo, an hour after the last one: (symbol, outcome, reason)."""
    with duckdb.connect(str(home / "market.duckdb")) as file:
        newest = "select max(load_id) + 1, max(known_at) + interval 1 hour from quality.loads"
        ((load_id, known_at),) = file.execute(newest).fetchall()
        for symbol, outcome, reason in loads:
            values = [
                load_id,
                "run",
                "yahoo",
                "daily_bars",
                symbol,
                known_at,
                "2026-03-22",
                "2026-03-31",
                outcome,
                reason,
            ]
            marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
            file.execute(f"insert into quality.loads values ({marks}, 0, 0, 0, 0, 'run')", values)


def test_before_any_run_every_source_is_described(tmp_path):
    headline, found = blocks(tmp_path / "none")
    assert headline == "Nothing is published yet. Next: run `make run` (sample) or `make live`"
    assert list(found) == list(SOURCES)
    assert found["binance"] == {
        "feeds": f"daily_bars ({len(load_universe().series('binance'))})",
        "key": "none needed",
        "terms": SOURCES["binance"].TERMS,
        "last success": "never",
        "last failure": "never",
    }
    assert not (tmp_path / "none").exists()


def test_after_a_run_it_says_how_each_fared_and_that_the_market_is_simulated(first):
    headline, found = blocks(first)
    assert headline.startswith("SIMULATED sample data")
    # The run is as of the end of the 31st.
    assert found["yahoo"]["last success"] == "2026-04-01 00:00 UTC, newest data 2026-03-31"
    assert found["yahoo"]["last failure"] == "never"
    for name in UNNAMED:
        assert found[name]["last success"] == "never"


def test_a_source_that_is_not_asked_says_how_to_ask_it(first):
    _, found = blocks(first)
    assert {"tiingo", "nasdaq", "cboe"} <= set(UNNAMED)
    for name in UNNAMED:
        (line,) = re.findall(
            r"^nothing; to ask it, add `(.+)` to an instrument's line in pipelines/universe.yaml$", found[name]["feeds"]
        )
        document = yaml.safe_load(UNIVERSE_FILE.read_text())
        document["instruments"]["MSFT"] |= yaml.safe_load(line)
        [series] = Universe.model_validate(document).series(name)
        assert (series.symbol, series.dataset) == ("MSFT", "daily_bars")


def test_a_missing_key_says_what_a_live_run_leaves_out(first):
    _, found = blocks(first)
    assert found["sec"]["key"] == "SCARETRADE_CONTACT is not set, so a live run leaves out facts (20)"
    assert found["glassnode"]["key"] == "GLASSNODE_API_KEY is not set, so a live run leaves out onchain (1)"
    assert found["bgeometrics"]["key"] == "BGEOMETRICS_TOKEN is not set, and need not be"
    assert found["tiingo"]["key"] == "TIINGO_API_KEY is not set"


def test_a_key_that_is_set_is_named_and_its_value_is_not(first):
    keys = ("COINGECKO_DEMO_API_KEY", "TIINGO_API_KEY", "BGEOMETRICS_TOKEN", "SCARETRADE_CONTACT")
    environment = dict.fromkeys(keys, "s3cr3t")
    _, found = blocks(first, **environment)
    left = "COINGECKO_PRO_API_KEY is not set, so a live run leaves out market_caps (1)"
    assert found["coingecko"]["key"] == f"COINGECKO_DEMO_API_KEY is set; {left}"
    assert found["tiingo"]["key"] == "TIINGO_API_KEY is set"
    assert found["sec"]["key"] == "SCARETRADE_CONTACT is set"
    assert "s3cr3t" not in scaretrade("sources", "--home", first, **environment)
    assert "s3cr3t" not in scaretrade("sources", "--home", first, "--json", **environment)


def test_a_failure_says_when_of_how_many_why_and_what_to_do(home):
    add_loads(home, ("AAPL", "ok", None), ("MSFT", "transient", BUSY), ("NVDA", "skipped", "no key"))
    _, found = blocks(home)
    assert found["yahoo"]["last failure"] == f"2026-04-01 01:00 UTC, 1 of 2 series: {BUSY}"
    assert found["yahoo"]["last success"].startswith("2026-04-01 01:00 UTC")
    assert found["binance"]["last failure"] == "never"


def test_the_failure_that_caused_others_is_the_one_that_is_told(home):
    rest = "yahoo did not answer for the series before"
    add_loads(home, ("AAPL", "not_asked", rest), ("MSFT", "transient", BUSY), ("NVDA", "not_asked", rest))
    _, found = blocks(home)
    assert found["yahoo"]["last failure"] == f"2026-04-01 01:00 UTC, 3 of 3 series: {BUSY}"
    assert found["yahoo"]["last success"].startswith("2026-04-01 00:00 UTC")


def test_a_reason_without_a_next_step_gets_one(home):
    reason = "tiingo answers 45 requests a run; the next run asks first"
    add_loads(home, ("MSFT", "not_asked", reason))
    _, found = blocks(home)
    assert found["yahoo"]["last failure"].startswith(f"2026-04-01 01:00 UTC, 1 of 1 series: {reason}. Next: run again")


def test_a_failure_that_has_healed_says_so_without_its_reason(home):
    add_loads(home, ("MSFT", "transient", BUSY))
    add_loads(home, ("MSFT", "ok", None))
    _, found = blocks(home)
    assert found["yahoo"]["last failure"] == "2026-04-01 01:00 UTC; it has answered since"
    assert found["yahoo"]["last success"].startswith("2026-04-01 02:00 UTC")


def test_the_same_for_machines(home):
    add_loads(home, ("MSFT", "transient", BUSY))
    found = {row["source"]: row for row in json.loads(scaretrade("sources", "--home", home, "--json"))}
    assert list(found) == list(SOURCES)
    yahoo = found["yahoo"]
    assert (yahoo["data"], yahoo["n_failing"], yahoo["n_asked"], yahoo["why"]) == ("simulated", 1, 1, BUSY)
    assert yahoo["last_failure"].startswith("2026-04-01T01:00")
    assert yahoo["newest_date"].startswith("2026-03-31")
    assert (found["tiingo"]["last_success"], found["tiingo"]["feeds"]) == (None, "")


def test_before_any_run_machines_read_the_same_fields(first, tmp_path):
    fields = [
        [set(row) for row in json.loads(scaretrade("sources", "--home", folder, "--json"))]
        for folder in (first, tmp_path / "none")
    ]
    assert fields[0] == fields[1]
    assert len(fields[0]) == len(SOURCES)


def test_a_file_published_before_a_table_was_added_is_read(home):
    with duckdb.connect(str(home / "market.duckdb")) as file:
        file.execute("drop table raw.market_caps")
    _, found = blocks(home)
    assert "newest data" in found["yahoo"]["last success"]
