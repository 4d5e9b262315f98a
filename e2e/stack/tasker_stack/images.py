"""The images of the stack's services: loaded into the engine once for each content."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tasker_oci.archive import Archive
from tasker_stack.docker import Docker, DockerError
from tasker_stack.machine_lock import try_hold, wait_for_any

LOCK = "images"
# A tag that is made from an image's content.
CONTENT = re.compile(r"[0-9a-f]{16}")


def load(
    docker: Docker, archives: Mapping[str, Path], is_alone: Callable[[], bool]
) -> dict[str, str]:
    """Have the engine know each image; by service, the tag that means this content alone.

    One stack loads at a time, and the others find its images. `is_alone` tells whether no other
    stack can have containers of former contents, which are then removed.
    """
    tags = {}
    for service, path in archives.items():
        name = Archive(path).names[0]
        repository, _, tags[service] = name.rpartition(":")
        with _turn():
            if not _is_loaded(docker, name):
                docker.run("load", "--input", str(path))
                if is_alone():
                    _forget_former(docker, repository, tags[service])
    return tags


@contextmanager
def _turn() -> Iterator[None]:
    while (lock := try_hold(LOCK)) is None:
        wait_for_any([LOCK])
    with lock:
        yield


def _is_loaded(docker: Docker, name: str) -> bool:
    return bool(docker.run("image", "ls", "--quiet", name).strip())


def _forget_former(docker: Docker, repository: str, tag: str) -> None:
    """Removes images that have no other name than one made from their content."""
    listed = docker.run(
        "image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Tag}}", repository
    ).splitlines()
    names: dict[str, list[str]] = {}
    for image, _, name in (line.partition(" ") for line in listed):
        names.setdefault(image, []).append(name)
    for tags in names.values():
        if tag not in tags and all(map(CONTENT.fullmatch, tags)):
            try:
                docker.run("image", "rm", *(f"{repository}:{each}" for each in tags))
            except DockerError:
                # A container of another program's uses it.
                continue
