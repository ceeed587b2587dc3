"""What a response means, in a table, and the words for the reader when it is a failure."""

import json
import re
from collections.abc import Callable, Mapping

import requests

from pipelines.sources.base import Outcome, Request, SourceError

_PARAM = r"x_cg_demo_api_key|api_token|api_key|apikey|token|key"
_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie|[\w-]*api-?key[\w-]*|[\w-]*secret[\w-]*|[\w-]*-token"
_REDACTIONS = [
    (re.compile(r"://[^/\s?#]*@"), "://***@"),
    (re.compile(rf"(?i)((?:(?<![\w-])|(?<=%26)|(?<=%3F))(?:{_PARAM})(?:=|%3D))[^&\s#\"'<>]*"), r"\1***"),
    (re.compile(rf"(?i)((?<![\w-])(?:{_PARAM}|{_HEADER})[\"']\s*:\s*b?)(\"[^\"]*\"|'[^']*')"), r"\1'***'"),
    (re.compile(rf"(?im)((?<![\w-])(?:{_HEADER})\s*[:=][ \t]*)[^\s\"'][^\r\n\"']*"), r"\1***"),
    (re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"), r"\1***"),
]

_STATUSES: Mapping[int, Outcome] = {
    401: Outcome.AUTH,
    403: Outcome.AUTH,
    404: Outcome.NOT_FOUND,
    408: Outcome.TRANSIENT,
    418: Outcome.RATE_LIMITED,
    425: Outcome.TRANSIENT,
    429: Outcome.RATE_LIMITED,
    451: Outcome.GEO_BLOCKED,
}

NETWORK_STEP = "check the network, or run `make run` for the offline sample market"
_NEXT_STEPS: Mapping[Outcome, str] = {
    Outcome.NOT_FOUND: "check the symbol in pipelines/universe.yaml",
    Outcome.AUTH: "check the base URL and key in .env, or set another source in pipelines/universe.yaml",
    Outcome.RATE_LIMITED: "run again later; the vendor limits how often it answers",
    Outcome.GEO_BLOCKED: "use another source: set it in pipelines/universe.yaml",
    Outcome.CHALLENGE: "the vendor answers with a web page: look at it in a browser, run again later",
    Outcome.SCHEMA_DRIFT: "compare the vendor's answer with pipelines/sources/{source}.py, adapt that",
    Outcome.TRANSIENT: "run again later; the vendor is failing at the moment",
}


def redact(text: str) -> str:
    """The text without the values of key parameters, authorization headers and passwords in URLs."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


def is_html(response: requests.Response) -> bool:
    """Whether the body is a web page, by its declared type or its first visible byte."""
    declared = response.headers.get("Content-Type", "").lower().startswith("text/html")
    return declared or response.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def json_or_none(body: bytes) -> object | None:
    """The JSON document in the body, or None where it is not a complete one."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document


def classify(response: requests.Response) -> Outcome:
    """What the status and the body's form say; vendors refine this with what their documents say."""
    status = response.status_code
    if 200 <= status < 300:
        return _classify_body(response)
    if status == 403 and is_html(response):
        return Outcome.CHALLENGE
    return _STATUSES.get(status) or (Outcome.TRANSIENT if status >= 500 else Outcome.SCHEMA_DRIFT)


def _classify_body(response: requests.Response) -> Outcome:
    if is_html(response):
        return Outcome.CHALLENGE
    body = response.content.strip()
    declares_json = "json" in response.headers.get("Content-Type", "").lower()
    cut_off = (declares_json or body[:1] in (b"{", b"[")) and json_or_none(body) is None
    return Outcome.TRANSIENT if cut_off or not body else Outcome.OK


def excerpt(response: requests.Response, hush: Callable[[str], str]) -> str:
    """The start of a vendor's own words on a failure, without secrets; web pages say nothing useful."""
    if is_html(response):
        return "a web page"
    # Secrets are taken out before the text is cut: half a secret would not be found.
    text = hush(response.content[:10_000].decode("utf-8", "replace"))
    return printable(text)[:300] or "no text"


def printable(text: str) -> str:
    """The text on one line, without what would make a terminal do things."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def next_step(outcome: Outcome, request: Request) -> str:
    """What the reader of a failure can do about it."""
    return _NEXT_STEPS[outcome].format(source=request.source)


def schema_drift(request: Request, reason: str) -> SourceError:
    """The error of a payload that is not what the vendor's module describes."""
    said = redact(printable(reason))
    return SourceError(Outcome.SCHEMA_DRIFT, request, said, next_step(Outcome.SCHEMA_DRIFT, request))
