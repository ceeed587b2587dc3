"""The one retry policy: which failures are worth another attempt, and how long to wait before it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

import requests
import tenacity
from urllib3.exceptions import NewConnectionError

from pipelines.sources.answers import NETWORK_STEP, excerpt, next_step
from pipelines.sources.base import Outcome, Request, SourceError

LONGEST_RETRY_AFTER_S = 120
# A maintenance page may pass quickly, but a challenge must not be hammered.
CHALLENGE_TRIES = 3
# Without a network, waiting longer helps nobody.
UNREACHED_TRIES = 3

_log = logging.getLogger("scaretrade.http")


class Failed(SourceError):
    """A failed attempt, with how many attempts its kind may have and the wait the vendor asks for."""

    def __init__(
        self,
        outcome: Outcome,
        request: Request,
        reason: str,
        next_step: str,
        tries: int = 1,
        wait: float | None = None,
    ) -> None:
        super().__init__(outcome, request, reason, next_step)
        self.tries, self.wait = tries, wait


Hush = Callable[[str], str]


def refused(
    outcome: Outcome, response: requests.Response, request: Request, attempts: int, now: datetime, hush: Hush
) -> Failed:
    """The failure that a vendor's answer is; `hush` takes secrets out of what the vendor says."""
    cut_off = outcome is Outcome.TRANSIENT and response.status_code < 300
    said = f"an incomplete body of {len(response.content)} bytes" if cut_off else excerpt(response, hush)
    reason, wait = f"HTTP {response.status_code}, {said}", retry_after(response.headers, now)
    tries = _tries(outcome, response.status_code, attempts)
    if wait is not None and wait > LONGEST_RETRY_AFTER_S:
        until = f"{now + timedelta(seconds=wait):%Y-%m-%d %H:%M} UTC"
        step = f"run again after {until}"
        return Failed(Outcome.RATE_LIMITED, request, f"{reason}; it asks to wait until {until}", step)
    return Failed(outcome, request, reason, next_step(outcome, request), tries, wait)


def _tries(outcome: Outcome, status: int, attempts: int) -> int:
    if status == 418:  # Binance's ban for having ignored a 429
        return 1
    if outcome is Outcome.CHALLENGE:
        return min(CHALLENGE_TRIES, attempts) if status < 300 else 1
    return attempts if outcome in (Outcome.TRANSIENT, Outcome.RATE_LIMITED) else 1


def broken(error: Exception, request: Request, host: str, attempts: int, hush: Hush) -> Failed:
    """The failure that a connection without a complete answer is; `hush` takes secrets out of the library's words."""
    root = _root(error)
    said = " ".join(hush(str(root)).split())[:200] or type(root).__name__
    reason = f"no complete answer from {host} ({said})"
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in str(error):
        return Failed(Outcome.TRANSIENT, request, reason, "check this machine's clock, proxy and CA bundle")
    if isinstance(error, requests.TooManyRedirects):
        return Failed(Outcome.CHALLENGE, request, reason, next_step(Outcome.CHALLENGE, request))
    if isinstance(error, ValueError) and not isinstance(error, requests.JSONDecodeError):
        return Failed(Outcome.SCHEMA_DRIFT, request, reason, "check the base URL in .env")
    never_reached = isinstance(root, NewConnectionError)
    tries = min(UNREACHED_TRIES, attempts) if never_reached else attempts
    return Failed(Outcome.TRANSIENT, request, reason, NETWORK_STEP, tries)


def _root(error: BaseException) -> BaseException:
    """The innermost error, which says what happened; the outer ones name library objects."""
    inner = [getattr(error, "reason", None), *error.args]
    return next((_root(e) for e in inner if isinstance(e, BaseException)), error)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the Retry-After header asks to wait, as seconds or as a date; None where it says neither."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), timedelta(days=365).total_seconds())
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def policy(
    attempts: int, sleep: Callable[[float], None], longest_wait: float, doing: Callable[[str], None]
) -> tenacity.Retrying:
    """The retries of one call, each kind of failure counted by itself; the last one leaves as it is.

    `doing` is told of each wait.
    """
    seen: Counter[Outcome] = Counter()
    backoff = tenacity.wait_random_exponential(multiplier=1, max=longest_wait)

    def wait(state: tenacity.RetryCallState) -> float:
        failure = _failure(state)
        return failure.wait if failure and failure.wait is not None else backoff(state)

    def again(state: tenacity.RetryCallState) -> bool:
        failure = _failure(state)
        seen.update([failure.outcome] if failure else [])
        return failure is not None and seen[failure.outcome] < failure.tries

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        retry=again,
        wait=wait,
        sleep=sleep,
        before_sleep=partial(_warn, doing),
        reraise=True,
    )


def _failure(state: tenacity.RetryCallState) -> Failed | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Failed) else None


def _warn(doing: Callable[[str], None], state: tenacity.RetryCallState) -> None:
    failure = _failure(state)
    if failure is None:
        return
    request, wait = failure.request, state.next_action.sleep if state.next_action else 0.0
    again = f"{state.attempt_number + 1} of {failure.tries}"
    doing(f"{failure.outcome.value}: waiting {wait:.0f} s for attempt {again}")
    _log.warning(
        "%s %s %s: %s on attempt %d of %d, waiting %.1f s: %s",
        request.source,
        request.series.dataset,
        request.series.symbol,
        failure.outcome.value,
        state.attempt_number,
        failure.tries,
        wait,
        failure.reason,
    )
