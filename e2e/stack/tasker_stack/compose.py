"""The part of the compose file's format that the test stack supports; anything else is an error."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

# Seconds, from compose's "500ms" or "2s".
DURATION = re.compile(r"(\d+)(ms|s)")
# "127.0.0.1:${PORT:-8083}:8081": the published port, and the container's.
PORTS = re.compile(r"(?:127\.0\.0\.1:)?(?P<published>\d+|\$\{[A-Z_]+:-\d+\}):(?P<container>\d+)")
# `${NAME:-default}`, `${NAME-default}` or `${NAME}`; `$$` is a dollar sign; else `$` is an error.
VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+)(?:(:?-)([^}]*))?\}|)")


class ComposeError(Exception):
    """The compose file cannot be run; the message names file and key."""


def _ports(value: str) -> str:
    if not PORTS.fullmatch(value):
        raise ValueError('only "PUBLISHED:CONTAINER" is supported, after "127.0.0.1:" or nothing')
    return value


def _duration(value: str) -> str:
    if not DURATION.fullmatch(value):
        raise ValueError("only whole milliseconds (500ms) or seconds (2s) are supported")
    return value


Duration = Annotated[str, AfterValidator(_duration)]


class Supported(BaseModel):
    """A mapping of the file that holds these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Healthcheck(Supported):
    """How to ask a service whether it works."""

    test: tuple[str, ...]
    interval: Duration
    timeout: Duration
    retries: int

    def deadline(self) -> float:
        """Seconds after which a service that is not healthy has failed."""
        return _seconds(self.interval) * self.retries

    def timeout_seconds(self) -> float:
        """Seconds that one check may take."""
        return _seconds(self.timeout)


class Dependency(Supported):
    """What another service must be before this one starts."""

    condition: Literal["service_healthy"]


class Service(Supported):
    """One service.

    `image`, `pull_policy`, `volumes` and the container's ports concern containers alone.
    """

    image: str
    # Of images that the build loads, no registry knows any.
    pull_policy: Literal["never"] = "never"
    environment: dict[str, str] = {}
    healthcheck: Healthcheck
    depends_on: dict[str, Dependency] = {}
    ports: tuple[Annotated[str, AfterValidator(_ports)], ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: Literal["SIGTERM", "SIGINT"] = "SIGTERM"

    def published_port(self, variables: Mapping[str, str] = {}) -> int | None:
        """The port at which the service is reached, with these variables."""
        match = PORTS.fullmatch(self.ports[0]) if self.ports else None
        return int(interpolate(match["published"], variables)) if match else None


class Compose(Supported):
    """The whole file, its variables not yet replaced."""

    services: dict[str, Service]

    def in_start_order(self, names: list[str]) -> list[str]:
        """The named services, each after those it depends on, which must be among them."""
        order: list[str] = []
        while len(order) < len(names):
            free = [n for n in names if n not in order and self._needs(n) <= set(order)]
            if not free:
                waiting = [name for name in names if name not in order]
                reasons = [f"{n} needs {sorted(self._needs(n) - set(order))}" for n in waiting]
                raise ComposeError(f"these services cannot be started: {', '.join(reasons)}")
            order += free
        return order

    def _needs(self, name: str) -> set[str]:
        if name not in self.services:
            raise ComposeError(f"no service {name!r}; the file has {sorted(self.services)}")
        return set(self.services[name].depends_on)


def load(path: Path) -> Compose:
    """Read the file; `ComposeError` names each key that is not supported or missing."""
    try:
        document: Any = yaml.safe_load(path.read_text())
        return Compose.model_validate(document)
    except yaml.YAMLError as error:
        raise ComposeError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        problems = [f"{path}: {_problem(dict(e))}" for e in error.errors()]
        raise ComposeError("\n".join(problems)) from error


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Replace the variables of one value as compose does."""

    def replace(match: re.Match[str]) -> str:
        name, sign, default = match.groups()
        if name is not None:
            value = variables.get(name)
            # Without the colon an empty value counts as one.
            if value is None or (sign == ":-" and not value):
                value = default
            if value is None:
                raise ComposeError(f"{text!r}: the variable {name} has neither value nor default")
            return value
        if match.group() == "$$":
            return "$"
        raise ComposeError(f"{text!r}: only ${{NAME}}, with :- or - before a default, and $$")

    return VARIABLE.sub(replace, text)


def _seconds(duration: str) -> float:
    match = DURATION.fullmatch(duration)
    assert match, duration
    return int(match[1]) * {"ms": 0.001, "s": 1.0}[match[2]]


def _problem(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key}: the test stack does not support this key"
    return f"{key}: {error['msg']}"
