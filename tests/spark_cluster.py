"""A real standalone Spark cluster on loopback, started from the installed package: a master and two workers."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

# Planning and scheduling never repeat often enough to pay for the optimizing compiler; what the executors run does.
QUICK = "-XX:TieredStopAtLevel=1"
SMALL = {
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_DAEMON_JAVA_OPTS": QUICK,
    "SPARK_NO_DAEMONIZE": "1",
}
DEFAULTS = f"spark.sql.shuffle.partitions 2\nspark.driver.extraJavaOptions {QUICK}\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def wait_for(what, seconds=120):
    """Ask until it is so; the answer."""
    until = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < until, f"{what.__name__} did not become true in {seconds} s"
        time.sleep(0.1)
    return answer


class Cluster:
    """Its processes; each worker leads a process group, in which its executors run."""

    def __init__(self, folder):
        self.folder, self.port, self.web_port = folder, free_port(), free_port()
        self.settings = folder / "conf"
        self.settings.mkdir()
        (self.settings / "spark-defaults.conf").write_text(DEFAULTS)
        self.url = f"spark://127.0.0.1:{self.port}"
        self.master, self.workers = None, []

    def __enter__(self):
        self.master = self.start("master.Master", "--port", str(self.port), "--webui-port", str(self.web_port))
        wait_for(self.answers)
        self.workers = [self.start_worker(n) for n in (1, 2)]
        wait_for(self.has_two_workers)
        return self

    def __exit__(self, *_):
        for process in (*self.workers, self.master):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start(self, name, *options):
        program = Path(find_spec("pyspark").origin).parent / "bin" / "spark-class"
        command = [str(program), f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", *options]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=os.environ | SMALL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )

    def start_worker(self, number):
        folder = self.folder / f"worker{number}"
        folder.mkdir(exist_ok=True)
        options = ["--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder)]
        return self.start("worker.Worker", *options, self.url)

    def state(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/json/", timeout=10) as response:
            return json.load(response)

    def answers(self):
        try:
            return bool(self.state())
        except OSError:
            return False

    def has_two_workers(self):
        return self.state()["aliveworkers"] == 2

    def has_lost_a_worker(self):
        return self.state()["aliveworkers"] == 1

    def kill_a_worker(self):
        """As a machine that loses its power: the worker and the executors on it, at once."""
        os.killpg(self.workers[0].pid, signal.SIGKILL)
        self.workers[0].wait()
