"""An example workflow: its target with its tests, and lint and types, which are the house's own matter."""

load("//:defs.bzl", "tasker_workflow")
load("//tools/lint:python.bzl", "python_lint_tests")

def python_workflow(name, templates = None, deps = [], data = []):
    """The workflow of this folder, each file of tests/ as a target named after it, lint and types.

    Args:
        name: the folder's.
        templates: names of files in //fixtures/task_templates/python; default NAME_py.yaml.
        deps: what its handlers import, beyond tasker_core.
        data: files that its tests read.
    """
    templates = templates or [name + "_py.yaml"]
    tasker_workflow(
        name = name,
        handlers = native.glob(
            ["**/*.py"],
            exclude = ["tests/**"],
        ),
        imports = [".."],
        templates = ["//fixtures/task_templates:python/" + template for template in templates],
        test_data = data + ["//fixtures/task_templates"],
        test_deps = deps,
        tests = native.glob(["tests/*_test.py"]),
        visibility = ["//visibility:public"],
        deps = deps,
    )
    python_lint_tests(
        name = name,
        srcs = native.glob(["**/*.py"]),
        deps = [
            ":" + name,
            "@tasker_pip_pytest//:pkg",
        ] + deps,
    )
