"""Each alert is delivered once by a mail server that fails at first; encrypted, and no password in clear."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.alerts import alert_published
from tests.alerts.situations import crossing
from tests.receivers import Smtp


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
