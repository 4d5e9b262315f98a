"""A worker's settings come from flags, then variables, then defaults."""

import os
import re
import socket

import pytest

from tasker_core.errors import ConfigurationError
from tasker_core.settings import (
    WORKER_VARIABLES,
    WorkerSettings,
    read_settings,
    unknown_variables,
)


def test_defaults() -> None:
    assert read_settings([], {}) == WorkerSettings(
        urls=("http://127.0.0.1:8080",),
        token=None,
        bind="127.0.0.1:8081",
        worker_id=socket.gethostname(),
        template_path="",
        handler_path="",
        environment="",
        slots=128,
        drain_timeout=8.0,
        log_level="INFO",
        modules=(),
    )


def test_variables_and_flags() -> None:
    environ = {
        "TASKER_URL": "http://a:1, http://b:2",
        "TASKER_TOKEN": "secret",
        "TASKER_BIND": "0.0.0.0:9000",
        "TASKER_HOSTS": "worker.test, worker.test:81,",
        "WORKER_ID": "from-variable",
        "TASKER_TEMPLATE_PATH": "/t",
        "TASKER_HANDLER_PATH": "/h:/i",
        "TASKER_ENV": "test",
        "LOG_LEVEL": "debug",
    }
    argv = ["--worker-id", "from-flag", "--slots", "4", "--drain-timeout", "0.5", "shop.orders"]
    assert read_settings(argv, environ) == WorkerSettings(
        urls=("http://a:1", "http://b:2"),
        token="secret",
        bind="0.0.0.0:9000",
        hosts=("worker.test", "worker.test:81"),
        worker_id="from-flag",
        template_path="/t",
        handler_path="/h:/i",
        environment="test",
        slots=4,
        drain_timeout=0.5,
        log_level="DEBUG",
        modules=("shop.orders",),
    )


@pytest.mark.parametrize("bind", ["0.0.0.0:8081", "[::]:8081", "10.0.0.1:8081", "worker:8081"])
def test_an_address_that_others_reach_takes_a_token(bind: str) -> None:
    with pytest.raises(ConfigurationError, match="takes a token: set TASKER_TOKEN"):
        read_settings(["--bind", bind], {})
    assert read_settings(["--bind", bind], {"TASKER_TOKEN": "secret"}).bind == bind


@pytest.mark.parametrize("bind", ["127.0.0.1:0", "localhost:8081", "[::1]:8081"])
def test_loopback_takes_no_token(bind: str) -> None:
    assert read_settings(["--bind", bind], {}).bind == bind


@pytest.mark.parametrize(
    ("argv", "environ", "message"),
    [
        (["--slots", "0"], {}, "--slots is 0"),
        (["--drain-timeout", "-1"], {}, "--drain-timeout is -1.0"),
        (["--drain-timeout", "nan"], {}, "--drain-timeout is nan"),
        (["--drain-timeout", "inf"], {}, "--drain-timeout is inf; seconds, from 0 to 2592000, "),
        (["--drain-timeout", "5e6"], {}, "--drain-timeout is 5000000.0; seconds, from 0 to "),
        (["--processes", "0"], {}, "--processes is 0"),
        ([], {"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'"),
        ([], {"TASKER_LOG_FORMAT": "xml"}, "TASKER_LOG_FORMAT is 'xml'; console or json"),
        ([], {"TASKER_HOSTS": "https://worker.test"}, "TASKER_HOSTS has 'https://worker.test'"),
        ([], {"TASKER_URL": " , "}, "no engine is named"),
    ],
)
def test_a_wrong_value_is_refused(argv: list[str], environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_settings(argv, environ)


def test_an_unknown_variable_is_reported_with_the_nearest() -> None:
    environ = {
        "TASKER_TEMPLATES_PATH": "x",
        "TASKER_ZZZZZZZZ": "x",
        "TASKER_SLOT": "x",
        "TASKER_DRAIN_TIMEOUT": "x",
        "TASKER_URL": "x",
        "TASKER_FIXTURE_PATH": "x",
        "TASKER_CONFIG_PATH": "x",
        "TASKER_TEST_TOKEN": "x",
        "DATABASE_URL": "x",
    }
    assert unknown_variables(environ) == [
        (
            "the environment variable TASKER_DRAIN_TIMEOUT is unknown and has no effect; did you "
            "mean --drain-timeout?"
        ),
        (
            "the environment variable TASKER_SLOT is unknown and has no effect; did you mean "
            "--slots?"
        ),
        (
            "the environment variable TASKER_TEMPLATES_PATH is unknown and has no effect; "
            "did you mean TASKER_TEMPLATE_PATH?"
        ),
        "the environment variable TASKER_ZZZZZZZZ is unknown and has no effect",
    ]


@pytest.mark.parametrize("variable", ["WORKER_ID", "TASKER_TOKEN", "TASKER_URL", "TASKER_ENV"])
def test_a_variable_that_is_no_utf_8_is_named(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable} is no UTF-8"):
        read_settings([], {variable: os.fsdecode(b"caf\xe9")})


def test_the_help_names_the_variable_of_each_flag_but_three(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        read_settings(["--help"], {})
    entries = re.findall(r"^  (--\S+)(.*(?:\n {8}.*)*)", capsys.readouterr().out, re.MULTILINE)
    variables = {flag: re.findall(r"\(([A-Z_]+),", text) for flag, text in entries}
    assert {flag for flag, named in variables.items() if not named} == {
        "--slots",
        "--drain-timeout",
        "--processes",
    }
    assert {name for named in variables.values() for name in named} == {
        "LOG_LEVEL",
        "WORKER_ID",
        *WORKER_VARIABLES,
    }
