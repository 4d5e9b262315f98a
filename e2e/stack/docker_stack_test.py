"""The whole stack as containers of a real engine: it starts, stops, and leaves nothing behind."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tasker_stack import compose, images, leftovers, project, slots
from tasker_stack.docker import Docker
from tasker_stack.system import Wanted

# The arguments that run the real services; the BUILD file has them.
ARGUMENTS = os.environ["STACK_ARGUMENTS"].split()
COMPOSE = Path(next(a for a in ARGUMENTS if a.startswith("--compose=")).partition("=")[2])
NAMED = dict(
    argument.partition("=")[2].split("=", 1)
    for argument in ARGUMENTS
    if argument.startswith(("--source=", "--image="))
)
SERVICES = ("postgres", "orchestration", "python-worker")

SHOW_VARIABLES = """
import json, os
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("TASKER_TEST_")}))
"""
# Says that it runs, and goes on for as long as its caller lives.
LINGER = SHOW_VARIABLES + "import sys; sys.stdout.flush(); sys.stdin.read()"


@pytest.fixture
def docker() -> Docker:
    return Docker([str(Path(NAMED["compose"]).absolute())])


def begin_stack(logs: Path, *arguments: str, test: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "e2e/stack/stack.py", *ARGUMENTS, *arguments]
    logs.mkdir(exist_ok=True)
    environment = {
        **{k: v for k, v in os.environ.items() if k in ("PATH", "TEST_TMPDIR", "DOCKER_HOST")},
        "PYTHONPATH": ":".join(sys.path),
        "TEST_UNDECLARED_OUTPUTS_DIR": str(logs),
        **more,
    }
    return subprocess.Popen(
        [*command, "--", sys.executable, "-c", test],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def project_of(variables: dict[str, str]) -> str:
    """The project of a stack, which its ports tell."""
    port = int(variables["TASKER_TEST_POSTGRES"].rpartition(":")[2])
    return slots.Slot((port - slots.FIRST_PORT) // slots.PORTS_OF_SLOT).project


def belongings(docker: Docker, name: str) -> set[str]:
    """What the engine has of a project: a later one of this name has others."""
    of_project = ("--quiet", "--no-trunc", "--filter", f"label={leftovers.LABEL}={name}")
    kinds = (("ps", "--all"), ("network", "ls"))
    return {each for kind in kinds for each in docker.run(*kind, *of_project).split()}


def test_the_fixture_starts_and_stops_cleanly(tmp_path: Path, docker: Docker) -> None:
    with begin_stack(tmp_path / "logs", test=LINGER) as stack:
        assert stack.stdout
        line = stack.stdout.readline()
        assert line, stack.communicate()
        variables = json.loads(line)
        name = project_of(variables)
        had = belongings(docker, name)
        stdout, stderr = stack.communicate()
    assert (stack.returncode, stdout) == (0, ""), stderr
    # Three containers and a network.
    assert len(had) == 4
    assert had & belongings(docker, name) == set()
    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert set(logs) == {f"{service}.log" for service in SERVICES}
    assert "database system is ready to accept connections" in logs["postgres.log"]
    assert "SIGTERM was received" in logs["python-worker.log"]
    assert not variables["TASKER_TEST_HOST"].startswith("127.")


def test_what_a_killed_stack_left_is_removed_by_the_next(tmp_path: Path, docker: Docker) -> None:
    with begin_stack(tmp_path / "logs", test=LINGER) as stack:
        assert stack.stdout
        line = stack.stdout.readline()
        assert line, stack.communicate()
        left = belongings(docker, project_of(json.loads(line)))
        stack.kill()
    assert len(left) == 4
    with begin_stack(tmp_path / "next", "--services=postgres", test="print('ran')") as following:
        stdout, stderr = following.communicate()
    assert (following.returncode, stdout) == (0, "ran\n"), stderr
    remaining = docker.run("ps", "--all", "--quiet", "--no-trunc").split()
    remaining += docker.run("network", "ls", "--quiet", "--no-trunc").split()
    assert left & set(remaining) == set()


def test_a_service_that_fails_to_start_is_reported_with_its_log(
    tmp_path: Path, docker: Docker
) -> None:
    changed = tmp_path / "compose.yml"
    changed.write_text(COMPOSE.read_text().replace("DATABASE_URL: postgres:", "DATABASE_URL: my:"))
    arguments = (f"--compose={changed}", "--services=postgres,orchestration")
    with begin_stack(tmp_path / "logs", *arguments, test="print('ran')") as stack:
        stdout, stderr = stack.communicate()
    assert (stack.returncode, stdout) == (1, "")
    assert "stack: orchestration did not start, ended with status " in stderr
    assert f"the end of {tmp_path}/logs/orchestration.log:\n" in stderr
    assert "ERROR the database URL" in (tmp_path / "logs/orchestration.log").read_text()


def test_compose_is_the_users_own_when_it_is_named(tmp_path: Path) -> None:
    program = Path(NAMED["compose"]).absolute()
    own = tmp_path / "own-compose"
    own.write_text(f'#!/bin/sh\necho "$1 $2" >>{tmp_path}/calls\nexec {program} "$@"\n')
    own.chmod(0o755)
    variables = {"TASKER_TEST_COMPOSE": str(own)}
    arguments = ("--services=postgres",)
    with begin_stack(tmp_path / "logs", *arguments, test="print('ran')", **variables) as stack:
        stdout, stderr = stack.communicate()
    assert (stack.returncode, stdout) == (0, "ran\n"), stderr
    assert (tmp_path / "calls").read_text().startswith("--project-name tasker-e2e-")


def test_the_compose_file_runs_as_it_is(tmp_path: Path, docker: Docker) -> None:
    remove = partial(leftovers.remove, docker)
    with slots.taken(len(SERVICES), leftovers.projects(docker), remove) as slot:
        archives = {service: Path(NAMED[service]) for service in SERVICES}
        tags = images.load(docker, archives, lambda: False)
        sources = {name: Path(NAMED[name]) for name in project.MOUNTED}
        laid_out = project.lay_out(
            Wanted(compose.load(COMPOSE), COMPOSE, list(SERVICES), sources, {}, [], None, tmp_path),
            tmp_path,
            slot=slot,
            tags=tags,
            scratch=tmp_path,
        )
        # Without what the stack adds.
        file = laid_out.files[:1]
        try:
            docker.compose(slot.project, file, laid_out.variables, "up", "--detach", "--wait")
            form = "{{.State.Health.Status}}"
            containers = [f"{slot.project}-{service}-1" for service in SERVICES]
            health = docker.run("inspect", "--format", form, *containers).split()
        finally:
            remove(slot.project)
    assert health == ["healthy"] * len(SERVICES)
