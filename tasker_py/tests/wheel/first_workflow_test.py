"""The page "First workflow in ten minutes", followed to the letter in a fresh environment.

The page's blocks, in their order:
- ```yaml and ```python: a file, whose name is in its first line.
- ```sh: commands that succeed; ```sh fails: that end with 1; ```sh stays: that run until Ctrl-C.
- ```text: lines of what the last commands have printed.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.wheel.installation import Installation

BLOCK = re.compile(r"^```([a-z ]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who follows the page, in a folder with the wheel in it."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._environ = installation.environ(f"{installation.bin}:{os.defpath}")
        self._folder = folder / "shop"
        self._exports = ""
        self._running: list[subprocess.Popen[str]] = []
        self.output = ""

    def follow(self, kind: str, text: str) -> None:
        """Does what a block says."""
        match kind:
            case "yaml" | "python":
                name = text.partition("\n")[0].removeprefix("# ")
                (self._folder / name).parent.mkdir(exist_ok=True)
                (self._folder / name).write_text(text)
            case "sh" | "sh fails":
                shell = self._start(text)
                self.output, _ = shell.communicate()
                assert shell.returncode == (1 if kind == "sh fails" else 0), self.output
            case "sh stays":
                self._running.append(self._start("exec " + text))
                self._wait_until_up(self._running[-1])
            case "text":
                shown = [line for line in text.splitlines() if line in self.output]
                assert shown == text.splitlines(), self.output
            case _:
                raise AssertionError(f"nobody checks blocks of {kind!r}")

    def stop(self) -> None:
        """Ctrl-C for what stays up."""
        for process in self._running:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate()
            assert process.returncode == 0, output
        self._running = []

    def _start(self, text: str) -> "subprocess.Popen[str]":
        # A terminal keeps what was exported in it.
        script = self._exports + text
        self._exports += "".join(re.findall(r"^export .*\n", text, re.MULTILINE))
        return subprocess.Popen(
            ["/bin/sh", "-e", "-c", script],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _wait_until_up(self, process: "subprocess.Popen[str]") -> None:
        self.output = ""
        assert process.stdout is not None
        for line in process.stdout:
            self.output += line
            if "stays up until Ctrl-C" in line:
                return
        raise AssertionError(self.output)


def test_the_page_leads_to_a_workflow(
    installation: Installation, wheel: Path, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / wheel.name).symlink_to(wheel)

    reader = Reader(installation, tmp_path)
    try:
        for block in BLOCK.finditer(Path(os.environ["PAGE"]).read_text()):
            reader.follow(block[1], block[2])
            if "tasker run" in block[2]:
                reader.stop()
    finally:
        reader.stop()
    assert installation.processes() == []
