"""What a project's folder holds, and what the stack adds to the compose file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tasker_stack.compose import ComposeError, load
from tasker_stack.project import Project, lay_out
from tasker_stack.slots import Slot
from tasker_stack.system import Wanted

FILE = """
services:
  postgres:
    image: postgres:test
    healthcheck: {test: [CMD, pg_isready], interval: 1s, timeout: 2s, retries: 3}
  python-worker:
    image: worker:${PYTHON_WORKER_TAG:-test}
    environment: {TASKER_TEMPLATE_PATH: "${X:-/app}/t", TASKER_HANDLER_PATH: /app/h}
    ports: ["127.0.0.1:${PYTHON_WORKER_PORT:-8083}:8081"]
    healthcheck: {test: [CMD, curl, -f, "http://w"], interval: 1s, timeout: 2s, retries: 3}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Sources as a test has them: some are links."""
    checkout = tmp_path / "checkout"
    for name in ("fixtures/data", "examples/python", "e2e/handlers"):
        (checkout / name).mkdir(parents=True)
    (tmp_path / "rows.csv").write_text("1,2\n")
    (checkout / "fixtures/data/rows.csv").symlink_to(tmp_path / "rows.csv")
    (checkout / "e2e/handlers/gate.py").write_text("GATE = 1\n")
    (checkout / "compose.yml").write_text(FILE)
    return checkout


def wanted_of(checkout: Path) -> Wanted:
    file = checkout / "compose.yml"
    sources = {name: checkout / name for name in ("fixtures", "examples")}
    return Wanted(load(file), file, ["postgres", "python-worker"], sources, {}, [], None, checkout)


def project_of(wanted: Wanted, folder: Path) -> Project:
    folder.mkdir()
    tags = {"python-worker": "0123"}
    return lay_out(wanted, folder, slot=Slot(2), tags=tags, scratch=Path("/tmp/scratch"))


def test_what_is_mounted_lies_beside_the_compose_file_as_files_of_its_own(
    checkout: Path, tmp_path: Path
) -> None:
    project = project_of(wanted_of(checkout), tmp_path / "p")
    file, additions = project.files
    assert file.read_text() == FILE
    rows = file.parent / "../data/rows.csv"
    assert (rows.read_text(), rows.is_symlink()) == ("1,2\n", False)
    assert (file.parent / "../../examples/python").is_dir()
    assert additions == tmp_path / "p/stack.json"


def test_ports_and_tags_are_the_stacks(checkout: Path, tmp_path: Path) -> None:
    project = project_of(wanted_of(checkout), tmp_path / "p")
    assert project.name == "tasker-e2e-2"
    assert project.variables == {"PYTHON_WORKER_TAG": "0123", "PYTHON_WORKER_PORT": "21110"}
    assert project.variables_of("python-worker", "python-worker") == {}
    assert project.variables_of("python-worker", "python-worker-3") == {
        "PYTHON_WORKER_PORT": "21112",
        "PYTHON_WORKER_ID": "python-worker-3",
    }


def test_tests_reach_postgres_and_workers_see_what_tests_write(
    checkout: Path, tmp_path: Path
) -> None:
    project = project_of(wanted_of(checkout), tmp_path / "p")
    assert (tmp_path / "p/scratch").is_dir()
    assert json.loads(project.files[1].read_text()) == {
        "services": {
            "postgres": {
                "ports": ["127.0.0.1:21100:5432"],
                "volumes": ["data:/var/lib/postgresql/data"],
            },
            "python-worker": {"volumes": [f"{tmp_path}/p/scratch:/tmp/scratch:ro"]},
        },
        "volumes": {"data": {}},
    }


def test_handlers_of_a_test_come_after_those_of_the_file(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    wanted = replace(wanted_of(checkout), handlers=Path("e2e/handlers"))
    project = project_of(wanted, tmp_path / "p")
    worker = json.loads(project.files[1].read_text())["services"]["python-worker"]
    assert worker["environment"] == {
        "TASKER_TEMPLATE_PATH": "/app/t:/e2e/handlers",
        "TASKER_HANDLER_PATH": "/app/h:/e2e/handlers",
    }
    assert worker["volumes"][1] == f"{tmp_path}/p/handlers:/e2e/handlers:ro"
    assert (tmp_path / "p/handlers/gate.py").read_text() == "GATE = 1\n"


def test_a_folder_that_is_not_given_is_named(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match="--source=fixtures=PATH is missing"):
        project_of(replace(wanted_of(checkout), sources={}), tmp_path / "p")


def test_of_an_image_with_workflows_nothing_is_mounted_but_what_is_empty(
    checkout: Path, tmp_path: Path
) -> None:
    text = FILE.replace("/app/h", '"${HANDLERS-/app/h}"').replace("${X:-", "${TEMPLATES:-")
    text += '    volumes: ["../data:/app/data:ro"]\n'
    (checkout / "compose.yml").write_text(text)
    templates = [Path("shop/orders.templates")]
    project = project_of(
        replace(wanted_of(checkout), sources={}, templates=templates), tmp_path / "p"
    )
    assert project.variables["TEMPLATES"] == "/app/templates"
    assert project.variables["HANDLERS"] == "/app/handlers"
    assert list((project.files[0].parent / "../data").iterdir()) == []
