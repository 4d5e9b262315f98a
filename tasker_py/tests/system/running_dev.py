"""`tasker dev` as a process, and the fixture that runs it and sees that nothing is left."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 60
# Bazel's test names these; elsewhere they are where cargo and this checkout have them.
VARIABLES = {
    "TASKER_SERVER_BIN": ROOT / "target/debug/tasker-server",
    "TASKER_HANDLER_PATH": ROOT / "examples/python",
    "TASKER_TEMPLATE_PATH": ROOT / "fixtures/task_templates/python",
}


class Dev:
    def __init__(
        self, folder: Path, ports: list[int], *args: str, cwd: Path | None = None, **environ: str
    ) -> None:
        flags = ("--port", "--worker-port", "--postgres-port")
        named = [
            text for flag, port in zip(flags, ports, strict=True) for text in (flag, str(port))
        ]
        self.folder = folder
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tasker_core.cli", "dev"),
                *("--data-dir", str(folder / "dev"), *named, *args),
            ],
            env={
                **os.environ,
                **{
                    name: str(Path(os.environ.get(name, path)).absolute())
                    for name, path in VARIABLES.items()
                },
                "PYTHONPATH": os.pathsep.join(sys.path),
                **environ,
            },
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        raise AssertionError(f"{text!r} is not in the output:\n{self.output}")

    def end(self) -> int:
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.output += rest
        return self.process.returncode

    def processes(self) -> list[str]:
        """The commands that run for this folder, or on its account."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                log = str((process / "fd" / "1").readlink())
            except OSError:
                continue
            if process.name.isdecimal() and str(self.folder) in command + log:
                found.append(command)
        return found


Run = Callable[..., Dev]


@pytest.fixture
def run(folder: Path, free_ports: list[int]) -> Iterator[Run]:
    started: list[Dev] = []

    def start(*args: str, cwd: Path | None = None, **environ: str) -> Dev:
        started.append(Dev(folder, free_ports, *args, cwd=cwd, **environ))
        return started[-1]

    yield start
    for dev in started:
        if dev.process.poll() is None:
            dev.process.terminate()
            dev.end()
        assert dev.processes() == []
