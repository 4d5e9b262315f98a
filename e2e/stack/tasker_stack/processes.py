"""The system as processes: from the same targets that the images are made of."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasker_stack import isolation, programs
from tasker_stack.compose import Compose
from tasker_stack.process_driver import ProcessDriver
from tasker_stack.system import System, Wanted


@contextmanager
def processes(wanted: Wanted) -> Iterator[System]:
    """A system in a network of its own, with files in memory, where that is possible."""
    with (
        isolation.own_network(),
        tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as name,
        isolation.memory_at(Path(name)),
    ):
        folder = Path(name)
        compose = wanted.compose
        if wanted.handlers:
            compose = _with_handlers(compose, wanted.handlers.absolute())
        sources = {name: path.absolute() for name, path in wanted.sources.items()}
        if not wanted.templates:
            sources["fixtures"] = programs.copy_fixtures(sources, folder)
        driver = ProcessDriver(
            compose,
            wanted.services,
            {name: programs.program(name, sources, folder) for name in wanted.services},
            programs.variables(compose, sources, wanted.templates),
            {
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "RUST_BACKTRACE": "1",
            },
            wanted.logs,
        )
        yield System(driver)


def _with_handlers(file: Compose, folder: Path) -> Compose:
    services = {}
    for name, service in file.services.items():
        environment = {
            key: f"{value}:{folder}" if key in programs.FOLDER_LISTS else value
            for key, value in service.environment.items()
        }
        services[name] = service.model_copy(update={"environment": environment})
    return file.model_copy(update={"services": services})
