"""A variable of the environment that leads nowhere is a line with its name, and no traceback."""

import os
import re
import subprocess
import sys

import pytest

ENGINE = "http://engine.example.test:8080"
PROXIES = re.compile(r"(https?|all|no)_proxy|ssl_cert_(file|dir)|tasker_.*", re.IGNORECASE)
CASES: list[tuple[dict[str, str], int, str]] = [
    ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, 2, "tasker: ALL_PROXY names a SOCKS proxy, "),
    ({"ALL_PROXY": "socks://127.0.0.1:1080"}, 2, "tasker: ALL_PROXY begins with socks://, "),
    (
        {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "::1,fd00::/8"},
        4,
        "; the way leads over the proxy http://127.0.0.1:1 of HTTP_PROXY; ",
    ),
    (
        {"TASKER_URL": "https://engine.example.test", "SSL_CERT_FILE": "/there/is/no/file"},
        2,
        "tasker: SSL_CERT_FILE is '/there/is/no/file', from where no certificates can be read: ",
    ),
    ({"TASKER_URL": "engine:8080"}, 2, "tasker: 'engine:8080' is not the URL of an engine: "),
]


@pytest.mark.parametrize(
    ("environment", "code", "says"),
    CASES,
    ids=["socks5", "socks", "away", "certificates", "no URL"],
)
def test_a_command_says_in_a_line_what_is_wrong(
    environment: dict[str, str], code: int, says: str
) -> None:
    others = {name: value for name, value in os.environ.items() if not PROXIES.fullmatch(name)}
    ended = subprocess.run(
        [sys.executable, "-m", "tasker_core.cli", "task", "list"],
        env={
            **others,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TASKER_URL": ENGINE,
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (code, "")
    (line,) = ended.stderr.splitlines()
    assert says in line


def test_the_version_is_told() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tasker_core.cli", "--version"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.fullmatch(r"tasker \d+\.\d+\.\d+\n", told)
