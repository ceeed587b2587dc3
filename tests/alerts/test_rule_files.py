"""The rules' files: the user's beside the shipped ones, and mistakes in them."""

import json

import pytest

from pipelines.alert_rules import RULES_FILE, WrongRule, load_rules, read_rules
from pipelines.alerts import alert_failed, alert_published
from tests.alerts.situations import crossing, messages, scaretrade


def users(monkeypatch, tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)
    monkeypatch.setenv("SCARETRADE_ALERTS", str(tmp_path / "own.yaml"))


def test_a_users_file_adds_replaces_and_silences(home, file, monkeypatch, tmp_path):
    own = "select 'k' as alert_key, 'it is ' || $as_of as message, $as_of as date"
    rules = f'rules:\n  - {{id: mine, title: Mine, sql: "{own}"}}\nsilenced: [level_crossed, failed_run]\n'
    users(monkeypatch, tmp_path, rules)
    crossing(home)
    assert alert_published(home) == alert_failed(home, "vendors", ["broken"]) == []
    assert messages(file()) == ["it is 2026-02-06"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rules: [{id: a, title: A, sql: select 1, dayz: 3}]", "rules, 0, dayz: Extra inputs"),
        ("rules: [{id: a, title: A, sql: x}, {id: a, title: A, sql: x}]", "the id a is given twice"),
        ("rules: [", "is no YAML"),
    ],
)
def test_a_wrong_file_is_a_usage_error_before_anything_runs(monkeypatch, tmp_path, text, complaint):
    users(monkeypatch, tmp_path, text)
    with pytest.raises(WrongRule, match=complaint):
        load_rules()
    result = scaretrade("run", "--home", tmp_path / "home")
    assert (result.exit_code, (tmp_path / "home").exists()) == (2, False)
    assert complaint in result.stderr


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("drop table marts.claims", "not one SELECT"),
        ("select 1; select 2", "not one SELECT"),
        ("select * from marts.nothing", "its SQL fails: Catalog Error"),
        ("select 1 as alert_key, $as_of as date", "gives no message"),
        ("select 1 as alert_key, 'm' as message, 'soon' as date", "gives no day as date"),
        ("select 1 as alert_key, 'm' as message, $as_of as date from read_text('/etc/hostname')", "its SQL fails"),
        ("select $nobody as alert_key, 'm' as message, $as_of as date", "its SQL fails"),
    ],
)
def test_a_rule_that_fails_is_named_and_the_others_go_on(home, file, monkeypatch, tmp_path, sql, complaint):
    users(monkeypatch, tmp_path, json.dumps({"rules": [{"id": "mine", "title": "Mine", "sql": sql}]}))
    crossing(home)
    (trouble,) = alert_published(home)
    assert trouble.startswith("alert rule mine: ")
    assert complaint in trouble
    assert len(file()) == 1


def test_every_kind_of_alert_that_is_promised_has_a_rule():
    shipped = {rule.id for rule in read_rules(RULES_FILE).rules}
    expected = {"regime_change", "realized_loss_extreme", "level_crossed", "drawdown_depth", "claim_verdict"}
    assert shipped == expected | {"stale_data"}
