"""Workflows with a mistake each: what the build says of them.

mistakes/NAME.yaml and NAME.py are a workflow, NAME.expected is what is printed.
`UPDATE_EXPECTED=1 TEMPLATE_CHECK=... pytest tools/workflow/mistakes_test.py` writes it anew.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from check_handlers import check
from tasker_checks.apart import apart

FOLDER = Path("tools/workflow/mistakes")
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
INVALID = Path("fixtures/task_templates/invalid")
TEMPLATES = sorted(path.stem for path in INVALID.glob("*.yaml"))


def template_check(outline: Path, *templates: Path) -> subprocess.CompletedProcess[str]:
    command = [os.environ["TEMPLATE_CHECK"], str(outline), *map(str, templates)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def handler_check(outline: Path, name: str, folder: Path) -> tuple[int, str]:
    """The check of handlers, as the rule asks for it."""
    module = str(FOLDER / f"{name}.py")
    specification = folder / "specification.json"
    marker = folder / "checked"
    asked = {
        "files": {module: module},
        "handlers": [module],
        "libraries": [],
        "marker": str(marker),
        "outline": str(outline),
        "roots": [str(FOLDER)],
    }
    specification.write_text(json.dumps(asked))
    status, said = apart(check, str(specification))
    assert marker.exists() == (status == 0)
    return status, said


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_in_handlers_is_told(name: str, tmp_path: Path) -> None:
    outline = tmp_path / "outline.json"
    checked = template_check(outline, FOLDER / f"{name}.yaml")
    assert (checked.returncode, checked.stderr) == (0, "")
    status, said = handler_check(outline, name, tmp_path)
    expected = FOLDER / f"{name}.expected"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(said)
    assert status == 1
    assert said == expected.read_text()
    for line in said.splitlines():
        assert line.startswith(("tools/workflow/mistakes/", "  hint: ", "warning: ")), line


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_mistake_in_a_template_is_told(name: str, tmp_path: Path) -> None:
    outline = tmp_path / "outline.json"
    told = template_check(outline, INVALID / f"{name}.yaml")
    assert told.returncode == 1
    assert not outline.exists()
    expected = (INVALID / f"{name}.expected").read_text()
    assert told.stderr.replace(f"{INVALID}/", "").strip() == expected.strip()


def test_two_workflows_of_one_identity_are_told(tmp_path: Path) -> None:
    """As the rule of a worker's image asks, of the templates of all its workflows."""
    outline, other = tmp_path / "outline.json", tmp_path / "order.yaml"
    template = FOLDER / "callable_misspelt.yaml"
    other.write_text(template.read_text() + "description: Another of the same name\n")
    told = template_check(outline, template, other)
    assert told.returncode == 1
    assert not outline.exists()
    also = f"shop/order 1.0.0 is in {template}, too, with other content"
    assert told.stderr.splitlines() == [
        f"{other}:1:1: {also} [DUPLICATE_TEMPLATE]",
        "  hint: remove one of the two files, or give one template another version",
    ]
    # One file by two ways is one.
    assert template_check(outline, template, template).returncode == 0


def test_there_are_enough_of_both() -> None:
    """That a folder that is not found does not pass for one without mistakes."""
    assert len(NAMES) >= 40
    assert len(TEMPLATES) >= 40
