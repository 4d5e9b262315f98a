"""A worker's configuration, from its environment and command line."""

import argparse
import difflib
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasker_core.errors import ConfigurationError
from tasker_core.origin import is_host, is_loopback
from tasker_core.serialization import utf8_text

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_BIND = "127.0.0.1:8081"
DEFAULT_SLOTS = 128
DEFAULT_DRAIN_SECONDS = 8.0
# The native library takes milliseconds of 32 bits, which is somewhat more.
MAX_DRAIN_SECONDS = 30 * 86_400

WORKER_VARIABLES = (
    "TASKER_BIND",
    "TASKER_ENV",
    "TASKER_HANDLER_PATH",
    "TASKER_HOSTS",
    "TASKER_LOG_FORMAT",
    "TASKER_TEMPLATE_PATH",
    "TASKER_TOKEN",
    "TASKER_URL",
)
OTHER_VARIABLES = (
    # Read by handlers, the engine or `tasker dev`; one environment often serves several of them.
    "TASKER_ENGINE_ID",
    "TASKER_FIXTURE_PATH",
    "TASKER_IDEMPOTENCY_DAYS",
    "TASKER_MAX_OPEN_STEPS",
    "TASKER_RETENTION_DAYS",
    "TASKER_PAYLOAD_BUDGET",
    "TASKER_SERVER_BIN",
    "TASKER_TLS_CERT",
    "TASKER_TLS_KEY",
    # Set by deployments written for other versions; without use here.
    "TASKER_CONFIG_PATH",
)
TEST_PREFIX = "TASKER_TEST_"
# By the variables that one would guess, of which there are none.
FLAGS_ALONE = {
    "TASKER_DRAIN_TIMEOUT": "--drain-timeout",
    "TASKER_PROCESSES": "--processes",
    "TASKER_SLOTS": "--slots",
}


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What a worker needs to know.

    Each field has a flag, and most have a variable; see `python -m tasker_core.worker --help`.
    """

    urls: tuple[str, ...] = (DEFAULT_URL,)
    token: str | None = None
    bind: str = DEFAULT_BIND
    hosts: tuple[str, ...] = ()
    """Names under which the health page is asked besides localhost and IP addresses."""
    worker_id: str = ""
    template_path: str = ""
    handler_path: str = ""
    environment: str = ""
    slots: int = DEFAULT_SLOTS
    processes: int = 1
    """More than one: the process runs no handlers itself, but so many workers."""
    drain_timeout: float = DEFAULT_DRAIN_SECONDS
    log_level: str = "INFO"
    log_format: Literal["console", "json"] | None = None
    """None for console on a terminal and JSON elsewhere."""
    lifeline: int | None = None
    """The file descriptor of the socket that leads to the process that started this one."""
    modules: tuple[str, ...] = ()


def read_settings(argv: Sequence[str], environ: Mapping[str, str]) -> WorkerSettings:
    """The settings; flags win over variables.

    ConfigurationError for a wrong value, SystemExit for `--help`.
    """
    options = _parser(environ).parse_args(argv)
    urls = tuple(url.strip() for url in options.url.split(",") if url.strip())
    if not urls:
        raise ConfigurationError("no engine is named: set TASKER_URL or --url")
    if options.slots < 1:
        raise ConfigurationError(f"--slots is {options.slots}; a worker needs at least 1")
    if options.processes < 1:
        raise ConfigurationError(f"--processes is {options.processes}; at least 1")
    if not 0 <= options.drain_timeout <= MAX_DRAIN_SECONDS:
        raise ConfigurationError(
            f"--drain-timeout is {options.drain_timeout}; seconds, from 0 to {MAX_DRAIN_SECONDS}, "
            "which are 30 days"
        )
    for option, text in (
        ("--url or TASKER_URL", options.url),
        ("--token or TASKER_TOKEN", options.token),
        ("--worker-id or WORKER_ID", options.worker_id),
        ("--env or TASKER_ENV", options.env),
    ):
        if utf8_text(text) != text:
            raise ConfigurationError(f"{option} is no UTF-8, which the engine could not read")
    level = options.log_level.upper()
    if level not in logging.getLevelNamesMapping():
        raise ConfigurationError(
            f"LOG_LEVEL is {options.log_level!r}; one of debug, info, warning, error"
        )
    if options.log_format not in ("", "console", "json"):
        raise ConfigurationError(f"TASKER_LOG_FORMAT is {options.log_format!r}; console or json")
    token = options.token or None
    if token is None and not is_loopback(options.bind.rpartition(":")[0]):
        raise ConfigurationError(
            f"the address {options.bind} can be reached from other machines, which takes a token: "
            f"set TASKER_TOKEN, or bind to {DEFAULT_BIND}"
        )
    hosts = tuple(host.strip() for host in options.hosts.split(",") if host.strip())
    for host in hosts:
        if not is_host(host):
            raise ConfigurationError(
                f"TASKER_HOSTS has {host!r}, which is no host's name: it takes names such as "
                "worker.example.com or worker.example.com:8081, without a scheme or path"
            )
    return WorkerSettings(
        urls=urls,
        token=token,
        bind=options.bind,
        hosts=hosts,
        worker_id=options.worker_id,
        template_path=options.template_path,
        handler_path=options.handler_path,
        environment=options.env,
        slots=options.slots,
        processes=options.processes,
        drain_timeout=options.drain_timeout,
        log_level=level,
        log_format=options.log_format or None,
        lifeline=options.lifeline,
        modules=tuple(options.modules),
    )


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each TASKER_ variable that nothing reads, with the nearest known name."""
    known = (*WORKER_VARIABLES, *OTHER_VARIABLES)
    wanted = (*known, *FLAGS_ALONE)
    sentences = []
    for name in sorted(environ):
        if name.startswith("TASKER_") and not name.startswith(TEST_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, wanted, n=1)
            meant = [FLAGS_ALONE.get(other, other) for other in near]
            hint = f"; did you mean {meant[0]}?" if meant else ""
            sentences.append(f"the environment variable {name} is unknown and has no effect{hint}")
    return sentences


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tasker_core.worker",
        description="Runs Python handlers for a Tasker engine, until SIGTERM.",
    )

    def add(flag: str, variable: str, default: str, text: str) -> None:
        parser.add_argument(
            flag,
            default=environ.get(variable) or default,
            help=f"{text} ({variable}, default {default!r})",
        )

    add("--url", "TASKER_URL", DEFAULT_URL, "the engine; several, comma-separated")
    add("--token", "TASKER_TOKEN", "", "the engine's access token")
    add("--bind", "TASKER_BIND", DEFAULT_BIND, "host:port of the health page")
    add("--hosts", "TASKER_HOSTS", "", "further names of the health page, comma-separated")
    add("--worker-id", "WORKER_ID", socket.gethostname(), "the worker's name, for people")
    add("--template-path", "TASKER_TEMPLATE_PATH", "", "folders of task templates, ':'-separated")
    add(
        "--handler-path",
        "TASKER_HANDLER_PATH",
        "",
        "folders to import handlers from, ':'-separated",
    )
    add("--env", "TASKER_ENV", "", "the environment; `test` imports every handler at start")
    add("--log-level", "LOG_LEVEL", "info", "the least severe level that is logged")
    add(
        "--log-format",
        "TASKER_LOG_FORMAT",
        "",
        "console or json; without it console on a terminal, else json",
    )
    parser.add_argument(
        "--slots",
        type=int,
        default=DEFAULT_SLOTS,
        help="attempts run at once by a process (default %(default)s)",
    )
    parser.add_argument(
        "--drain-timeout",
        type=float,
        default=DEFAULT_DRAIN_SECONDS,
        help="seconds in which running handlers may finish after SIGTERM (default %(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="processes that run handlers, each with its own slots (default %(default)s)",
    )
    # From a parent to the processes of --processes; not for people.
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a module to import first")
    return parser
