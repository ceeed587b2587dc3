"""The runbook, typed line by line on a server in a folder, against vendors on this machine; and the words it quotes."""

import ast
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from pipelines.cli import main
from pipelines.settings import PROJECT
from tests.published import differences, rows, tables
from tests.small_runs import TODAY, UNIVERSE
from tests.tampered import Tampered

RUNBOOK = (PROJECT / "docs" / "operations.md").read_text()
STEP = re.compile(r"^(?:<!-- ([a-z]+(?: of)?): (.+?) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(part.split("\n", 1) for part in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:])

# Enough sessions for the shortest window of correlations.
SINCE = "2026-01-02"
PROGRAMS = ("cp", "flock", "install", "make", "mv", "rm", "tar", ".venv/bin/scaretrade")
# What no test may do to the machine it runs on. The units are verified in test_schedules.py.
NOT_RUN = {
    "useradd --system --user-group --home-dir /opt/scaretrade --shell /usr/sbin/nologin scaretrade": "makes a user",
    "chown -R scaretrade: /opt/scaretrade /etc/scaretrade /var/lib/scaretrade": "that user is not there",
    "chown -R scaretrade: /opt/scaretrade": "that user is not there",
    "chown -R scaretrade: /var/lib/scaretrade": "that user is not there",
    "systemctl daemon-reload": "the machine's services",
    "systemctl enable --now scaretrade.timer": "the machine's services",
    "systemctl disable --now scaretrade.timer": "the machine's services",
    "systemctl start scaretrade.timer": "the machine's services",
    "systemctl stop scaretrade.timer scaretrade.service": "the machine's services",
    "systemctl list-timers scaretrade.timer": "the machine's services",
    "journalctl -u scaretrade.service --since yesterday": "the machine's journal",
    "scp old.example.org:/var/backups/scaretrade/whole.tar.gz /var/backups/scaretrade": "another machine",
}


class Step(NamedTuple):
    """A block of the runbook: commands to type, or text for a file."""

    kind: str | None
    place: str | None
    language: str
    text: str


def steps(section):
    return [Step(*found) for found in STEP.findall(SECTIONS[section])]


class Server:
    """A machine whose root is a folder; `said` holds each command that was run with what it printed."""

    def __init__(self, root, environment):
        self.root, self.environment, self.said = root, environment, {}
        unpack(root / "admin" / "scaretrade")
        for folder in ("opt", "etc/systemd/system", "var/lib", "var/backups"):
            (root / folder).mkdir(parents=True)

    @property
    def code(self):
        return self.root / "opt" / "scaretrade"

    @property
    def published(self):
        return self.root / "var" / "lib" / "scaretrade" / "market.duckdb"

    def here(self, text):
        """The text with the machine's folders below this root."""
        return re.sub(r"(?<![^\s='\"])/(?=(?:opt|etc|var)/)", f"{self.root}/", text).replace(
            " -C / ", f" -C {self.root} "
        )

    def perform(self, *wanted):
        for step in wanted:
            if step.language == "console":
                for line in step.text.splitlines():
                    self.type(line)
            else:
                self.write(step)

    def write(self, step):
        file, text = Path(self.here(step.place.removeprefix("instruments in "))), self.here(step.text)
        before = file.read_text() if file.exists() else ""
        match step.kind:
            case "file":
                file.write_text(text)
            case "lines of":
                file.write_text(before + text)
            case "line":
                file.write_text(before.replace("instruments:\n", f"instruments:\n{text}"))
            case other:
                pytest.fail(f"a block of {step.place} that the test does not know: {other}")

    def type(self, line):
        by_admin, command = line.startswith("sudo "), line.removeprefix("sudo ")
        if command in NOT_RUN:
            return
        words = shlex.split(self.adapted(command))
        assert words[0] in PROGRAMS, f"neither run nor excluded by the test: {line}"
        assert all(str(self.root) in word for word in words if word.startswith("/")), line
        folder = self.root / "admin" if by_admin else self.code
        environment = {**self.environment, "PYTHONPATH": str(self.code)}
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        self.said.setdefault(command, []).append(done.stdout)
        if command == "make .venv/.ready":
            (self.code / ".venv").symlink_to(sys.prefix)

    def adapted(self, command):
        """What is the same on any machine: little history, and an environment that is there already."""
        quick = command.replace("scaretrade run", f"scaretrade run --since {SINCE}")
        return self.here(quick).replace("make ", "make -n ")

    def last(self, command):
        return self.said[command][-1]


def unpack(folder):
    """The project as delivered, watching a small market."""
    folder.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__")
    kept = re.findall(r"^!/(warehouse/\w+(?:\.yaml)?)/?$", (PROJECT / ".gitignore").read_text(), re.MULTILINE)
    files = ("Makefile", "pyproject.toml", "requirements.lock", ".env.example")
    for part in ("pipelines", "assets_defs", "deploy", *kept):
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, folder / part, ignore=ignored)
        else:
            files = (*files, part)
    for file in files:
        shutil.copy(PROJECT / file, folder / file)
    (folder / "pipelines" / "universe.yaml").write_text(UNIVERSE)


def also_netflix(vendors):
    """The simulated market has no Netflix: Apple's bars stand in, as the vendor's answer for the added instrument."""

    def answer(path, body):
        if "NFLX" not in path:
            return body
        request = requests.Request("GET", f"http://vendor{path.replace('NFLX', 'AAPL')}").prepare()
        return 200, {}, vendors.market.send(request).raw.read().replace(b"AAPL", b"NFLX")

    return answer


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The vendors on a port of this machine. They know the instrument that the runbook adds."""
    vendors = Tampered()
    vendors.spoil = also_netflix(vendors)
    urls = {name: value for name, value in vendors.environment.items() if name.endswith("_URL")}
    home = tmp_path_factory.mktemp("home")
    yield {"PATH": os.environ["PATH"], "HOME": str(home), "SCARETRADE_AS_OF": TODAY, **urls}
    vendors.close()


@pytest.fixture(scope="module")
def old(tmp_path_factory, environment):
    """The first machine: installed, upgraded, rolled back, restored twice. With what was published at each point."""
    server = Server(tmp_path_factory.mktemp("old"), environment)
    server.points = {}
    for section in ("Install", "Upgrade", "Back up and restore"):
        server.perform(*steps(section))
        server.points[section] = shutil.copy(server.published, server.root / f"{section}.duckdb")
    return server


@pytest.fixture(scope="module")
def new(tmp_path_factory, environment, old):
    """The second machine: everything moved to it from the first, which is gone; then an instrument and so on added."""
    stop, arrive = steps("Move to another machine")
    old.perform(stop)
    server = Server(tmp_path_factory.mktemp("new"), environment)
    server.perform(steps("Install")[0])
    archive = "var/backups/scaretrade/whole.tar.gz"
    (server.root / archive).parent.mkdir()
    shutil.copy(old.root / archive, server.root / archive)
    old.root.rename(old.root.with_name("gone"))
    *unpacking, verify, run = arrive.text.splitlines()
    for line in unpacking:
        server.type(line)
    settings = server.code / ".env"
    settings.write_text(settings.read_text().replace(str(old.root), str(server.root)))
    old.root = old.root.with_name("gone")
    server.type(verify)
    server.type(run)
    for section in ("Add an instrument", "Add a claim", "Add an alert"):
        server.perform(*steps(section))
    return server


def test_every_block_is_one_that_is_performed():
    performed = {"Install", "Upgrade", "Back up and restore", "Move to another machine"}
    performed |= {"Add an instrument", "Add a claim", "Add an alert"}
    others = {name: steps(name) for name in SECTIONS if name not in performed}
    # The one block besides is what to paste into the UI's launchpad.
    assert {name: [s.language for s in found] for name, found in others.items() if found} == {"Backfill": ["yaml"]}
    blocks = [step for name in performed for step in steps(name) if step.language == "console"]
    typed = {line.removeprefix("sudo ") for block in blocks for line in block.text.splitlines()}
    assert set(NOT_RUN) <= typed
    assert {command.split()[0] for command in typed - set(NOT_RUN)} == set(PROGRAMS)


@pytest.mark.slow
def test_an_installed_server_publishes_and_keeps_its_settings_to_itself(old):
    assert stat.S_IMODE((old.code / ".env").stat().st_mode) == 0o600
    assert dict(rows(old.points["Install"], "from meta"))["data"] == "vendors"
    assert "yahoo" in old.last(".venv/bin/scaretrade sources")
    assert old.said[".venv/bin/scaretrade status"][0].startswith("Published ")
    assert "delivered" in old.last(".venv/bin/scaretrade alerts --test")
    assert "--require-hashes -r requirements.lock" in old.last("make .venv/.ready")
    units = {unit.name for unit in (old.root / "etc" / "systemd" / "system").iterdir()}
    assert units == {"scaretrade.service", "scaretrade.timer", "scaretrade-ui.service"}


@pytest.mark.slow
def test_an_upgrade_and_the_way_back_change_no_table(old):
    one, other = old.points["Install"], old.points["Upgrade"]
    assert differences(one, other, market_tables(one)) == {}
    assert not (old.root / "opt" / "scaretrade.before").exists()
    assert stat.S_IMODE((old.code / ".env").stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_backup_is_whole_and_the_landing_alone_gives_the_same_tables(old):
    (listed,) = [said for command, said in old.said.items() if " tar -tzf" in f" {command}"]
    assert "opt/scaretrade/.env" in listed[0]
    assert ".jsonl" in listed[0]
    one, other = old.points["Upgrade"], old.points["Back up and restore"]
    assert differences(one, other, market_tables(one)) == {}


def market_tables(file):
    return [name for name in tables(file) if name.split(".")[0] in ("raw", "core", "marts")]


@pytest.mark.slow
def test_a_run_waits_while_the_backup_holds_the_lock(old):
    home = old.published.parent
    words = [old.code / ".venv/bin/scaretrade", "verify", "--home", home, "--profile", "live"]
    environment = {**old.environment, "PYTHONPATH": str(old.code), "SCARETRADE_LOCK_TIMEOUT_SECONDS": "0"}
    held = ["flock", str(home / ".lock"), *map(str, words)]
    done = subprocess.run(held, env=environment, capture_output=True, text=True)
    assert (done.returncode, "another run holds" in done.stderr) == (3, True)


@pytest.mark.slow
def test_an_instrument_that_was_added_is_priced_and_correlated(new):
    coverage, correlations = (said[-1] for command, said in new.said.items() if "NFLX" in command)
    assert re.search(rf"yahoo +│ daily_bars +│ \S+ +│ {TODAY} +│ ok ", coverage)
    assert {base for base in ("BTC", "QQQ") if base in correlations} == {"BTC", "QQQ"}


@pytest.mark.slow
def test_a_claim_that_was_added_is_judged(new):
    (answer,) = (said[-1] for command, said in new.said.items() if "bitcoin_below_half" in command)
    assert re.search(r"bitcoin_below_half +│ +\d[\d.]* │ (supported|partly|not_supported) ", answer)


@pytest.mark.slow
def test_an_alert_that_was_added_arrives(new):
    assert "bitcoin_day" in new.last(".venv/bin/scaretrade alerts")
    assert "Silenced: drawdown_depth" in new.last(".venv/bin/scaretrade alerts")
    sent = [json.loads(line) for line in (new.published.parent / "alerts.jsonl").read_text().splitlines()]
    assert {"test", "bitcoin_day"} <= {alert["rule"] for alert in sent}


@pytest.mark.slow
def test_a_server_is_moved_whole(new):
    assert not (new.root / "var" / "lib" / "scaretrade.broken").exists()
    assert len(rows(new.published, "select distinct run_id from quality.loads")) > 4


def first_cells():
    """The words that the tables of failures quote: between the ellipses, each must stand in the code."""
    for line in SECTIONS["Failures"].splitlines():
        if line.startswith("| `"):
            for quoted in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                yield from (part for part in quoted.split("…") if part.strip())


def literals():
    """Every piece of text in the product's code, joined as the parser joins it."""
    for file in (*(PROJECT / "pipelines").rglob("*.py"), *(PROJECT / "assets_defs").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.fixture(scope="module")
def said_by_the_code():
    return "\n".join(literals())


@pytest.mark.parametrize("words", sorted(set(first_cells())))
def test_the_failures_are_told_in_the_words_of_the_code(said_by_the_code, words):
    assert words in said_by_the_code


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`scaretrade ([a-z][^`]*)`", RUNBOOK))))
def test_a_command_named_in_the_text_is_one(command):
    name, *arguments = shlex.split(command)
    main.commands[name].make_context(name, arguments)
