"""One run of the suite: on a PostgreSQL of its own, with an engine and workers of one build."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasker_core.dev.postgres import Cluster
from tasker_core.dev.processes import tail

# Where Bazel lays out this program and what it needs.
FILES = Path(__file__).absolute().parents[1]

# Bazel's programs look for their own files by these, which would lead to ours.
NOT_FOR_CHILDREN = {"PYTHONPATH", "RUNFILES_DIR", "RUNFILES_MANIFEST_FILE"}


@dataclass(frozen=True)
class Programs:
    """What is measured, of one build."""

    server: Path
    rust_worker: Path
    python_worker: Path

    @staticmethod
    def below(folder: Path) -> "Programs":
        """Those that Bazel built into this folder."""
        return Programs(
            server=folder / "crates/server/server",
            rust_worker=folder / "bench/rust_worker",
            python_worker=folder / "tasker_py/worker",
        )


def environment() -> dict[str, str]:
    """The variables that other programs of Bazel's are started with."""
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}


def measure(
    programs: Programs, arguments: Sequence[str], settings: Mapping[str, str] | None = None
) -> int:
    """Runs the suite with these arguments; its exit code.

    PostgreSQL has its defaults but for `settings`.
    """
    # Not in memory: a commit is to reach a disk.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="tasker-bench-") as name:
        folder = Path(name)
        # PostgreSQL's user enters it, too.
        folder.chmod(0o755)
        cluster = Cluster(folder, folder, free_port())
        postgres = cluster.start(settings)
        try:
            cluster.wait_until_ready(postgres)
            environ = {**environment(), "DATABASE_URL": cluster.url, "LOG_LEVEL": "warn"}
            subprocess.run([programs.server, "migrate"], env=environ, check=True)
            suite = subprocess.Popen(
                [
                    FILES / "bench/suite",
                    *arguments,
                    f"--postgres-pid={postgres.pid}",
                    f"--server={programs.server}",
                    f"--rust-worker={programs.rust_worker}",
                    f"--python-worker={programs.python_worker}",
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
