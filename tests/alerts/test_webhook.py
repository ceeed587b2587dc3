"""Each alert is delivered once to a webhook that fails at first, and to the other channels meanwhile."""

import time

import pytest

from pipelines import alert_channels
from pipelines.alerts import alert_failed, alert_published
from tests.alerts.situations import change, crossing
from tests.receivers import Webhook


def test_a_webhook_that_fails_at_first_gets_each_alert_once(home, monkeypatch):
    crossing(home)
    with Webhook(500, 429) as receiver:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url)
        assert alert_published(home) == []
        assert len(receiver.got) == 3, "two refusals, then taken"
        assert alert_published(home) == []
        assert len(receiver.got) == 3
    body = receiver.got[-1]
    assert body == {
        "text": "Level crossed: BTC went below 100,000 on 2026-02-06 (by close; close 99,998.50)",
        "alert_key": "vendors/level_crossed/BTC below 100000 on 2026-02-06",
        "rule": "level_crossed",
        "title": "Level crossed",
        "message": "BTC went below 100,000 on 2026-02-06 (by close; close 99,998.50)",
        "date": "2026-02-06",
        "as_of": "2026-02-06",
        "data": "vendors",
    }


def test_what_a_run_could_not_deliver_the_next_one_does(home, file, monkeypatch):
    crossing(home, level=1)
    crossing(home, level=2)
    with Webhook(500, 500, 500) as receiver:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url)
        (trouble,) = alert_published(home)
        assert trouble.startswith("alerts: webhook: 2 not delivered: HTTP 500. Next: ")
        assert (len(receiver.got), len(file())) == (3, 2), "after three attempts it waits; other channels do not"
        change(home, "delete from marts.level_crossings")
        assert alert_published(home) == []
        assert alert_published(home) == []
        assert len({body["alert_key"] for body in receiver.got[3:]}) == len(receiver.got[3:]) == 2
    assert len(file()) == 2


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410])
def test_a_webhook_that_says_no_is_not_asked_again_in_the_run(home, monkeypatch, status):
    crossing(home)
    with Webhook(status) as receiver:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url)
        assert f"HTTP {status}" in alert_published(home)[0]
        assert len(receiver.got) == 1
        assert alert_published(home) == []
        assert len(receiver.got) == 2


def test_slack_shows_the_text_as_it_is(home, monkeypatch):
    with Webhook() as receiver:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url)
        alert_failed(home, "vendors", ["<html> & more"])
    (body,) = receiver.got
    assert "&lt;html&gt; &amp; more" in body["text"]
    assert "<html> & more" in body["message"]


def test_a_receiver_that_never_answers_costs_bounded_time(home, monkeypatch):
    import socket

    monkeypatch.setattr(alert_channels, "TIMEOUT_SECONDS", 0.3)
    for level in range(1, 6):
        crossing(home, level=level)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}/")
        started = time.monotonic()
        (trouble,) = alert_published(home)
    assert "5 not delivered: no answer (ReadTimeout)" in trouble
    assert time.monotonic() - started < 4


def test_a_channel_set_later_gets_what_is_still_told(home, file, monkeypatch):
    monkeypatch.delenv("SCARETRADE_ALERT_FILE")
    crossing(home)
    alert_published(home)
    monkeypatch.setenv("SCARETRADE_ALERT_FILE", str(home.parent / "told" / "alerts.jsonl"))
    alert_published(home)
    alert_published(home)
    assert len(file()) == 1
