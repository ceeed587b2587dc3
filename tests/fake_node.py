"""A Bitcoin Core node on the loopback: JSON-RPC with batches, its errors, and a chain that can be reorganized."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "__cookie__", "cafe0123deadbeef"


class RpcError(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message


class FakeNode:
    """Serves `blocks`. Faults are counters of requests still to fail, or sets of heights."""

    def __init__(self, blocks=(), legacy=False):
        self.legacy, self.orphans, self.asked = legacy, {}, []
        self.warming = self.full = self.cut = 0
        self.pruned, self.no_undo, self.broken_undo = set(), set(), set()
        self.before_call = lambda method, params: None
        self.serve(blocks)
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server, self.url = server, f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    def serve(self, blocks):
        """Switch to this chain; blocks that were in the one before are orphans, which a node still gives."""
        kept = {b["hash"] for b in blocks}
        self.orphans |= {b["hash"]: b for b in getattr(self, "blocks", []) if b["hash"] not in kept}
        self.blocks = list(blocks)

    def execute(self, method, params):
        self.before_call(method, params)
        self.asked.append((method, params[0] if params else None))
        if self.warming > 0:
            self.warming -= 1
            raise RpcError(-28, "Loading block index…")
        if method not in ("getblockcount", "getblockhash", "getblockheader", "getblock"):
            raise RpcError(-32601, "Method not found")
        return getattr(self, f"_{method}")(*params)

    def _getblockcount(self):
        return len(self.blocks) - 1

    def _getblockhash(self, height):
        if not 0 <= height < len(self.blocks):
            raise RpcError(-8, "Block height out of range")
        return self.blocks[height]["hash"]

    def _found(self, block_hash):
        own = {b["hash"]: b for b in self.blocks}
        if block_hash in own:
            return own[block_hash]
        if block_hash in self.orphans:
            return self.orphans[block_hash] | {"confirmations": -1}
        raise RpcError(-5, "Block not found")

    def _getblockheader(self, block_hash):
        return {k: v for k, v in self._found(block_hash).items() if k != "tx"}

    def _getblock(self, block_hash, verbosity):
        assert verbosity == 3
        document = self._found(block_hash)
        if document["height"] in self.pruned:
            raise RpcError(-1, "Block not available (pruned data)")
        if document["height"] in self.broken_undo:
            raise RpcError(-32603, "Undo data expected but can't be read. This could be due to disk corruption")
        if document["height"] in self.no_undo:
            document = json.loads(json.dumps(document))
            for tx in document["tx"]:
                tx.pop("fee", None)
                for spends in tx["vin"]:
                    spends.pop("prevout", None)
        return document

    def answer(self, call):
        old = {"result": None, "error": None} if self.legacy else {"jsonrpc": "2.0"}
        try:
            said = {"result": self.execute(call["method"], call["params"])}
        except RpcError as error:
            said = {"error": {"code": error.code, "message": error.message}}
        return {**old, **said, "id": call["id"]}

    def respond(self, header, body):
        """Status and body."""
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if header != f"Basic {expected}":
            return 401, b""
        if self.full > 0:
            self.full -= 1
            return 503, b"Work queue depth exceeded"
        said = json.dumps([self.answer(call) for call in json.loads(body)]).encode()
        if self.cut > 0:
            self.cut -= 1
            return 200, said[: len(said) // 2]
        return 200, said

    def _handler(node):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, said = node.respond(self.headers.get("Authorization"), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_arguments):
                """Say nothing."""

        return Handler
