"""What the wheel brings beside the modules: the engine's program and a sample workflow."""

import importlib.metadata
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Of examples/python and fixtures/task_templates; a checkout has them there, and no such folder.
SAMPLE = PACKAGE / "dev" / "sample"
PROGRAM = "tasker-server"


def server() -> Path | None:
    """The engine's program where the installer has put it, in the PATH or not.

    None when this package was not installed as a wheel.
    """
    for distribution in importlib.metadata.distributions(name=PACKAGE.name):
        # The path may hold another one, such as an installed one behind a checkout.
        if Path(str(distribution.locate_file(PACKAGE.name))) == PACKAGE:
            for file in distribution.files or []:
                if file.name == PROGRAM:
                    return Path(str(file.locate())).resolve()
    return None
