"""Brings up a PostgreSQL of the benchmarks' own, with its defaults, and runs the suite on it.

Nothing else should run on the machine meanwhile. The suite starts engine and workers itself.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tasker_core.dev.postgres import Cluster
from tasker_core.dev.processes import tail

# Where Bazel lays out this program and what it needs.
FILES = Path(__file__).absolute().parents[1]


def main() -> int:
    """Runs the suite; its options pass through."""
    # As Ctrl-C does it: nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not in memory: a commit is to reach a disk.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="tasker-bench-") as name:
        folder = Path(name)
        # PostgreSQL's user enters it, too.
        folder.chmod(0o755)
        cluster = Cluster(folder, folder, free_port())
        postgres = cluster.start()
        try:
            cluster.wait_until_ready(postgres)
            environ = {
                **os.environ,
                "DATABASE_URL": cluster.url,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "LOG_LEVEL": "warn",
            }
            server = FILES / "crates/server/server"
            subprocess.run([server, "migrate"], env=environ, check=True)
            suite = subprocess.Popen(
                [
                    FILES / "bench/suite",
                    *sys.argv[1:],
                    f"--postgres-pid={postgres.pid}",
                    f"--server={server}",
                    f"--worker={FILES / 'bench/rust_worker'}",
                    f"--python={sys.executable}",
                    f"--handlers={FILES / 'bench/handlers'}",
                    f"--templates={FILES / 'bench/templates'}",
                    f"--folder={folder}",
                ],
                env=environ,
                # Where whoever runs it means a file to be.
                cwd=os.environ.get("BUILD_WORKING_DIRECTORY"),
            )
            try:
                code = suite.wait()
            finally:
                # It takes engine and workers with it.
                suite.terminate()
                suite.wait()
            if code:
                for log in folder.glob("*.log"):
                    print(f"{log.name}{tail(log)}", file=sys.stderr)
            return code
        finally:
            postgres.stop()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
