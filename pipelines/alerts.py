"""Alerts: after each run, what its rules find is stored, and sent once to each channel. Nothing here fails a run."""

import hashlib
import logging
import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from pipelines.alert_channels import BUDGET_SECONDS, Channel, NotDelivered, channels, persistent
from pipelines.alert_rules import Finding, Rule, RuleFailed, findings, load_rules
from pipelines.alert_state import Alert, AlertState, alert_state
from pipelines.query import connect
from pipelines.sources.answers import redact

FAILED_RUN = "failed_run"
NEXT_RUN = "the next run tries again; `scaretrade alerts --test` tries the channel now"
log = logging.getLogger("scaretrade")
P = ParamSpec("P")


@dataclass
class Raised:
    """New alerts, the states (key, state, as_of) they came from, and the rules that failed."""

    alerts: list[Alert] = field(default_factory=list)
    states: list[tuple[str, str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def never_raising(what: Callable[P, list[str]]) -> Callable[P, list[str]]:
    """Give troubles as lines, logged as warnings, and no exception: no run may fail because of its alerts."""

    @wraps(what)
    def quiet(*args: P.args, **options: P.kwargs) -> list[str]:
        try:
            troubles = what(*args, **options)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            troubles = [f"alerts: {redact(str(error)) or type(error).__name__}"]
        for trouble in troubles:
            log.warning("%s", trouble)
        return troubles

    return quiet


@never_raising
def alert_published(home: Path) -> list[str]:
    """Send what the rules find in the published file, and what earlier runs could not deliver.

    Returns a line for each rule or channel that failed.
    """
    return _stored_and_sent(home, lambda state: raised(home, state))


@never_raising
def alert_failed(home: Path, data: str, reasons: Iterable[str]) -> list[str]:
    """Send that a run of `data` (simulated or vendors) published nothing, once a day and reason; else as above."""
    said = redact(" ".join("; ".join(reasons).split())) or "no reason was given"
    # The same failure a minute later may count other rows or name another minute.
    identity = hashlib.sha256(re.sub(r"\d+", "0", said).encode()).hexdigest()[:12]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    message = f"nothing was published on {today}, the tables published before stay as they were. {said}"
    alert = Alert(f"{data}/{FAILED_RUN}/{today}/{identity}", FAILED_RUN, "Failed run", message, today, today, data)
    alerts = [] if FAILED_RUN in load_rules()[1] else [alert]
    try:
        return _stored_and_sent(home, lambda _state: Raised(alerts))
    except (OSError, sqlite3.Error) as error:
        # Often the reason of the failure itself: better told at each run than never.
        told = [trouble for channel in channels() for trouble in send_all(channel, alerts)]
        return [f"alerts: {home}: {error}, so that the failure will be sent again by the next failed run", *told]


def _stored_and_sent(home: Path, find: Callable[[AlertState], Raised]) -> list[str]:
    with alert_state(home) as state:
        open_channels, found = channels(), find(state)
        state.store(found.alerts, [c.name for c in open_channels], found.states)
        return found.troubles + [trouble for channel in open_channels for trouble in deliver(state, channel)]


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
    """Send a channel what it is owed, each delivery remembered at once; the line to show where one fails."""

    def remember(alert: Alert, failure: str | None) -> None:
        state.note(alert, channel.name, failure)

    return send_all(channel, state.owed(channel.name), remember)


def send_all(
    channel: Channel, alerts: list[Alert], remember: Callable[[Alert, str | None], None] = lambda alert, failure: None
) -> list[str]:
    """Send until one fails or the channel's time is over; `remember` gets each alert and why it was not delivered."""
    deadline = time.monotonic() + BUDGET_SECONDS
    for n, alert in enumerate(alerts):
        try:
            if time.monotonic() >= deadline:
                raise NotDelivered(f"more than {BUDGET_SECONDS:g} seconds", may_pass=True)
            persistent(deadline)(channel.send, alert)
        except NotDelivered as failure:
            remember(alert, str(failure))
            return [f"alerts: {channel.name}: {len(alerts) - n} not delivered: {failure}. Next: {NEXT_RUN}"]
        remember(alert, None)
    return []
