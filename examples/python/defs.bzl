"""An example workflow: a library, its unit tests, and their checks."""

load("@rules_python//python:defs.bzl", "py_library")
load("//tools/lint:python.bzl", "python_lint_tests")
load("//tools/pytest:defs.bzl", "pytest_test")

def python_workflow(name, deps = [], data = []):
    """The package of this folder, each file of tests/ as a target named after it, lint and types.

    Args:
        name: the folder's.
        deps: what its handlers import, beyond tasker_core.
        data: files that its tests read.
    """
    py_library(
        name = name,
        srcs = native.glob(
            ["**/*.py"],
            exclude = ["tests/**"],
        ),
        imports = [".."],
        visibility = ["//visibility:public"],
        deps = ["//tasker_py"] + deps,
    )
    for test in native.glob(["tests/*_test.py"]):
        pytest_test(
            name = test[len("tests/"):-len(".py")],
            size = "small",
            srcs = [test],
            data = data + ["//fixtures/task_templates"],
            deps = [":" + name] + deps,
        )
    python_lint_tests(
        name = name,
        srcs = native.glob(["**/*.py"]),
        deps = [
            ":" + name,
            "@tasker_pip_pytest//:pkg",
        ] + deps,
    )
