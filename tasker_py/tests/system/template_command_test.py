"""`tasker template`: `check`, which needs no engine, and what is done to versions on a real one."""

import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_system import TEMPLATES, Tasker

from tasker_core.client import TaskerClient

VALID = """\
name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: charge
    handler: {callable: shop.Charge}
"""
INVALID = VALID.replace("callable: shop.Charge", "callible: shop.Charge")
NOWHERE = "http://127.0.0.1:9"
TREE = ("tree_workflow_py", "hierarchical_tree_py")
VERSION = ("/".join(TREE), "1.0.0")
WHY = ("--reason", "it loses orders")


@pytest.fixture
def version(client: TaskerClient) -> Iterator[str]:
    """The only version of a template, which other tests use as well."""
    (version,) = [it.version for it in client.templates() if (it.namespace, it.name) == TREE]
    yield version
    said = {"reason": "the test is over", "by": "test"}
    client.clear_default_template(*TREE, version, **said)
    client.restore_template(*TREE, version, **said)


def test_valid_templates_are_told(tasker: Tasker, tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    file.write_text(VALID)
    told = tasker("template", "check", file, TASKER_URL=NOWHERE)
    assert told.stdout == f"{file}: shop/order 1.0.0 is valid\n"
    (template,) = json.loads(tasker("template", "check", file, "--json").stdout)["templates"]
    assert template == {
        "file": str(file),
        "problems": None,
        "namespace": "shop",
        "name": "order",
        "version": "1.0.0",
        "callables": ["shop.Charge"],
    }


def test_numbers_of_any_size_are_valid(tasker: Tasker, tmp_path: Path) -> None:
    file = tmp_path / "order.yaml"
    large = f"callable: shop.Charge, initialization: {{n: {'9' * 5000}}}"
    file.write_text(VALID.replace("callable: shop.Charge", large))
    assert tasker("template", "check", file).stdout == f"{file}: shop/order 1.0.0 is valid\n"


def test_folders_are_checked_whole(tasker: Tasker) -> None:
    lines = tasker("template", "check", TEMPLATES).stdout.splitlines()
    assert len(lines) == len(list(TEMPLATES.rglob("*.yaml")))
    assert all(line.endswith(" 1.0.0 is valid") for line in lines)


def test_problems_are_told_with_their_places(tasker: Tasker, tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    good, bad = tmp_path / "a.yml", tmp_path / "deeper" / "b.yaml"
    good.write_text(VALID)
    bad.write_text(INVALID)
    (tmp_path / "notes.txt").write_text("no template")
    told = tasker("template", "check", tmp_path, code=1).stdout
    assert f"{good}: shop/order 1.0.0 is valid\n" in told
    assert f"{bad}:6:15: " in told
    assert "callable" in told
    checked = json.loads(tasker("template", "check", bad, good, "--json", code=1).stdout)
    problems, none = [template["problems"] for template in checked["templates"]]
    assert problems.startswith(f"{bad}:6:14: ")
    assert "[UNKNOWN_FIELD]" in problems
    assert none is None


def test_one_template_in_two_files_is_told_with_both_places(tasker: Tasker, tmp_path: Path) -> None:
    first, copy = tmp_path / "order.yaml", tmp_path / "order_copy.yaml"
    first.write_text(VALID)
    copy.write_text(f"# A copy.\n{VALID}")
    assert tasker("template", "check", tmp_path).stdout.count("is valid") == 2
    copy.write_text(VALID.replace("shop.Charge", "shop.ChargeTwice"))
    told = tasker("template", "check", tmp_path, code=1).stdout
    assert told == (
        f"{first}: shop/order 1.0.0 is valid\n"
        f"{copy}:1:1: shop/order 1.0.0 is in {first}, too, with other content"
        " [DUPLICATE_TEMPLATE]\n"
        "  hint: remove one of the two files, or give one template another version\n"
    )
    checked = json.loads(tasker("template", "check", copy, first, "--json", code=1).stdout)
    none, problems = [template["problems"] for template in checked["templates"]]
    assert none is None
    assert problems.startswith(f"{first}:1:1: shop/order 1.0.0 is in {copy}, too")


def test_what_is_no_template_is_told(tasker: Tasker, tmp_path: Path) -> None:
    assert "does not exist" in tasker("template", "check", tmp_path / "x", code=2).stderr
    assert "no file *.yaml" in tasker("template", "check", tmp_path, code=2).stderr
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\0")
    told = tasker("template", "check", binary, code=1).stdout
    assert told == f"{binary}: not UTF-8 from byte 0 on\n"
    assert "Missing argument" in tasker("template", "check", code=2).stderr


def test_exit_codes_are_in_the_help(tasker: Tasker) -> None:
    for command in ((), ("run",), ("task", "list"), ("step", "retry"), ("workers",)):
        told = " ".join(tasker(*command, "--help").stdout.split())
        assert "Exit codes: 0 done; 1 the task did not succeed" in told
        assert "3 the engine refuses; 4 no engine can be reached; 130 Ctrl-C." in told


def test_a_version_is_retired_and_restored(
    tasker: Tasker, client: TaskerClient, version: str
) -> None:
    every = (
        f"every release of template {VERSION[0]} is retired: {version}. Restore one, or register "
        "a new one"
    )
    told = tasker("template", "retire", *VERSION, *WHY).stdout
    assert told.splitlines() == [f"{VERSION[0]} {version} is retired", every]
    retired = client.template(*TREE, version).retired
    assert retired is not None
    assert (retired.by, retired.reason) == (getpass.getuser(), "it loses orders")
    assert f"409 TEMPLATE_RETIRED: {every}" in tasker("run", VERSION[0], code=3).stderr
    named = tasker("run", VERSION[0], "--version", version, code=3).stderr
    assert f"was retired by {getpass.getuser()}: it loses orders" in named
    assert "TEMPLATE_RETIRED" in tasker("template", "default", *VERSION, *WHY, code=3).stderr

    told = tasker("template", "restore", *VERSION, *WHY).stdout
    taken = f"tasks that name no version take {version}"
    assert told.splitlines() == [f"{VERSION[0]} {version} is in use", taken]
    assert client.template(*TREE).retired is None


def test_a_version_is_named_the_default(tasker: Tasker, version: str) -> None:
    told = tasker("template", "default", *VERSION, *WHY, "--by", "ada", "--json").stdout
    shown = json.loads(told)
    assert (shown["default"], shown["named_default"]["by"]) == (True, "ada")
    refused = tasker("template", "retire", *VERSION, *WHY, code=3).stderr
    assert "409 TEMPLATE_STATE_CONFLICT: " in refused
    assert "name another version first, or clear the default" in refused
    cleared = tasker("template", "default", *VERSION, "--clear", *WHY, "--json").stdout
    assert "named_default" not in json.loads(cleared)
    taken = f"tasks that name no version take {version}"
    for flags, state in ((), "is the default"), (("--clear",), "is no longer the default"):
        told = tasker("template", "default", *VERSION, *flags, *WHY).stdout
        assert told.splitlines() == [f"{VERSION[0]} {version} {state}", taken]


def test_what_is_no_version_is_told(tasker: Tasker) -> None:
    told = tasker("template", "retire", VERSION[0], "7.0.0", *WHY, code=3).stderr
    assert "404 TEMPLATE_NOT_FOUND: " in told
    assert "it has 1.0.0" in told
    assert "is not NAMESPACE/NAME" in tasker("template", "retire", "tree", "1", *WHY, code=2).stderr
    assert "Missing option '--reason'" in tasker("template", "retire", *VERSION, code=2).stderr
