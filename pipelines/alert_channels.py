"""Where alerts go: a webhook, e-mail, a file, each named by the environment alone. Their addresses are secrets.

No failure here repeats an address, a password or a receiver's own words, which may hold one.
"""

import json
import logging
import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import unquote, urlsplit

import requests
import tenacity

from pipelines.alert_state import Alert
from pipelines.settings import WrongSettings, base_url, variable

WEBHOOK, SMTP, FILE = "SCARETRADE_ALERT_WEBHOOK_URL", "SCARETRADE_ALERT_SMTP_URL", "SCARETRADE_ALERT_FILE"
EMAIL_TO, EMAIL_FROM = "SCARETRADE_ALERT_EMAIL_TO", "SCARETRADE_ALERT_EMAIL_FROM"
ATTEMPTS = 3
TIMEOUT_SECONDS = 3.0
# Of one channel in one run, however many alerts it is owed: beyond it nothing is begun, and the next run goes on.
BUDGET_SECONDS = 5.0
SMTP_PORTS = {"smtp": 587, "smtps": 465}
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# The library's messages name whole addresses.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class NotDelivered(Exception):
    """A channel did not take an alert, in words without secrets."""

    def __init__(self, reason: str, *, may_pass: bool) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class Channel(Protocol):
    """A way out. `send` raises NotDelivered."""

    name: ClassVar[str]

    def send(self, alert: Alert) -> None:
        """Hand over one alert, once."""
        ...


def payload(alert: Alert) -> dict[str, str]:
    """The alert for machines: `text` is what Slack and those who speak its format show."""
    escaped = alert.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    fields = asdict(alert)
    return {"text": escaped, "alert_key": fields.pop("key"), **fields}


@dataclass(frozen=True, repr=False)
class Webhook:
    """A POST of JSON; any status from 200 to 299 means taken."""

    url: str
    name: ClassVar[str] = "webhook"

    def send(self, alert: Alert) -> None:
        """Post it; a redirect is not followed, it would carry the alert elsewhere."""
        post = partial(requests.post, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True)
        try:
            with post(self.url, json=payload(alert)) as response:
                status = response.status_code
        except (requests.RequestException, OSError, UnicodeError) as error:
            raise NotDelivered(f"no answer ({type(error).__name__})", may_pass=True) from None
        if not 200 <= status < 300:
            raise NotDelivered(f"HTTP {status}", may_pass=status >= 500 or status in (408, 425, 429))


@dataclass(frozen=True, repr=False)
class Email:
    """A message by SMTP, encrypted and the server's certificate verified; in clear to this machine alone."""

    url: str
    to: str
    sender: str
    name: ClassVar[str] = "email"

    def send(self, alert: Alert) -> None:
        """Hand it to the server."""
        try:
            with self._connected() as server:
                server.send_message(self._message(alert))
        except smtplib.SMTPResponseException as error:
            may_pass = 400 <= error.smtp_code < 500 or error.smtp_code < 0
            raise NotDelivered(f"SMTP {error.smtp_code} ({type(error).__name__})", may_pass=may_pass) from None
        except ssl.SSLError as error:
            raise NotDelivered(f"no trusted connection ({type(error).__name__})", may_pass=False) from None
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as error:
            raise NotDelivered(f"refused ({type(error).__name__})", may_pass=False) from None
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise NotDelivered(f"no answer ({type(error).__name__})", may_pass=True) from None

    def _connected(self) -> smtplib.SMTP:
        parts, trusted = urlsplit(self.url), ssl.create_default_context()
        host, port = parts.hostname or "", parts.port or SMTP_PORTS[parts.scheme]
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        try:
            server.ehlo()
            if parts.scheme == "smtp" and (host not in THIS_MACHINE or server.has_extn("starttls")):
                server.starttls(context=trusted)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        subject = " ".join(f"[scaretrade] {alert.text}".split())
        message["Subject"] = subject if len(subject) <= 120 else f"{subject[:117]}..."
        message["From"], message["To"] = self.sender, self.to
        message.set_content(f"{alert.text}\n\nRule {alert.rule}, {alert.date}, data as of {alert.as_of}\n")
        return message


@dataclass(frozen=True)
class File:
    """One line of JSON an alert, appended."""

    path: Path
    name: ClassVar[str] = "file"

    def send(self, alert: Alert) -> None:
        """Append the line in one write."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as opened:
                opened.write(json.dumps(payload(alert), ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotDelivered(f"{self.path}: {error.strerror}", may_pass=False) from None


def channels() -> list[Channel]:
    """The channels that the environment names; raises WrongSettings for an address that cannot be one."""
    found: list[Channel] = []
    if webhook := base_url("alert_webhook"):
        found.append(Webhook(variable(WEBHOOK) or webhook))
    if smtp := variable(SMTP):
        found.append(_email(smtp))
    if file := variable(FILE):
        found.append(File(Path(file)))
    return found


def _email(url: str) -> Email:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SMTP_PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise WrongSettings(f"{SMTP} is no smtp://user:password@host:port or smtps://. Next: correct it")
    to = variable(EMAIL_TO)
    if not to:
        raise WrongSettings(f"{SMTP} is set, {EMAIL_TO} is not. Next: say who shall get the alerts")
    return Email(url, to, variable(EMAIL_FROM) or to.split(",")[0].strip())


def persistent(deadline: float, sleep: Callable[[float], None] = time.sleep) -> tenacity.Retrying:
    """The attempts at one alert: a few, where the failure may pass, begun before the deadline (monotonic)."""
    return tenacity.Retrying(
        stop=lambda state: state.attempt_number >= ATTEMPTS or time.monotonic() >= deadline,
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, NotDelivered) and error.may_pass),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=1),
        sleep=sleep,
        reraise=True,
    )
