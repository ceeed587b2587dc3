"""What a node may say instead of an answer, and what becomes of its credentials."""

import logging
from decimal import Decimal

import pytest
import responses
from click.testing import CliRunner

from pipelines.chain.node import COOKIE, PASSWORD, USER, Node, NodeError, Reorganized
from pipelines.cli import main
from pipelines.settings import WrongSettings
from tests import fake_node
from tests.chain_generator import grow
from tests.fake_node import FakeNode

URL = "http://127.0.0.1:8332"
CHAIN = grow([], 12, seed=3)
SECRET = fake_node.PASSWORD


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv(USER, fake_node.USER)
    monkeypatch.setenv(PASSWORD, SECRET)


@pytest.fixture(params=[False, True], ids=["JSON-RPC 2.0", "legacy"])
def fake(request):
    with FakeNode(CHAIN, legacy=request.param) as serving:
        yield serving


@pytest.fixture
def waits():
    return []


@pytest.fixture
def node(fake, waits):
    with Node(fake.url, sleep=waits.append) as opened:
        yield opened


def answering(**response):
    """A node at which every request gets this response."""
    with responses.RequestsMock() as wire:
        wire.post(URL, **response)
        with Node(URL, sleep=lambda seconds: None) as node:
            return node.call("getblockcount")


def test_a_batch_gives_its_results_in_order(node):
    assert node.calls("getblockhash", [[5], [2], [9]]) == [CHAIN[h]["hash"] for h in (5, 2, 9)]
    assert node.call("getblockcount") == 11
    assert node.calls("getblockhash", []) == []


def test_a_large_batch_is_sent_in_parts(node, fake, monkeypatch):
    monkeypatch.setattr("pipelines.chain.node.CALLS_A_BATCH", 5)
    assert len(node.calls("getblockhash", [[h] for h in range(12)])) == 12


def test_amounts_are_decimals(node):
    document = node.call("getblock", CHAIN[3]["hash"], 3)
    assert isinstance(document["tx"][0]["vout"][0]["value"], Decimal)


@pytest.mark.parametrize("fault", ["warming", "full", "cut"])
def test_a_node_that_is_busy_is_asked_again(node, fake, waits, fault):
    setattr(fake, fault, 3)
    assert node.call("getblockcount") == 11
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("warming", r"error -28, Loading block index…. Next: the node is still starting"),
        ("full", r"queue of requests is full. Next: raise -rpcworkqueue"),
        ("cut", r"HTTP 200 .*no complete answer.*Next: see the node's debug.log"),
    ],
)
def test_a_node_that_stays_busy_is_named_with_what_to_do(node, fake, waits, fault, said):
    setattr(fake, fault, 100)
    with pytest.raises(NodeError, match=said):
        node.call("getblockcount")
    assert len(waits) == 7


@pytest.mark.parametrize(
    ("method", "params", "kind", "said"),
    [
        ("getblockhash", (99,), Reorganized, "error -8"),
        ("getblock", ("00ff", 3), Reorganized, "error -5, Block not found"),
        ("getblockfilter", ("00ff",), NodeError, "error -32601.*Next: .*-rpcwhitelist"),
    ],
)
def test_errors_are_the_nodes_own_and_name_the_call(node, waits, method, params, kind, said):
    with pytest.raises(kind, match=rf"own_node {method} {params[0]}.*{said}"):
        node.call(method, *params)
    assert waits == []


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"status": 401}, rf"HTTP 401.*credentials. Next: set {COOKIE}"),
        ({"status": 403}, r"HTTP 403.*Next: .*-rpcallowip"),
        ({"status": 404, "body": "<html>nginx</html>"}, r"HTTP 404.*Next: check SCARETRADE_BITCOIN_RPC_URL"),
        ({"status": 301, "headers": {"Location": "http://elsewhere.example"}}, r"HTTP 301"),
        ({"status": 500, "body": "Work queue depth exceeded"}, r"queue of requests is full"),
        ({"status": 200, "body": "[]"}, r"no complete answer"),
        ({"status": 200, "json": {"error": {"code": -32600, "message": "no batches"}}}, r"error -32600, no batches"),
        ({"body": responses.ConnectionError("refused")}, r"no complete answer from .*Next: .*-server=1"),
    ],
)
def test_what_is_no_answer_says_what_to_do(response, said):
    with pytest.raises(NodeError, match=said):
        answering(**response)


def test_the_cookie_is_read_anew_for_every_request(fake, tmp_path, monkeypatch):
    # A node makes another one at every start.
    file = tmp_path / ".cookie"
    monkeypatch.setenv(COOKIE, str(file))
    with Node(fake.url) as node:
        file.write_text(f"{fake_node.USER}:of-the-start-before")
        with pytest.raises(NodeError, match="401"):
            node.call("getblockcount")
        file.write_text(f"{fake_node.USER}:{SECRET}\n")
        assert node.call("getblockcount") == 11


def test_a_missing_cookie_is_a_wrong_setting(fake, tmp_path, monkeypatch):
    monkeypatch.setenv(COOKIE, str(tmp_path / "none"))
    with Node(fake.url) as node, pytest.raises(WrongSettings, match=rf"{COOKIE} names no readable file. Next: "):
        node.call("getblockcount")


def test_a_proxy_meant_for_the_web_is_not_used(fake, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Node(fake.url, attempts=1) as node:
        assert node.call("getblockcount") == 11


def test_credentials_in_the_address_are_used(fake, monkeypatch):
    monkeypatch.delenv(USER)
    monkeypatch.delenv(PASSWORD)
    with Node(fake.url.replace("://", f"://{fake_node.USER}:{SECRET}@")) as node:
        assert node.call("getblockcount") == 11


@pytest.mark.parametrize(
    "response",
    [
        {"status": 500, "body": f"you are {SECRET}"},
        {"status": 404, "body": f"Basic {SECRET}"},
        {"json": [{"id": 0, "error": {"code": -1, "message": f"not with {SECRET}"}}]},
        {"body": responses.ConnectionError(f"http://user:{SECRET}@127.0.0.1")},
    ],
)
@pytest.mark.parametrize("in_address", [True, False])
def test_no_error_repeats_a_secret(response, in_address, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    url = URL.replace("://", f"://user:{SECRET}@") if in_address else URL
    with responses.RequestsMock() as wire:
        wire.post(URL, **response)
        wire.post(url, **response)
        wire.assert_all_requests_are_fired = False
        with Node(url, sleep=lambda seconds: None) as node, pytest.raises(NodeError) as raised:
            node.call("getblockcount")
    error = raised.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__context__
    assert SECRET not in caplog.text


def sync_command(tmp_path, *arguments):
    return CliRunner().invoke(main, ["chain", "sync", "--home", str(tmp_path), *arguments])


def test_the_command_counts_and_says_what_it_did(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("SCARETRADE_BITCOIN_RPC_URL", fake.url)
    first = sync_command(tmp_path, "--to-height", "7")
    assert (first.exit_code, "Counted 8 blocks; the node's tip is 11" in first.stdout) == (0, True)
    assert "Counted 4 blocks" in sync_command(tmp_path).stdout
    fake.serve(grow(CHAIN[:10], 3, seed=8))
    assert "Counted 3 blocks, 2 orphaned ones rolled back" in sync_command(tmp_path).stdout


def test_the_command_fails_with_the_message_alone(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("SCARETRADE_BITCOIN_RPC_URL", fake.url)
    monkeypatch.setenv(PASSWORD, "wrong")
    done = sync_command(tmp_path)
    assert done.exit_code == 1
    assert done.stderr.startswith("scaretrade: own_node: HTTP 401")
    assert "Traceback" not in done.output
    assert "wrong" not in done.output


@pytest.mark.parametrize("arguments", [["--from-height", "9", "--to-height", "8"], ["--from-height", "-1"]])
def test_an_impossible_span_is_a_usage_error(tmp_path, arguments):
    assert sync_command(tmp_path, *arguments).exit_code == 2
