"""An own Bitcoin Core node over JSON-RPC: calls in batches, its errors explained, its credentials never shown."""

import json
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import requests
import tenacity

from pipelines.settings import WrongSettings, base_url, variable
from pipelines.sources.answers import printable, redact
from pipelines.sources.http import secrets_in

URL = "http://127.0.0.1:8332"
COOKIE = "SCARETRADE_BITCOIN_RPC_COOKIE_FILE"
USER, PASSWORD = "SCARETRADE_BITCOIN_RPC_USER", "SCARETRADE_BITCOIN_RPC_PASSWORD"
VARIABLES = ("SCARETRADE_BITCOIN_RPC_URL", COOKIE, USER, PASSWORD)
CALLS_A_BATCH = 1_000
# A full block takes up to 60 MB with every script spelt out.
LARGEST_ANSWER = 512 * 2**20
WARMING_UP, OUT_OF_RANGE, NOT_FOUND, NO_METHOD = -28, -8, -5, -32601


class NodeError(Exception):
    """The node did not give what was asked; the message names the next step."""


class Waiting(NodeError):
    """The node may answer soon: it is starting, its queue is full, or the connection broke."""


class Reorganized(NodeError):
    """What was asked for is no longer in the node's best chain."""


class Node:
    """JSON-RPC calls to one node. Addresses and credentials come from the environment unless given."""

    def __init__(
        self,
        url: str | None = None,
        *,
        timeouts: tuple[float, float] = (5.0, 300.0),
        attempts: int = 8,
        longest_wait: float = 30,
        sleep: Callable[[float], None] = lambda seconds: time.sleep(seconds),
    ) -> None:
        self.url = url or base_url("bitcoin_rpc") or URL
        self._timeouts, self._attempts, self._longest_wait, self._sleep = timeouts, attempts, longest_wait, sleep
        self._session = requests.Session()
        # A proxy or .netrc meant for the web would see the node's credentials.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def call(self, method: str, *params: Any) -> Any:
        """One call's result; raises NodeError."""
        return self.calls(method, [params])[0]

    def calls(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of one method for each parameter list, in this order, a thousand a request; raises NodeError."""
        found: list[Any] = []
        for start in range(0, len(params), CALLS_A_BATCH):
            found += self._persist(method, params[start : start + CALLS_A_BATCH])
        return found

    def _persist(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            retry=tenacity.retry_if_exception_type(Waiting),
            wait=tenacity.wait_random_exponential(multiplier=1, max=self._longest_wait),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._once, method, params)

    def _once(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        asked = [{"jsonrpc": "2.0", "id": n, "method": method, "params": list(p)} for n, p in enumerate(params)]
        status, body = self._post(json.dumps(asked).encode())
        answers = self._answers(status, body, len(asked))
        for n, answer in enumerate(answers):
            if answer.get("error") is not None:
                raise self._explained(method, params[n], answer["error"])
        return [answer["result"] for answer in answers]

    def _post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of one request; a connection that fails may be tried again."""
        try:
            with self._session.post(
                self.url,
                data=body,
                auth=credentials(),
                headers={"Content-Type": "application/json"},
                timeout=self._timeouts,
                stream=True,
                allow_redirects=False,
            ) as response:
                return response.status_code, limited(response)
        except requests.RequestException as error:
            failure = type(error).__name__
        # Raised outside the handler: the library's own error names the address, which may hold a password.
        raise Waiting(
            f"own_node: no complete answer from {self._shown()} ({failure})."
            " Next: check that bitcoind runs with -server=1 and that SCARETRADE_BITCOIN_RPC_URL is its address"
        )

    def _answers(self, status: int, body: bytes, n_calls: int) -> list[dict[str, Any]]:
        """The answers of a batch in the order of its calls, whatever the status: errors come with several."""
        try:
            answers = json.loads(body, parse_float=Decimal)
        except ValueError:
            raise self._refusal(status, body) from None
        if isinstance(answers, dict) and answers.get("error") is not None:
            raise self._explained("batch", [], answers["error"])
        try:
            by_id = {answer["id"]: answer for answer in answers}
            return [by_id[n] for n in range(n_calls)]
        except (TypeError, KeyError):
            raise self._refusal(status, body) from None

    def _refusal(self, status: int, body: bytes) -> NodeError:
        """The error of an answer that is no JSON-RPC."""
        said = printable(self._hush(body[:2_000].decode("utf-8", "replace")))[:200] or "no text"
        where = f"own_node: HTTP {status} from {self._shown()}"
        if status == 401:
            return NodeError(
                f"{where}: it does not accept the credentials. Next: set {COOKIE} to the .cookie file in the node's"
                f" data folder (it changes at every start), or {USER} and {PASSWORD}"
            )
        if status == 403:
            return NodeError(f"{where}: it refuses this machine. Next: start the node with -rpcallowip for it")
        if "Work queue depth exceeded" in said:
            step = "raise -rpcworkqueue, or ask it less from elsewhere"
            return Waiting(f"{where}: its queue of requests is full. Next: {step}")
        if status >= 500 or status == 200:
            return Waiting(f"{where}: no complete answer, '{said}'. Next: see the node's debug.log, then run again")
        return NodeError(f"{where}: '{said}'. Next: check SCARETRADE_BITCOIN_RPC_URL")

    def _explained(self, method: str, params: Sequence[Any], error: dict[str, Any]) -> NodeError:
        """The node's own error with what to do about it."""
        code, said = error.get("code"), printable(self._hush(str(error.get("message"))))[:300]
        text = f"own_node {method} {' '.join(map(str, params))}: error {code}, {said}"
        if code == WARMING_UP:
            return Waiting(f"{text}. Next: the node is still starting; run again when it has loaded its index")
        if "pruned" in said or "not available" in said:
            return NodeError(
                f"{text}. Next: the node no longer keeps this block; sync from its `pruneheight` on"
                " (`bitcoin-cli getblockchaininfo`) with --from-height, and daily from then on, or run it unpruned"
            )
        if "ndo data" in said:
            return NodeError(
                f"{text}. Next: what this block spent is lost on the node's disk; restart it once with"
                " -reindex-chainstate (a pruned node: -reindex)"
            )
        if code in (OUT_OF_RANGE, NOT_FOUND):
            return Reorganized(f"{text}. Next: run again; the node's chain changed meanwhile")
        if code == NO_METHOD:
            return NodeError(f"{text}. Next: the address must be a Bitcoin Core node whose -rpcwhitelist allows this")
        return NodeError(f"{text}. Next: see the node's debug.log")

    def _shown(self) -> str:
        return self._hush(self.url)

    def _hush(self, text: str) -> str:
        """The text without the node's credentials."""
        auth = credentials()
        for secret in secrets_in(auth[1] if auth else None, self.url):
            text = text.replace(secret, "***")
        return redact(text)


def limited(response: requests.Response) -> bytes:
    """The whole body, of bounded size; raises NodeError above."""
    body = bytearray()
    for chunk in response.iter_content(2**20):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise NodeError(
                f"own_node: an answer above {LARGEST_ANSWER:,} bytes. Next: check SCARETRADE_BITCOIN_RPC_URL"
            )
    return bytes(body)


def credentials() -> tuple[str, str] | None:
    """User and password: from the cookie file, read anew as each start of the node changes it, else as they are set.

    None where neither is set: the address may hold them.
    """
    if file := variable(COOKIE):
        try:
            user, _, password = Path(file).expanduser().read_text().strip().partition(":")
        except (OSError, UnicodeError):
            raise WrongSettings(
                f"{COOKIE} names no readable file. Next: start the node, or correct the path; it is .cookie in the"
                " node's data folder"
            ) from None
        return user, password
    user_set, password_set = variable(USER), variable(PASSWORD)
    return (user_set or "", password_set or "") if user_set or password_set else None
