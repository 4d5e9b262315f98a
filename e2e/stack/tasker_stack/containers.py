"""The system as containers: from images that the build made, by a container engine and Compose."""

import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tasker_stack import images, leftovers, project, slots
from tasker_stack.docker import Docker, DockerError
from tasker_stack.docker_driver import DockerDriver
from tasker_stack.system import System, Wanted

# Compose as a program of the user's, such as `docker-compose` or `docker compose`.
COMPOSE_VARIABLE = "TASKER_TEST_COMPOSE"


@contextmanager
def containers(wanted: Wanted) -> Iterator[System]:
    """A system in a project of its own. `DockerError` when no engine answers that can run it."""
    docker = Docker(compose_program(wanted.sources["compose"]))
    _check_network()
    docker.check()
    with (
        slots.taken(
            len(wanted.compose.services),
            leftovers.projects(docker),
            partial(leftovers.remove, docker),
        ) as slot,
        tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as name,
        # In an image everybody may enter /tmp, and not for instance /root.
        tempfile.TemporaryDirectory(dir="/tmp") as parent,
    ):
        folder, scratch = Path(name).absolute(), Path(parent) / project.SCRATCH
        scratch.symlink_to(folder / project.SCRATCH)
        tags = images.load(docker, wanted.images, partial(slots.is_alone, slot))
        laid_out = project.lay_out(
            wanted,
            folder,
            slot=slot,
            tags=tags,
            scratch=scratch,
        )
        driver = DockerDriver(docker, laid_out, wanted.services, wanted.logs)
        # What tests write for workers has the same path for both.
        yield System(driver, {"TEST_TMPDIR": str(scratch)})


def compose_program(built: Path) -> Sequence[str]:
    """Compose as the build has pinned it, or the user's own when the variable names one."""
    chosen = os.environ.get(COMPOSE_VARIABLE, "").split()
    return chosen or [str(built.absolute())]


def _check_network() -> None:
    if [name for _, name in socket.if_nameindex()] == ["lo"]:
        raise DockerError(
            "this process has a network of its own, in which containers are not reached: "
            "test with --config=docker"
        )
