"""A virtual environment with the wheel in it, and programs that run there."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """A virtual environment, and what a new user's shell has beside it: an empty home."""

    folder: Path
    wheels: Path

    @property
    def bin(self) -> Path:
        return self.folder / "venv" / "bin"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environ(self, path: str = os.defpath) -> dict[str, str]:
        """Nothing of Bazel's or of the machine's; pip has the locked wheels and no index."""
        return {
            "HOME": str(self.home),
            "PATH": path,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_INDEX": "1",
        }

    def run(
        self, *command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a program; its errors are in its output."""
        return subprocess.run(
            command,
            cwd=cwd,
            env={**self.environ(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def processes(self) -> list[str]:
        """The commands that run on this installation's account."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                command = (process / "cmdline").read_bytes()
                environ = (process / "environ").read_bytes()
            except OSError:
                continue
            if process.name.isdecimal() and os.fsencode(self.folder) in command + environ:
                found.append(command.replace(b"\0", b" ").decode())
        return found
