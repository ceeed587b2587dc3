"""The audit of dependencies fails where one is known to be vulnerable, and is skipped by name without a network."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipelines.settings import PROJECT

AUDITOR = """#!/usr/bin/env bash
echo "asked: $*"
exit {code}
"""


@pytest.fixture
def database():
    """Answers like the database of vulnerabilities: to what is no question, with an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_error(400)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    server.server_close()


def audit(database, folder, code=None):
    """The script with a stand-in for pip-audit that ends with `code`; with none, and none to be had, without."""
    if code is not None:
        tool = folder / "pip-audit"
        tool.write_text(AUDITOR.format(code=code))
        tool.chmod(0o755)
    # An index where nothing is, so that nothing can be installed.
    own = {"OSV_URL": database, "AUDIT_TOOLS": str(folder / "tools"), "PYTHON": sys.executable}
    nowhere = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    command = [str(PROJECT / ".ci" / "audit")]
    return subprocess.run(command, env={**os.environ, **own, **nowhere, **path}, capture_output=True, text=True)


@pytest.mark.parametrize("code", [0, 1])
def test_the_audit_ends_as_the_tool_does(database, tmp_path, code):
    done = audit(database, tmp_path, code)
    assert done.returncode == code, done.stderr
    assert "--requirement requirements.lock --disable-pip --require-hashes --vulnerability-service osv" in done.stdout
    assert database in done.stdout


def test_without_a_network_it_is_skipped_by_name(tmp_path):
    done = audit("http://127.0.0.1:9/v1/query", tmp_path, code=1)
    assert done.returncode == 0
    assert done.stdout.startswith("audit: SKIPPED, http://127.0.0.1:9/v1/query cannot be reached. Next: ")


def test_without_the_tool_it_is_skipped_by_name(database, tmp_path):
    done = audit(database, tmp_path)
    assert done.returncode == 0
    assert "audit: SKIPPED, pip-audit cannot be installed. Next: " in done.stdout


def test_the_audit_is_part_of_what_every_change_must_pass():
    assert "make audit" in (PROJECT / ".ci" / "run").read_text().splitlines()
    assert "\naudit: " in (PROJECT / "Makefile").read_text()
