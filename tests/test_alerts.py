"""Alerts: what the shipped rules find, that each is delivered once to receivers that fail at first, and no secret."""

import json
import shutil
import ssl
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from pipelines import alert_channels
from pipelines.alert_channels import channels
from pipelines.alert_rules import RULES_FILE, WrongRule, load_rules, read_rules
from pipelines.alert_sensors import alert_failed_run
from pipelines.alerts import alert_failed, alert_published
from pipelines.cli import main
from pipelines.engines import model_names
from pipelines.publish import publish
from pipelines.settings import Settings, WrongSettings
from tests.factories import Market
from tests.receivers import Smtp, Webhook

AS_OF = date(2026, 2, 6)
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A published market without a row of data."""
    folder = tmp_path_factory.mktemp("alerts") / "home"
    market = Market(AS_OF, since="2026-01-01").build(*model_names())
    publish(market.warehouse, replace(market.run, home=folder, run_id="run-1"), "2026-02-06T12:00:00Z")
    with duckdb.connect(str(folder / "market.duckdb")) as file:
        file.execute("delete from marts.claims")
    return folder


@pytest.fixture
def home(empty, tmp_path):
    """The same as vendors' data, in a folder that the test may fill."""
    shutil.copytree(empty, tmp_path / "home", symlinks=True)
    change(tmp_path / "home", "update meta set value = 'vendors' where key = 'data'")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waits of a receiver in trouble, shortened."""
    monkeypatch.setattr(alert_channels, "TIMEOUT_SECONDS", 2.0)


def change(home, *statements):
    with duckdb.connect(str(home / "market.duckdb")) as file:
        for statement in statements:
            file.execute(statement)


def put(home, table, **values):
    """A row of a published table, its other required columns filled with anything."""
    with duckdb.connect(str(home / "market.duckdb")) as file:
        described = file.execute(f"describe {table}").fetchall()
        anything = {"VARCHAR": "x", "DATE": date(2020, 1, 1), "BOOLEAN": True}
        anything["TIMESTAMP"] = datetime(2020, 1, 1)  # noqa: DTZ001 - as DuckDB keeps it
        row = {name: anything.get(kind, 1) for name, kind, null, *_ in described if null == "NO"} | values
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        file.execute(f"insert into {table} ({names}) values ({marks})", [*row.values()])


def crossing(home, day=AS_OF, level=100_000, **values):
    row = {"symbol": "BTC", "level": level, "basis": "close", "direction": "below", "date": day, "close": level - 1.5}
    put(home, "marts.level_crossings", **row | values)


def verdict(home, verdict, as_of=AS_OF):
    change(home, "delete from marts.claims", f"update meta set value = '{as_of}' where key = 'as_of'")
    put(home, "marts.claims", claim_id="it_fell", statement="It fell", verdict=verdict, reason="Measured.")


@pytest.fixture
def file(monkeypatch, tmp_path):
    """The file channel, read as it grows."""
    monkeypatch.setenv("SCARETRADE_ALERT_FILE", str(tmp_path / "told" / "alerts.jsonl"))

    def told():
        path = tmp_path / "told" / "alerts.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return told


def messages(told):
    return [alert["message"] for alert in told]


def scaretrade(*arguments, **environment):
    return CliRunner().invoke(main, [str(a) for a in arguments], env=environment)


# What the rules find


def test_a_quiet_market_tells_nothing(home, file):
    assert alert_published(home) == []
    assert file() == []


def test_a_new_regime_is_told_with_the_one_before(home, file):
    pair = {"base_symbol": "BTC", "other_symbol": "QQQ", "window_sessions": 30}
    put(home, "marts.correlation_regimes", **pair, state="decoupled", start_date=date(2025, 1, 2))
    alert_published(home)
    assert file() == [], "a pair's first spell is no change"
    put(home, "marts.correlation_regimes", **pair, state="coupled", start_date=AS_OF)
    assert alert_published(home) == []
    expected = "BTC with Invesco QQQ (Nasdaq-100) is coupled since 2026-02-06, decoupled before"
    assert messages(file()) == [f"{expected} (correlation over 30 sessions)"]


def test_a_spell_of_extreme_losses_is_told_once_however_long(home, file):
    spell = {"asset": "BTC", "provider": "brk", "variant": "raw", "start_date": date(2026, 1, 30)}
    put(home, "marts.realized_losses", **{k: spell[k] for k in ("asset", "provider", "variant")}, date=AS_OF)
    put(home, "marts.realized_loss_episodes", **spell, peak_loss_7d_mean_usd=2.6e9, end_date=None)
    alert_published(home)
    change(home, "update marts.realized_loss_episodes set peak_loss_7d_mean_usd = 3e9, end_date = '2026-02-06'")
    alert_published(home)
    expected = (
        "BTC: realized losses are extreme since 2026-01-30, at most 2.60 billion USD a day so far (7-day mean, brk)"
    )
    assert messages(file()) == [expected]


def test_a_crossing_by_close_and_within_the_day_is_one_alert(home, file):
    crossing(home)
    crossing(home, basis="intraday")
    crossing(home, basis="intraday", level=90_000, close=91_000.0)
    alert_published(home)
    assert sorted(messages(file())) == [
        "BTC went below 100,000 on 2026-02-06 (by close; close 99,998.50)",
        "BTC went below 90,000 on 2026-02-06 (within the day only; close 91,000.00)",
    ]


def test_a_depth_is_told_when_it_is_first_reached_and_not_on_the_way_back(home, file):
    falls = {"2026-02-02": -0.15, "2026-02-03": -0.35, "2026-02-04": -0.25, "2026-02-05": -0.31, "2026-02-06": -0.4}
    for day, drawdown in falls.items():
        row = {"symbol": "BTC", "basis": "price", "peak_date": date(2025, 10, 6), "drawdown": drawdown}
        put(home, "marts.drawdowns", **row, date=date.fromisoformat(day))
    alert_published(home)
    told = "Bitcoin closed {} % or more below its high of 2025-10-06 for the first time since then, on {}"
    assert messages(file()) == [told.format(30, "2026-02-03"), told.format(40, "2026-02-06")]


def test_late_series_of_a_source_are_one_alert(home, file):
    late = {"source": "yahoo", "dataset": "daily_bars", "status": "late", "newest_date": date(2026, 2, 3)}
    for symbol in ("MSFT", "CRM"):
        put(home, "quality.coverage", **late, symbol=symbol, due_date=AS_OF)
    put(home, "quality.coverage", **late | {"status": "ok"}, symbol="QQQ", due_date=AS_OF)
    alert_published(home)
    change(home, "update quality.coverage set due_date = '2026-02-06'")
    alert_published(home)
    assert [m.split(". Next")[0].split(": Next")[0] for m in messages(file())] == [
        "yahoo daily_bars: nothing newer than 2026-02-03, due 2026-02-06: CRM, MSFT"
    ]


def test_a_changed_verdict_is_told_exactly_once_and_the_first_one_is_no_change(home, file):
    verdict(home, "not_supported")
    alert_published(home)
    assert file() == []
    verdict(home, "supported", AS_OF + timedelta(days=1))
    alert_published(home)
    alert_published(home)
    assert messages(file()) == ["It fell: now supported. Measured. (Before: not_supported.)"]
    verdict(home, "not_supported", AS_OF + timedelta(days=2))
    alert_published(home)
    assert len(file()) == 2, "changing back is a change"


def test_a_run_as_of_an_earlier_day_changes_no_verdict(home, file):
    verdict(home, "supported")
    alert_published(home)
    verdict(home, "not_measurable", AS_OF - timedelta(days=30))
    alert_published(home)
    verdict(home, "supported")
    alert_published(home)
    assert file() == []


def test_what_is_older_than_the_look_back_is_not_told(home, file):
    crossing(home, AS_OF - timedelta(days=7), level=1)
    crossing(home, AS_OF - timedelta(days=8), level=2)
    crossing(home, AS_OF + timedelta(days=1), level=3)
    alert_published(home)
    assert messages(file()) == ["BTC went below 1 on 2026-01-30 (by close; close -0.50)"]


def test_simulated_alerts_say_so_and_do_not_stand_for_real_ones(home, file):
    crossing(home)
    change(home, "update meta set value = 'simulated' where key = 'data'")
    alert_published(home)
    change(home, "update meta set value = 'vendors' where key = 'data'")
    alert_published(home)
    simulated, real = file()
    assert simulated["text"] == f"SIMULATED: {real['text']}"
    assert (simulated["data"], real["data"]) == ("simulated", "vendors")


# The rules' files


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


# Delivery


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


# E-mail


@pytest.fixture
def mail(monkeypatch):
    def to(server, user="", scheme="smtp", host="127.0.0.1"):
        monkeypatch.setenv("SCARETRADE_ALERT_SMTP_URL", f"{scheme}://{user}{host}:{server.port}")
        monkeypatch.setenv("SCARETRADE_ALERT_EMAIL_TO", "me@example.org")
        monkeypatch.setenv("SCARETRADE_ALERT_EMAIL_FROM", "scaretrade@example.org")

    return to


def test_a_mail_server_that_fails_at_first_gets_each_alert_once(home, mail):
    crossing(home)
    with Smtp(b"451 later\r\n", knows="p@ss") as server:
        mail(server, "ann%40example.org:p%40ss@")
        assert alert_published(home) == alert_published(home) == []
    (message,) = server.got
    assert server.logins == [["ann@example.org", "p@ss"]] * 2
    assert message["To"] == "me@example.org"
    assert message["From"] == "scaretrade@example.org"
    assert message["Subject"].startswith("[scaretrade] Level crossed: BTC went below 100,000")
    assert "Rule level_crossed, 2026-02-06, data as of 2026-02-06" in message.get_content()


def test_a_refused_login_is_not_tried_again_and_not_repeated(home, mail):
    crossing(home)
    with Smtp(knows="other") as server:
        mail(server, "ann:pass@")
        (trouble,) = alert_published(home)
    assert "SMTP 535 (SMTPAuthenticationError)" in trouble
    assert len(server.logins) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that nobody but the test trusts, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    import ipaddress

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(start).not_valid_after(start + timedelta(days=9))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = made.add_extension(names, critical=True).sign(key, hashes.SHA256())
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain))
    return file


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_mail_is_encrypted_where_the_server_can_and_its_certificate_is_verified(
    home, mail, tls, certificate, monkeypatch
):
    crossing(home)
    with Smtp(tls=tls) as server:
        mail(server)
        (trouble,) = alert_published(home)
        assert "no trusted connection (SSLCertVerificationError)" in trouble
        assert server.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert alert_published(home) == []
        assert server.encrypted == [True]


def test_no_password_is_sent_in_clear_to_another_machine(home, mail):
    crossing(home)
    with Smtp(knows="pass") as server:
        mail(server, "ann:pass@", host="0.0.0.0")  # noqa: S104 - reaches this machine by a name that is not its own
        (trouble,) = alert_published(home)
    assert "refused (SMTPNotSupportedError)" in trouble
    assert server.logins == server.got == []


# Failed runs


def test_a_failed_run_is_told_once_a_day_and_reason(home, file):
    for reasons in (["3 rows failed"], ["4 rows failed"], ["another"]):
        alert_failed(home, "vendors", reasons)
    stays = f"nothing was published on {TODAY}, the tables published before stay as they were."
    assert messages(file()) == [f"{stays} 3 rows failed", f"{stays} another"]


def test_a_run_from_the_command_line_that_fails_tells_and_exits_with_1(tmp_path, file):
    work = tmp_path / "home" / "sample" / "work.duckdb"
    work.parent.mkdir(parents=True)
    work.write_text("no database")
    result = scaretrade("run", "--profile", "sample", "--home", tmp_path / "home", "--quiet")
    assert result.exit_code == 1
    (alert,) = file()
    assert alert["text"].startswith("SIMULATED: Failed run: nothing was published on ")
    assert "work.duckdb" in alert["message"]


def test_a_home_that_cannot_keep_the_alert_does_not_keep_it_from_being_sent(tmp_path, file):
    (tmp_path / "home").write_text("a file")
    result = scaretrade("run", "--profile", "sample", "--home", tmp_path / "home", "--quiet")
    assert result.exit_code == 1
    assert len(file()) == 1
    assert alert_failed(tmp_path / "home", "simulated", ["again"])[0].endswith("by the next failed run")


def test_the_ui_and_the_schedule_tell_of_failed_runs_too(tmp_path, file, monkeypatch):
    monkeypatch.setenv("SCARETRADE_HOME", str(tmp_path / "home"))

    @dg.op
    def breaks():
        raise ValueError("the reason")

    @dg.job
    def failing():
        breaks()

    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False)
        context = dg.build_run_status_sensor_context(
            "alert_failed_run", result.get_run_failure_event(), instance, result.dagster_run
        )
        alert_failed_run(context.for_run_failure())
    assert "breaks: ValueError: the reason" in messages(file())[0]


# The command, and what must not be said


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
