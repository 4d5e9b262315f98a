"""A Compose project: the compose file with what one stack adds to it, in a folder of its own."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasker_stack.compose import Compose, ComposeError, interpolate
from tasker_stack.programs import FOLDER_LISTS, ID_VARIABLES, POSTGRES_PORT
from tasker_stack.slots import Slot
from tasker_stack.system import Wanted

# Folders of the compose file's own tree that its services mount.
MOUNTED = ("fixtures", "examples")

# What is below a project's folder beside them.
SCRATCH = "scratch"
HANDLERS = "handlers"

# Where a worker's image has its workflows, by the compose file's variables.
IN_IMAGE = {"TEMPLATES": "/app/templates", "HANDLERS": "/app/handlers"}

# Where the image has the data directory.
POSTGRES_DATA = "/var/lib/postgresql/data"


@dataclass(frozen=True)
class Project:
    """A project's name, files and variables; the ports are those of a slot."""

    compose: Compose
    slot: Slot
    files: tuple[Path, ...]
    variables: Mapping[str, str]

    @property
    def name(self) -> str:
        """What Compose and the engine know it by."""
        return self.slot.project

    def port(self, service: str, number: int = 1) -> int:
        """Where the service's instance of this number is published."""
        return self.slot.port(list(self.compose.services).index(service), number)

    def variables_of(self, service: str, instance: str) -> dict[str, str]:
        """What is an instance's own: `python-worker-2` has a port and an identity of its own."""
        if instance == service:
            return {}
        number = int(instance.rpartition("-")[2])
        return {
            port_variable(service): str(self.port(service, number)),
            ID_VARIABLES[service]: instance,
        }


def lay_out(
    wanted: Wanted,
    folder: Path,
    *,
    slot: Slot,
    tags: Mapping[str, str],
    scratch: Path,
) -> Project:
    """Write a project's files below the folder, where the engine sees them.

    All that is mounted is copied: Bazel's files are links to what the engine may not see. What
    tests write into SCRATCH below the folder, workers see at the path `scratch`.
    """
    compose = wanted.compose
    variables = {tag_variable(service): tag for service, tag in tags.items()}
    if wanted.templates:
        # The image has all.
        variables |= IN_IMAGE
    else:
        for name in MOUNTED:
            if name not in wanted.sources:
                raise ComposeError(f"--source={name}=PATH is missing")
            shutil.copytree(wanted.sources[name], folder / name)
    copy = folder / "fixtures" / "compose" / wanted.file.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(wanted.file, copy)
    for mount in (mount for service in compose.services.values() for mount in service.volumes):
        # What is not there, the engine would make as root.
        (copy.parent / mount.partition(":")[0]).mkdir(parents=True, exist_ok=True)
    (folder / SCRATCH).mkdir()
    if wanted.handlers:
        shutil.copytree(wanted.handlers, folder / HANDLERS)
    additions = folder / "stack.json"
    project = Project(compose, slot, (copy, additions), variables)
    for service, declared in compose.services.items():
        if declared.ports:
            variables[port_variable(service)] = str(project.port(service))
    added = _additions(project, wanted.handlers, folder, scratch)
    additions.write_text(json.dumps(added, indent=2))
    return project


def port_variable(service: str) -> str:
    """The compose file's variable for the port that the service publishes."""
    return f"{_upper(service)}_PORT"


def tag_variable(service: str) -> str:
    """The compose file's variable for the tag of the service's image."""
    return f"{_upper(service)}_TAG"


def _upper(service: str) -> str:
    return service.replace("-", "_").upper()


def _additions(
    project: Project, handlers: Path | None, folder: Path, scratch: Path
) -> dict[str, Any]:
    services: dict[str, Any] = {
        "postgres": {
            # Not published by the compose file: only tests have anything to do there.
            "ports": [f"127.0.0.1:{project.port('postgres')}:{POSTGRES_PORT}"],
            # With a name, data outlives a container that is made anew.
            "volumes": [f"data:{POSTGRES_DATA}"],
        }
    }
    for name, declared in project.compose.services.items():
        if name.endswith("-worker"):
            service: dict[str, Any] = {"volumes": [f"{folder / SCRATCH}:{scratch}:ro"]}
            if handlers:
                # Tests name folders in it as for processes, by their paths from where tests run.
                inside = f"/{handlers}"
                service["volumes"].append(f"{folder / HANDLERS}:{inside}:ro")
                service["environment"] = {
                    key: f"{interpolate(declared.environment[key], project.variables)}:{inside}"
                    for key in FOLDER_LISTS
                }
            services[name] = service
    return {"services": services, "volumes": {"data": {}}}
