"""A PostgreSQL server of one's own: on the loopback, with a password, gone with the test."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

# What an address must not be confused by.
PASSWORD = "only/for:this@test"  # noqa: S105 - of a server that is gone with the test


def programs():
    """The folder of initdb and pg_ctl, or None; Debian keeps them out of the way."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def as_somebody(*command):
    """Run a command; PostgreSQL refuses to be started by root."""
    before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*before, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def server():
    """The environment that deploy/*/dagster.yaml ask for, of an empty server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder, bin_folder = Path(name), programs()
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        data, options = folder / "data", f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -F"
        as_somebody(
            bin_folder / "initdb",
            "-D",
            data,
            "-U",
            "dagster",
            "-A",
            "scram-sha-256",
            "--no-sync",
            f"--pwfile={folder / 'password'}",
        )
        as_somebody(bin_folder / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield {
                "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                "DAGSTER_POSTGRES_PORT": str(port),
                "DAGSTER_POSTGRES_DB": "postgres",
                "DAGSTER_POSTGRES_USER": "dagster",
                "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
            }
        finally:
            as_somebody(bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
