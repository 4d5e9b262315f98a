"""The wheel, and a fresh virtual environment that it is installed in, without a network."""

import os
import sys
from pathlib import Path

import pytest
from tests.wheel.installation import Installation

# Only Bazel builds a wheel: a loop without it leaves these tests out.
collect_ignore_glob = [] if "WHEEL" in os.environ else ["*_test.py"]


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel as it was built."""
    (built,) = Path(os.environ["WHEEL"]).iterdir()
    return built.absolute()


@pytest.fixture(scope="session")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel and pytest, installed by pip."""
    made = Installation(tmp_path_factory.mktemp("installation"), tmp_path_factory.mktemp("wheels"))
    made.home.mkdir()
    for path in [wheel, *Path("..").glob("tasker_pip_*/*.whl")]:
        (made.wheels / path.name).symlink_to(path.absolute())
    venv = made.run(sys.executable, "-m", "venv", "--without-pip", made.bin.parent, cwd=made.home)
    assert venv.returncode == 0, venv.stdout
    # The machine's pip, under the name that it has for users.
    pip = made.bin / "pip"
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {made.bin}/python "$@"\n')
    pip.chmod(0o755)
    # What is not compiled now is compiled when it is first imported, if it ever is.
    installed = made.run(pip, "install", "--no-compile", wheel, "pytest", cwd=made.home)
    assert installed.returncode == 0, installed.stdout
    return made
