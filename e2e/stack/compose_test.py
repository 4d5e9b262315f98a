"""What of a compose file is read, and what is refused."""

from pathlib import Path

import pytest

from tasker_stack.compose import Compose, ComposeError, interpolate, load

ENGINE = """
services:
  engine:
    image: engine:test
    environment: {BIND: "${ENGINE_BIND:-0.0.0.0:8080}"}
    ports: ["8090:8080"]
    healthcheck: {test: [CMD, curl, -f, "http://engine"], interval: 500ms, timeout: 2s, retries: 30}
"""
WORKER = """
  worker:
    image: worker:test
    environment: {}
    depends_on: {engine: {condition: service_healthy}}
    healthcheck: {test: [CMD, curl, -f, "http://worker"], interval: 1s, timeout: 2s, retries: 3}
"""


def read(folder: Path, text: str) -> Compose:
    path = folder / "compose.yml"
    path.write_text(text)
    return load(path)


def test_a_service_is_read(tmp_path: Path) -> None:
    engine = read(tmp_path, ENGINE).services["engine"]
    assert engine.image == "engine:test"
    assert engine.environment == {"BIND": "${ENGINE_BIND:-0.0.0.0:8080}"}
    assert engine.published_port() == 8090
    assert engine.healthcheck.deadline() == 15.0
    assert engine.healthcheck.timeout_seconds() == 2.0


@pytest.mark.parametrize(
    "ports", ["8090:8080", "127.0.0.1:8090:8080", "127.0.0.1:${ENGINE_PORT:-8090}:8080"]
)
def test_a_published_port_may_be_of_this_machine_alone_and_a_variable(
    tmp_path: Path, ports: str
) -> None:
    engine = read(tmp_path, ENGINE.replace("8090:8080", ports)).services["engine"]
    assert engine.published_port() == 8090


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "    restart: always",
            "services.engine.restart: the test stack does not support this key",
        ),
        ("    pull_policy: always", "services.engine.pull_policy: Input should be 'never'"),
        ("    stop_signal: SIGHUP", "services.engine.stop_signal: Input should be 'SIGTERM' or"),
        ("    depends_on: [db]", "services.engine.depends_on: Input should be a valid dictionary"),
        ("networks: {}", "networks: the test stack does not support this key"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ComposeError) as caught:
        read(tmp_path, ENGINE + line)
    assert f"{tmp_path}/compose.yml: {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("8090:8080", "10.0.0.1:8090:8080", 'ports.0: Value error, only "PUBLISHED:CONTAINER"'),
        ("500ms", "1m30s", "healthcheck.interval: Value error, only whole milliseconds"),
        ("image: engine:test", "{}", "not YAML"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(ComposeError) as caught:
        read(tmp_path, ENGINE.replace(old, new))
    assert problem in str(caught.value)


def test_services_start_after_those_they_depend_on(tmp_path: Path) -> None:
    compose = read(tmp_path, ENGINE + WORKER)
    assert compose.in_start_order(["worker", "engine"]) == ["engine", "worker"]


def test_a_service_without_what_it_depends_on_is_refused(tmp_path: Path) -> None:
    compose = read(tmp_path, ENGINE + WORKER)
    with pytest.raises(ComposeError, match=r"worker needs \['engine'\]"):
        compose.in_start_order(["worker"])


def test_an_unknown_service_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match=r"no service 'rust'; the file has \['engine'\]"):
        read(tmp_path, ENGINE).in_start_order(["rust"])


def test_variables_are_replaced() -> None:
    variables = {"HOST": "127.0.0.1", "EMPTY": ""}
    assert (
        interpolate("http://${HOST:-engine}:1/${PATH_:-a/b}", variables) == "http://127.0.0.1:1/a/b"
    )
    assert interpolate("${EMPTY:-default}", variables) == "default"
    assert interpolate("${EMPTY-default}${NONE-default}", variables) == "default"
    assert interpolate("5 $$", variables) == "5 $"


@pytest.mark.parametrize("text", ["$HOST", "${HOST?no}", "${HOST+a}", "${UNKNOWN}"])
def test_other_forms_of_variables_are_refused(text: str) -> None:
    with pytest.raises(ComposeError):
        interpolate(text, {"HOST": "127.0.0.1"})
