"""The one HTTP module: a polite, bounded GET that gives bytes or a SourceError. No Dagster, no disk."""

import base64
import io
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from itertools import count
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus, unquote, urlencode, urlsplit

import requests
from requests.adapters import BaseAdapter

from pipelines.sources.answers import classify, redact
from pipelines.sources.base import Key, Outcome, Request, Source, SourceError
from pipelines.sources.exchange import Exchange
from pipelines.sources.pace import Pace
from pipelines.sources.retry import Failed, broken, policy, refused
from pipelines.sources.watcher import NOBODY, Watcher

__all__ = ["Payload", "VendorSession", "classify", "clock_skew", "redact"]

KEPT_HEADERS = ("Content-Type", "Date", "ETag", "Last-Modified", "X-MBX-USED-WEIGHT-1M")
AGENT = "scaretrade/0.1"
_log = logging.getLogger("scaretrade.http")
# The library's warnings name whole addresses, with the key in them.
logging.getLogger("urllib3").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Payload:
    """A vendor's answer as it came, with its URL free of secrets; the outcome is ok or empty."""

    request: Request
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    outcome: Outcome = Outcome.OK


class VendorSession:
    """GETs from one vendor. Keep one per source and process: connections and the rate limit live in it.

    The rate limit holds for the vendor's own address only; a mirror, an own instance or an emulator runs at
    full speed. An `adapter` answers instead of the network; its responses carry their body in `raw`.
    """

    def __init__(
        self,
        source: Source,
        base_url: str | None = None,
        *,
        contact: str | None = None,
        key: tuple[Key, str] | None = None,
        longest_wait: float = 30,
        timeouts: tuple[float, float] = (5.0, 30.0),
        attempts: int = 5,
        max_bytes: int = 64 * 2**20,
        sleep: Callable[[float], None] = lambda seconds: time.sleep(seconds),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        adapter: BaseAdapter | None = None,
        watcher: Watcher = NOBODY,
    ) -> None:
        home = (key[0].base_url if key else None) or source.BASE_URL
        self.source, self.base_url = source, (base_url or home).rstrip("/")
        self._longest_wait = longest_wait
        self._timeouts, self._attempts, self._max_bytes = timeouts, attempts, max_bytes
        self._sleep, self._now = sleep, now
        self._doing = partial(watcher.doing, source.NAME)
        self._session = requests.Session()
        self._session.headers.update(_headers(source, contact))
        self._secrets = secrets_in(key[1] if key else None, self.base_url)
        # A redirect to another host would carry the key there.
        self._follows = key is None
        if key:
            self._carry(*key)
        else:
            self._session.hooks["response"].append(_drop_redirects_body)
        self._pace = Pace(source.REQUESTS_PER_SECOND, self._doing) if adapter is None and base_url is None else None
        adapter = adapter or self._pace
        if adapter is not None:
            self._session.mount("https://", adapter)
            self._session.mount("http://", adapter)

    def _carry(self, key: Key, secret: str) -> None:
        """Send the secret with every request, in a header where the vendor allows."""
        if key.header:
            self._session.headers[key.header] = key.form.format(secret)
        if key.param:
            self._session.params = {key.param: secret}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the connections and the rate limiter's thread."""
        self._session.close()

    def get(self, request: Request, known: Payload | None = None) -> Payload:
        """The vendor's answer, after retries where they can help; SourceError for everything that is none.

        An answer `known` from before, with its ETag, is given back when the vendor says that it still holds.
        """
        retrying = policy(self._attempts, self._sleep, self._longest_wait, self._doing)
        attempts = count(1)
        try:
            return retrying(lambda: self._attempt(request, known, next(attempts)))
        except Failed as failure:
            last = failure
        # Raised outside the handler: the library's own error, whose text holds the whole URL, must not chain.
        tried = int(retrying.statistics["attempt_number"])
        reason = last.reason if tried == 1 else f"{last.reason} (after {tried} attempts)"
        raise SourceError(last.outcome, request, reason, last.next_step)

    def _attempt(self, request: Request, known: Payload | None, number: int) -> Payload:
        """Ask once, and say what came of it."""
        query = f"?{urlencode(request.params)}" if request.params else ""
        exchange = Exchange(request, self._without_secrets(f"{self.base_url}{request.path}{query}"), number)
        self._doing("")
        try:
            payload = self._once(request, known, exchange)
        except Failed as failure:
            _log.debug("%s", exchange.told(failure.outcome))
            raise
        _log.debug("%s", exchange.told(payload.outcome))
        return payload

    def _once(self, request: Request, known: Payload | None, exchange: Exchange) -> Payload:
        try:
            response = self._fetch(request, known, exchange)
        except (requests.RequestException, HTTPException, OSError, UnicodeError) as error:
            host = urlsplit(self.base_url).hostname or "?"
            raise broken(error, request, host, self._attempts, self._without_secrets) from None
        if known and response.status_code == HTTPStatus.NOT_MODIFIED:
            return replace(known, request=request, status=response.status_code)
        return self._judge(response, request)

    def _fetch(self, request: Request, known: Payload | None, exchange: Exchange) -> requests.Response:
        url, params = f"{self.base_url}{request.path}", dict(request.params)
        headers = {"If-None-Match": known.headers["ETag"]} if known else {}
        with self._session.get(
            url,
            params=params,
            headers=headers,
            timeout=self._timeouts,
            stream=True,
            allow_redirects=self._follows,
        ) as response:
            exchange.status = response.status_code
            exchange.waited_seconds = self._pace.waited_seconds if self._pace else 0.0
            return _complete(response, self._read(response, request, exchange))

    def _read(self, response: requests.Response, request: Request, exchange: Exchange) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(2**16):
            body += chunk
            exchange.n_bytes = len(body)
            if len(body) > self._max_bytes:
                reason = f"the answer is larger than the limit of {self._max_bytes:,} bytes"
                raise Failed(Outcome.SCHEMA_DRIFT, request, reason, "ask for a shorter window")
        return bytes(body)

    def _judge(self, response: requests.Response, request: Request) -> Payload:
        outcome = self.source.classify(response)
        if outcome not in (Outcome.OK, Outcome.EMPTY):
            raise refused(outcome, response, request, self._attempts, self._now(), self._without_secrets)
        kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        url = self._without_secrets(response.url)
        return Payload(request, url, response.status_code, kept, response.content, outcome)

    def _without_secrets(self, text: str) -> str:
        """The text without the secrets of this connection, whatever they are called, and all that looks like one."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return redact(text)


def secrets_in(key: str | None, base_url: str) -> list[str]:
    """The key, and the password in an address (the user where there is none), in every form they may come back in."""
    parts = urlsplit(base_url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    plain = {key or "", password or user} - {""}
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    forms = {form for secret in plain for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))}
    # The longest first, so that none of them is cut into by a shorter one.
    return sorted(forms | ({basic} if user or password else set()), key=len, reverse=True)


def _drop_redirects_body(response: requests.Response, **_options: object) -> None:
    """The library would read it whole into memory, however large it is or becomes, before it goes on."""
    if response.is_redirect:
        response.close()
        response._content = b""


def _headers(source: Source, contact: str | None) -> dict[str, str]:
    agent = f"{AGENT} ({contact})" if contact else AGENT
    return {"User-Agent": agent, "Accept": "application/json", **source.HEADERS}


def _complete(response: requests.Response, body: bytes) -> requests.Response:
    """The response detached from its connection, so that its body can be read any number of times."""
    declared = response.headers.get("Content-Length", "")
    if declared.isdigit() and "Content-Encoding" not in response.headers and len(body) < int(declared):
        raise requests.exceptions.ChunkedEncodingError(f"{len(body)} bytes of {declared} arrived")
    whole = requests.Response()
    whole.status_code, whole.url, whole.headers = response.status_code, response.url, response.headers
    whole.raw = io.BytesIO(body)
    return whole


def clock_skew(headers: Mapping[str, str], local_now: datetime) -> timedelta | None:
    """How far the vendor's clock is ahead of the local one by its Date header; None without one."""
    try:
        there = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return (there if there.tzinfo else there.replace(tzinfo=UTC)) - local_now
