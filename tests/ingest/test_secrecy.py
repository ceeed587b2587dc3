"""A key is sent and nowhere kept."""

import gzip
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from tests.ingest.vendors import bgeometrics, equities, tiingo
from tests.ingest.world import DAYS, HIDDEN, WIRE

HEADER_KEY = ("tiingo", "TIINGO_API_KEY", ("S00", "equity", "S00", ["daily_bars"]))
PARAM_KEY = ("bgeometrics", "BGEOMETRICS_TOKEN", ("BTC", "crypto", "BTC", ["onchain"]))
each_key = pytest.mark.parametrize(("name", "variable", "instrument"), [HEADER_KEY, PARAM_KEY], ids=["header", "param"])
FORMS = (HIDDEN, "s3cr3t%2Fvalue%2B1", "s3cr3t")


def answered(path, asked):
    return bgeometrics(DAYS, path, asked) if path.startswith("/v1/") else tiingo(path, asked)


def echoed(path, asked):
    """A refusal that repeats the key, bare and as it stood in the address."""
    return 401, {}, json.dumps({"detail": f"'{HIDDEN}' is no valid credential: /v1/x?auth={FORMS[1]}&b=1"})


def unreachable(path, asked):
    raise requests.ConnectionError(f"Max retries exceeded with url: {path}?token={FORMS[1]} ({HIDDEN})")


def moved(path, asked):
    return 302, {"Location": "https://elsewhere.test/stolen"}, ""


def everything_kept(world, log):
    """All text that a run leaves behind: log, landing, tables."""
    files = [file.read_bytes() for file in world.landing.folder.rglob("*") if file.is_file()]
    bodies = [gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content for content in files]
    tables = ("quality.payloads", "quality.loads", "quality.rejected_rows")
    kept = [str(world.warehouse.rows(f"from {table}")) for table in tables]
    return "\n".join([log.text, *kept, *(body.decode() for body in bodies)])


@each_key
@pytest.mark.parametrize("vendor", [answered, echoed, unreachable, moved], ids=lambda f: f.__name__)
def test_a_key_is_sent_and_nowhere_kept(world, log, monkeypatch, name, variable, instrument, vendor):
    monkeypatch.setenv(variable, HIDDEN)
    world.vendor = vendor
    world.run(name, [instrument])
    assert world.calls
    for call in world.calls:
        sent = call.headers.get("Authorization", "").removeprefix("Token ")
        assert HIDDEN in (sent, *parse_qs(urlsplit(call.url).query).get("token", []))
    [(outcome,)] = world.loads("outcome")
    assert (outcome == "ok") == (vendor is answered)
    kept = everything_kept(world, log)
    assert "daily_bars" in kept or "onchain" in kept
    assert not [form for form in FORMS if form in kept]


@each_key
def test_a_key_does_not_follow_a_redirect(world, monkeypatch, name, variable, instrument):
    monkeypatch.setenv(variable, HIDDEN)
    responses_to = []
    world.vendor = moved
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        wire.add_callback(responses.GET, re.compile(f"^{WIRE}/.*"), world.answer)
        wire.add_callback(responses.GET, "https://elsewhere.test/stolen", responses_to.append)
        world.run(name, [instrument])
    assert world.calls
    assert responses_to == []


def test_a_key_that_a_vendor_puts_into_its_data_stays_in_the_body_as_received_and_goes_nowhere_else(
    world, log, monkeypatch
):
    monkeypatch.setenv("TIINGO_API_KEY", HIDDEN)
    noted = lambda path, asked: [{**row, "note": HIDDEN} for row in tiingo(path, asked)]  # noqa: E731
    world.vendor = noted
    world.run("tiingo", equities(1))
    [line] = world.landing.manifest()
    assert world.landing.body(line.payload_id).count(HIDDEN.encode()) == 24
    world.landing.file(line.payload_id).unlink()
    assert "daily_bars" in everything_kept(world, log)
    assert not [form for form in FORMS if form in everything_kept(world, log)]
