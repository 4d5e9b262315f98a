"""What is asked for on the command line of the stack, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tasker_stack.compose import Compose
from tasker_stack.driver import Driver


@dataclass(frozen=True)
class Wanted:
    """The services to run, and from what."""

    # The compose file, and where it is.
    compose: Compose
    file: Path
    services: list[str]
    # Programs and folders (`programs.Sources`), and archives of images, by their names.
    sources: Mapping[str, Path]
    images: Mapping[str, Path]
    # Folders of templates that the worker has instead of the fixture's; it has their handlers.
    templates: list[Path]
    # The folder of handlers that only this test has, from where the stack is run.
    handlers: Path | None
    # Where logs are kept.
    logs: Path


@dataclass(frozen=True)
class System:
    """A driver, and what the test program is told beside the services' addresses."""

    driver: Driver
    environment: Mapping[str, str] = field(default_factory=dict)
