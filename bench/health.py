"""Measures the health check of the images: its CPU, and its time, against an engine that runs.

`tools/bazel run //bench:health`: engine and check are built optimised. CPU is that of the check's
own process, from its start on. Prints a Markdown table of medians.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from measure import FILES, environment, free_port

from tasker_core.dev.postgres import Cluster

CHECK = FILES / "crates/health/health"
SERVER = FILES / "crates/server/server"


def main() -> None:
    """Starts PostgreSQL and an engine, checks it in rounds, prints the table."""
    parser = argparse.ArgumentParser(description="Measures the health check of the images.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checks", type=int, default=500, help="in each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tasker-bench-") as name:
        folder = Path(name)
        # PostgreSQL's user enters it, too.
        folder.chmod(0o755)
        cluster = Cluster(folder, folder, free_port())
        postgres = cluster.start()
        try:
            cluster.wait_until_ready(postgres)
            rounds = with_engine(cluster.url, options.rounds, options.checks)
        finally:
            postgres.stop()
    cpu, wall = (median(column) * 1000 for column in zip(*rounds, strict=True))
    print("| a check | median of rounds |\n|---|---|")
    print(f"| CPU | {cpu:.2f} ms |\n| from start to end | {wall:.2f} ms |")


def with_engine(database: str, rounds: int, checks: int) -> list[tuple[float, float]]:
    """The seconds of CPU and of time that a check takes, a pair for each round."""
    bind = f"127.0.0.1:{free_port()}"
    environ = {**environment(), "DATABASE_URL": database, "LOG_LEVEL": "warn", "TASKER_BIND": bind}
    subprocess.run([SERVER, "migrate"], env=environ, check=True)
    with subprocess.Popen([SERVER, "serve"], env=environ) as engine:
        try:
            deadline = time.monotonic() + 30
            while status(bind) and time.monotonic() < deadline:
                time.sleep(0.05)
            return [one_round(bind, checks) for _ in range(rounds)]
        finally:
            engine.terminate()


def one_round(bind: str, checks: int) -> tuple[float, float]:
    """The mean of one round. Of this process's children only the checks end meanwhile."""
    before, started = cpu_of_children(), time.perf_counter()
    failed = sum(status(bind) != 0 for _ in range(checks))
    cpu, wall = cpu_of_children() - before, time.perf_counter() - started
    if failed:
        raise SystemExit(f"{failed} of {checks} checks failed")
    return cpu / checks, wall / checks


def status(bind: str) -> int:
    """Runs the check once, as a container's does; its exit code."""
    nothing = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, 1, 2)]
    pid = os.posix_spawn(CHECK, [str(CHECK)], {"TASKER_BIND": bind}, file_actions=nothing)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def cpu_of_children() -> float:
    """Seconds of CPU of all processes of ours that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
