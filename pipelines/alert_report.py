"""What `scaretrade alerts` says: rules, channels without their addresses, and what became of the last alerts."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.alert_channels import BUDGET_SECONDS, FILE, SMTP, WEBHOOK, NotDelivered, channels, persistent
from pipelines.alert_rules import load_rules
from pipelines.alert_state import Alert, alert_state

SHOWN = 20
NO_CHANNEL = f"none; set {WEBHOOK}, {SMTP} or {FILE} (.env.example), then `scaretrade alerts --test`"


def facts(home: Path) -> dict[str, Any]:
    """Rules, channels and the last deliveries; raises WrongSettings."""
    rules, silenced = load_rules()
    found = {
        "rules": [{"id": r.id, "title": r.title, "days": r.days} for r in rules],
        "silenced": sorted(silenced),
        "channels": [channel.name for channel in channels()],
        "last": [],
    }
    if (home / "alerts.db").exists():
        with alert_state(home) as state:
            found["last"] = state.last_deliveries(SHOWN)
    return found


def tried() -> dict[str, str]:
    """Each channel's answer to a test alert: delivered, or why not. Nothing is stored."""
    outcomes, alert = {}, test_alert(datetime.now(UTC))
    for channel in channels():
        try:
            persistent(time.monotonic() + BUDGET_SECONDS)(channel.send, alert)
            outcomes[channel.name] = "delivered"
        except NotDelivered as failure:
            outcomes[channel.name] = f"not delivered: {failure}"
    return outcomes


def test_alert(at: datetime) -> Alert:
    """An alert of nothing."""
    message = "sent by `scaretrade alerts --test`; alerts arrive here"
    return Alert(f"test/{at:%Y-%m-%dT%H:%M:%SZ}", "test", "Test", message, f"{at:%Y-%m-%d}", f"{at:%Y-%m-%d}", "none")


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    if "test" in found:
        return [f"{name}: {outcome}" for name, outcome in found["test"].items()] or [f"Channels: {NO_CHANNEL}"]
    rules = [f"  {r['id']:24} {r['title']}; told up to {r['days']} days back" for r in found["rules"]]
    return [
        "Rules",
        *rules,
        f"  {'failed_run':24} Failed run; built in",
        f"Silenced: {', '.join(found['silenced']) or 'none'}",
        f"Channels: {', '.join(found['channels']) or NO_CHANNEL}",
        f"Last alerts{'' if found['last'] else ': none'}",
        *(f"  {row['raised_at']} {fate(row)}: {Alert(**alert_of(row)).text}" for row in found["last"]),
    ]


def fate(row: dict[str, Any]) -> str:
    """What became of an alert in a channel."""
    if row["channel"] is None:
        return "no channel was set"
    if row["delivered_at"]:
        return f"{row['channel']} delivered"
    return f"{row['channel']} NOT DELIVERED ({row['failure'] or 'not tried yet'})"


def alert_of(row: dict[str, Any]) -> dict[str, str]:
    """The alert's own columns."""
    return {name: row[name] for name in Alert.__annotations__}
