"""Alerts: after each run, what its rules find is stored, and sent once to each channel. Nothing here fails a run."""

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.alert_channels import BUDGET_SECONDS, Channel, NotDelivered, channels, persistent
from pipelines.alert_rules import Finding, Rule, RuleFailed, findings, load_rules
from pipelines.alert_state import Alert, AlertState, alert_state
from pipelines.query import connect
from pipelines.sources.answers import redact

FAILED_RUN = "failed_run"
NEXT_RUN = "the next run tries again; `scaretrade alerts --test` tries now"
log = logging.getLogger("scaretrade")


@dataclass
class Raised:
    """New alerts, the states (key, state, as_of) they came from, and the rules that failed."""

    alerts: list[Alert] = field(default_factory=list)
    states: list[tuple[str, str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def alert_published(home: Path) -> list[str]:
    """Send what the rules find in the published file, and what earlier runs could not deliver.

    Returns a line for each rule or channel that failed, which is logged as a warning too. Never raises.
    """
    return _safely(home, lambda state: raised(home, state))


def alert_failed(home: Path, data: str, reasons: Iterable[str]) -> list[str]:
    """Send that a run of `data` (simulated or vendors) published nothing, once a day and reason; else as above."""
    said = redact(" ".join("; ".join(reasons).split())) or "no reason was given"
    # The same failure a minute later may count other rows or name another minute.
    identity = hashlib.sha256(re.sub(r"\d+", "0", said).encode()).hexdigest()[:12]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    message = f"nothing was published on {today}, the tables published before stay as they were. {said}"
    alert = Alert(f"{data}/{FAILED_RUN}/{today}/{identity}", FAILED_RUN, "Failed run", message, today, today, data)
    return _safely(home, lambda _state: Raised([] if FAILED_RUN in load_rules()[1] else [alert]))


def _safely(home: Path, find: Callable[[AlertState], Raised]) -> list[str]:
    troubles = []
    try:
        with alert_state(home) as state:
            open_channels, found = channels(), find(state)
            state.store(found.alerts, [c.name for c in open_channels], found.states)
            troubles += found.troubles
            troubles += [trouble for channel in open_channels for trouble in deliver(state, channel)]
    except Exception as error:  # noqa: BLE001 - a run that published must not fail because of its alerts
        troubles.append(f"alerts: {redact(str(error)) or type(error).__name__}")
    for trouble in troubles:
        log.warning("%s", trouble)
    return troubles


def raised(home: Path, state: AlertState) -> Raised:
    """What every rule finds in the published file."""
    found = Raised()
    with connect(home) as connection:
        meta = dict(connection.execute("select key, value from meta").fetchall())
        for rule in load_rules()[0]:
            try:
                for finding in findings(connection, rule, date.fromisoformat(meta["as_of"])):
                    judge(found, state, rule, finding, meta)
            except RuleFailed as failed:
                found.troubles.append(f"alert rule {rule.id}: {failed}. Next: correct it; the other rules were asked")
    return found


def judge(found: Raised, state: AlertState, rule: Rule, finding: Finding, meta: dict[str, str]) -> None:
    """Raise an alert for a finding; where it is a state, only if it differs from the one seen on a day before."""
    key, message, as_of = f"{meta['data']}/{rule.id}/{finding.key}", finding.message, meta["as_of"]
    if finding.state is not None:
        before = state.state(key)
        # A run as of an earlier day looks back; it neither changes nor is what was last seen.
        if before and before[1] > as_of:
            return
        found.states.append((key, finding.state, as_of))
        if before is None or before[0] == finding.state:
            return
        key, message = f"{key}/{before[0]} to {finding.state}/{as_of}", f"{message} (Before: {before[0]}.)"
    found.alerts.append(Alert(key, rule.id, rule.title, message, str(finding.date), as_of, meta["data"]))


def deliver(state: AlertState, channel: Channel) -> list[str]:
    """Send a channel what it is owed, as far as its time allows; the line to show where it fails."""
    owed, deadline = state.owed(channel.name), time.monotonic() + BUDGET_SECONDS
    for n, alert in enumerate(owed):
        try:
            if time.monotonic() >= deadline:
                raise NotDelivered(f"more than {BUDGET_SECONDS:g} seconds", may_pass=True)
            persistent(deadline)(channel.send, alert)
        except NotDelivered as failure:
            state.failed(alert, channel.name, str(failure))
            return [f"alerts: {channel.name}: {len(owed) - n} not delivered: {failure}. Next: {NEXT_RUN}"]
        state.delivered(alert, channel.name)
    return []
