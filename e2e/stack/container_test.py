"""How a service's container is started, started again, made anew, and told of."""

import signal
from pathlib import Path

import pytest

from fake_docker import FakeDocker
from tasker_stack.compose import Compose
from tasker_stack.container import ContainerLauncher, ContainerRun
from tasker_stack.docker import Docker
from tasker_stack.project import Project
from tasker_stack.service import NO_CHANGES, Changes, ServiceError, StateError
from tasker_stack.slots import Slot

CHECK = {"test": ["CMD", "curl", "-f", "http://e"], "interval": "1s", "timeout": "1s", "retries": 3}
COMPOSE = Compose.model_validate(
    {
        "services": {
            name: {"image": name, "healthcheck": CHECK, "ports": ["8080:8080"]}
            for name in ("orchestration", "python-worker")
        }
    }
)
MAKE = "--project-name tasker-e2e-3 --file f.yml run --detach --no-deps --service-ports"
WORKER = "tasker-e2e-3-python-worker"


@pytest.fixture
def fake(tmp_path: Path) -> FakeDocker:
    fake = FakeDocker(tmp_path)
    fake.answer("wait", "0\n")
    return fake


def launcher_of(fake: FakeDocker, name: str, log: Path) -> ContainerLauncher:
    project = Project(COMPOSE, Slot(3), (Path("f.yml"),), {})
    service = name.removesuffix("-2")
    return ContainerLauncher(Docker([fake.program], fake.program), project, service, name, log)


def run_of(fake: FakeDocker) -> ContainerRun:
    return ContainerRun(Docker([fake.program], fake.program), WORKER)


def test_a_service_that_starts_again_as_it_was_keeps_its_container(
    fake: FakeDocker, tmp_path: Path
) -> None:
    worker = launcher_of(fake, "python-worker", tmp_path / "log")
    for _ in range(2):
        assert worker.launch(NO_CHANGES).wait(10) == 0
    assert [call for call in fake.calls() if not call.startswith("wait")] == [
        f"{MAKE} --name {WORKER} --use-aliases python-worker",
        f"start {WORKER}",
    ]


def test_a_service_that_starts_otherwise_has_a_new_container_and_its_log_goes_on(
    fake: FakeDocker, tmp_path: Path
) -> None:
    worker = launcher_of(fake, "python-worker", tmp_path / "log")
    worker.launch(NO_CHANGES).wait(10)
    fake.answer("logs", "one\ntwo\n")
    assert worker.log().read_text() == "one\ntwo\n"
    fake.answer("logs", "one\ntwo\nthree\n")
    worker.launch(Changes({"A": "b"}, ("--slots", "2"))).wait(10)
    fake.answer("logs", "four\n")
    assert worker.log().read_text() == "one\ntwo\nthree\nfour\n"
    assert fake.calls()[-4:-1] == [
        f"rm --force {WORKER}",
        f"{MAKE} --name {WORKER} --use-aliases -e A=b python-worker --slots 2",
        f"wait {WORKER}",
    ]


def test_arguments_for_the_engine_follow_its_own(fake: FakeDocker, tmp_path: Path) -> None:
    engine = launcher_of(fake, "orchestration", tmp_path / "log")
    engine.launch(Changes(arguments=("--quietly",))).wait(10)
    assert fake.calls()[0].endswith("--use-aliases orchestration serve --quietly")


def test_a_further_instance_does_not_bear_the_services_name_in_the_network(
    fake: FakeDocker, tmp_path: Path
) -> None:
    launcher_of(fake, "python-worker-2", tmp_path / "log").launch(NO_CHANGES).wait(10)
    assert fake.calls()[0] == f"{MAKE} --name {WORKER}-2 python-worker"


def test_a_container_that_cannot_be_made_is_reported_with_what_to_do(
    fake: FakeDocker, tmp_path: Path
) -> None:
    fake.answer("--project-name", stderr="no space left on device", status=1)
    with pytest.raises(ServiceError, match=r"(?s)python-worker did not start: .* system prune"):
        launcher_of(fake, "python-worker", tmp_path / "log").launch(NO_CHANGES)


@pytest.mark.parametrize(("told", "status"), [("0", 0), ("1", 1), ("137", -9), ("143", -15)])
def test_the_end_is_told_as_of_processes(fake: FakeDocker, told: str, status: int) -> None:
    fake.answer("wait", f"{told}\n")
    run = run_of(fake)
    assert run.wait(10) == status
    assert run.poll() == status


def test_an_end_that_the_engine_does_not_tell_is_an_error(fake: FakeDocker) -> None:
    fake.answer("wait", stderr="no such container", status=1)
    with pytest.raises(ServiceError, match=f"tell {WORKER}'s end: no such container"):
        run_of(fake).wait(10)


def test_signals_and_freezing_are_the_engines(fake: FakeDocker) -> None:
    run = run_of(fake)
    run.wait(10)
    run.thaw()
    run.send_signal(signal.SIGINT)
    run.freeze()
    run.thaw()
    run.thaw()
    run.kill()
    assert fake.calls()[1:] == [
        f"kill --signal SIGINT {WORKER}",
        f"pause {WORKER}",
        f"unpause {WORKER}",
        f"kill --signal SIGKILL {WORKER}",
    ]


def test_a_signal_to_a_container_that_has_ended_is_refused(fake: FakeDocker) -> None:
    fake.answer("kill", stderr=f"Container {WORKER} is not running", status=1)
    run = run_of(fake)
    run.wait(10)
    with pytest.raises(StateError, match="is not running"):
        run.kill()
