"""The pytest plugin, as pytest loads it."""

import pytest

pytest_plugins = ["pytester"]

TEMPLATE = """
name: greeting
namespace_name: tests
version: 1.0.0
steps:
  - name: greet
    handler: {callable: tests.greet}
"""

TESTS = """
def greet(task, sequence, step):
    if task.context["name"] is None:
        raise ValueError("nobody is there")
    return {"greeting": "hello " + task.context["name"]}

def test_that_passes(workflow_test, effects):
    test = workflow_test("greeting.yaml", {"greet": greet})
    assert test.run({"name": "Ann"})["greet"].results == {"greeting": "hello Ann"}
    assert effects.recorded == ()

def test_that_fails(workflow_test):
    workflow_test("greeting.yaml", {"greet": greet})
    result = workflow_test("greeting.yaml", {"greet": greet}).run({"name": None})
    assert result.status == "complete"
"""


def test_fixtures_make_workflow_tests_and_a_failure_shows_their_tasks(
    pytester: pytest.Pytester,
) -> None:
    folder = pytester.mkdir("tests")
    (folder / "greeting.yaml").write_text(TEMPLATE)
    (folder / "greeting_test.py").write_text(TESTS)
    run = pytester.runpytest_inprocess("-p", "tasker_core.testing.plugin", "tests/greeting_test.py")
    run.assert_outcomes(passed=1, failed=1)
    run.stdout.fnmatch_lines(
        [
            "*- workflow -*",
            "no task was started",
            "*- workflow -*",
            "<tests/greeting 1.0.0: blocked_by_failures",
            "  greet: error (attempt 3 of 3, ValueError: nobody is there (tests/greet*.py:4))>",
            "*",
            "ValueError: nobody is there",
        ]
    )
