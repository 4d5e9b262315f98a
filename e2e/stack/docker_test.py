"""What is said when an engine is missing, too old, or cannot do what it is asked for."""

from pathlib import Path

import pytest

from fake_docker import FakeDocker
from tasker_stack.docker import Docker, DockerError


@pytest.fixture
def fake(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path)


def docker_of(fake: FakeDocker) -> Docker:
    return Docker([fake.program], fake.program)


@pytest.mark.parametrize("version", ["1.41 20.10.24+dfsg1", "1.50 28.2.2"])
def test_an_engine_that_is_new_enough_is_taken(fake: FakeDocker, version: str) -> None:
    fake.answer("version", version)
    docker_of(fake).check()


def test_an_engine_that_is_too_old_is_named_with_what_is_wanted(fake: FakeDocker) -> None:
    fake.answer("version", "1.40 19.03.15")
    with pytest.raises(DockerError) as caught:
        docker_of(fake).check()
    assert str(caught.value) == (
        "the container engine 19.03.15 has API 1.40; wanted is 1.41, of Docker 20.10, or newer: "
        "update it, or test without --config=docker"
    )


def test_an_engine_that_does_not_answer_is_told_with_the_way_to_start_it(fake: FakeDocker) -> None:
    said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    fake.answer("version", stderr=said, status=1)
    with pytest.raises(DockerError) as caught:
        docker_of(fake).check()
    assert said in str(caught.value)
    assert "start one, such as with `systemctl start docker`" in str(caught.value)


def test_a_machine_without_docker_is_told_so(tmp_path: Path) -> None:
    missing = str(tmp_path / "docker")
    with pytest.raises(DockerError) as caught:
        Docker([missing], missing).check()
    assert f"{missing} cannot be run: No such file or directory" in str(caught.value)
    assert "no container engine answers: start one" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("write /var/lib/docker/x: no space left on device", "`docker system prune`"),
        (
            "Bind for 127.0.0.1:8080 failed: port is already allocated",
            "another program has the port",
        ),
        ("could not find an available, non-overlapping IPv4 address pool", "network prune"),
        ("all predefined address pools have been fully subnetted", "network prune"),
        ("permission denied while trying to connect to the Docker daemon", "add it to the group"),
        ("No such image: tasker/postgres:test", "`bazel run //fixtures/compose:up` loads them"),
    ],
)
def test_a_failure_that_is_known_comes_with_what_to_do(
    fake: FakeDocker, said: str, remedy: str
) -> None:
    fake.answer("start", stderr=said, status=1)
    with pytest.raises(DockerError) as caught:
        docker_of(fake).run("start", "engine")
    command, advice = str(caught.value).splitlines()
    assert command == f"`{fake.program} start engine` failed: {said}"
    assert remedy in advice


def test_compose_is_given_the_project_its_files_and_its_variables(
    fake: FakeDocker, tmp_path: Path
) -> None:
    files = [tmp_path / "one.yml", tmp_path / "two.json"]
    docker_of(fake).compose("p", files, {"PORT": "1"}, "run", "engine")
    assert fake.calls() == [f"--project-name p --file {files[0]} --file {files[1]} run engine"]
