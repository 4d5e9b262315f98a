"""Brings up PostgreSQL, the engine and a Python worker of the benchmarks' own, and measures them.

Nothing else should run on the machine meanwhile. PostgreSQL runs with its defaults, fsync on.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tasker_core.dev.postgres import Cluster

# Where Bazel lays out this program and what it needs.
FILES = Path(__file__).absolute().parents[1]
UP = "Everything stays up"


def main() -> int:
    """Runs the latency benchmark; its options pass through."""
    port, worker_port, postgres_port = free_ports(3)
    # Not in memory: a commit is to reach a disk.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="tasker-bench-") as folder:
        Path(folder).chmod(0o755)
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TASKER_SERVER_BIN": str(FILES / "crates/server/server"),
            "TASKER_HANDLER_PATH": str(FILES / "examples/python"),
            "TASKER_TEMPLATE_PATH": str(FILES / "fixtures/task_templates/python"),
        }
        command = [sys.executable, "-m", "tasker_core.cli", "dev", f"--port={port}"]
        command += [f"--worker-port={worker_port}", f"--postgres-port={postgres_port}"]
        command += [f"--data-dir={folder}/data"]
        system = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        try:
            wait_until_up(system)
            latency = str(FILES / "bench/latency")
            url = f"http://127.0.0.1:{port}"
            data = Path(folder) / "data"
            database = Cluster(data, data / "logs", postgres_port).url
            measured = subprocess.run(
                [latency, f"--url={url}", *sys.argv[1:]],
                env={**os.environ, "DATABASE_URL": database},
                check=False,
            )
            return measured.returncode
        finally:
            system.send_signal(signal.SIGINT)
            system.wait()


def wait_until_up(system: "subprocess.Popen[str]") -> None:
    """Reads what `tasker dev` says until everything is up."""
    said = ""
    for line in system.stdout or ():
        said += line
        if UP in line:
            return
    raise SystemExit(f"the system did not come up:\n{said}")


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


if __name__ == "__main__":
    sys.exit(main())
