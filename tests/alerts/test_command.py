"""The command that lists and tests alerts, and what must not be said."""

import json

import pytest

from pipelines.alert_channels import channels
from pipelines.alerts import alert_failed, alert_published
from pipelines.settings import Settings, WrongSettings
from tests.alerts.situations import crossing, scaretrade
from tests.receivers import Smtp, Webhook


def test_alerts_can_be_listed_and_tested(home, file, monkeypatch):
    assert "Channels: none; set SCARETRADE_ALERT_WEBHOOK_URL" in scaretrade("alerts", SCARETRADE_ALERT_FILE="").output
    crossing(home)
    with Webhook(500, 500, 500, 500, 500, 500) as receiver:
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url)
        alert_published(home)
        shown = scaretrade("alerts", "--home", home).output
        assert "level_crossed            Level crossed; told up to 7 days back" in shown
        assert "Channels: webhook, file" in shown
        assert "webhook NOT DELIVERED (HTTP 500): Level crossed: BTC went below 100,000" in shown
        assert "file delivered: Level crossed" in shown
        tried = scaretrade("alerts", "--test", "--json")
        assert tried.exit_code == 1
        assert json.loads(tried.output) == {"test": {"webhook": "not delivered: HTTP 500", "file": "delivered"}}
        assert scaretrade("alerts", "--test").exit_code == 0
    assert receiver.got[-1]["rule"] == "test"
    assert scaretrade("alerts", "--test", SCARETRADE_ALERT_FILE="", SCARETRADE_ALERT_WEBHOOK_URL="").exit_code == 1


@pytest.mark.parametrize("url", ["http://h", "smtp://", "smtp://h:port", "h:25"])
def test_an_address_that_is_none_is_named_without_being_repeated(monkeypatch, url):
    monkeypatch.setenv("SCARETRADE_ALERT_SMTP_URL", url + "/secretpart")
    Settings.load()
    with pytest.raises(WrongSettings, match="SCARETRADE_ALERT_SMTP_URL is no smtp") as wrong:
        channels()
    assert "secretpart" not in str(wrong.value)


def test_nothing_said_or_kept_holds_an_address_or_a_password(home, mail, monkeypatch, caplog, capfd):
    crossing(home)
    with caplog.at_level("DEBUG"), Webhook(500, 403, path="covert7-path") as receiver, Smtp(knows="x") as server:
        mail(server, "ann:covert7-word@")
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", receiver.url.replace("://", "://bob:covert7-pass@"))
        said = [*alert_published(home)]
        monkeypatch.setenv("SCARETRADE_ALERT_WEBHOOK_URL", "http://127.0.0.1:9/covert7-path")
        said += alert_published(home)
        alert_failed(home, "vendors", ["GET http://ann:covert7-word@host/?token=covert7-path failed"])
        said += [scaretrade("alerts", *more, "--home", home).output for more in ([], ["--json"], ["--test"])]
    assert receiver.got
    assert server.logins
    kept = [path.read_bytes().decode("latin1") for path in home.rglob("*") if path.is_file()]
    everything = "\n".join([*said, caplog.text, *capfd.readouterr(), *kept])
    assert "not delivered" in everything
    assert "covert7" not in everything
