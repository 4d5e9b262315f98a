"""A program in the place of `docker` and of Compose: answers what a test says, and keeps calls."""

import json
import sys
from pathlib import Path

SOURCE = """#!{python}
import json, os, sys
folder = {folder!r}
words = " ".join(sys.argv[1:])
with open(folder + "/calls", "a") as calls:
    print(words, file=calls)
with open(folder + "/answers") as answers:
    answers = json.load(answers)
for begins, stdout, stderr, status in reversed(answers):
    if words.startswith(begins):
        sys.stdout.write(stdout)
        sys.stderr.write(stderr)
        sys.exit(status)
"""


class FakeDocker:
    """Answers calls by how they begin, the answer given last first; others with nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers: list[tuple[str, str, str, int]] = []
        program = folder / "docker"
        program.write_text(SOURCE.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        self.program = str(program)
        self._keep()

    def answer(self, begins: str, stdout: str = "", *, stderr: str = "", status: int = 0) -> None:
        """What calls that begin so are answered from now on."""
        self._answers.append((begins, stdout, stderr, status))
        self._keep()

    def calls(self) -> list[str]:
        """The arguments of each call so far."""
        calls = self._folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def _keep(self) -> None:
        (self._folder / "answers").write_text(json.dumps(self._answers))
