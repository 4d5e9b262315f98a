"""Workflows as targets: checked when they are built, tested on a virtual clock."""

load("@rules_python//python:defs.bzl", "py_library", "py_test")
load("//tools/pytest:defs.bzl", "pytest_test")
load("//tools/workflow/private:workflow.bzl", "workflow")

_TASKER = Label("//tasker_py")
_COMMAND_LINE = Label("//tasker_py:bin/tasker.py")
_COMMAND_LINE_LIBRARY = Label("//tasker_py:cli")

def template_folder(workflow):
    """The folder with a workflow's templates, from where tests run.

    Args:
        workflow: the workflow's target.
    """
    label = native.package_relative_label(workflow)
    folder = "../{}/".format(label.workspace_name) if label.workspace_name else ""
    return "{}{}/{}.templates".format(folder, label.package, label.name)

def tasker_workflow(
        name,
        templates,
        handlers,
        deps = [],
        imports = ["."],
        data = [],
        tests = [],
        test_deps = [],
        test_data = [],
        tags = [],
        visibility = None):
    """A workflow: its templates and the handlers of its steps.

    NAME stands wherever a `py_library` does, for tests and for other libraries, and is what `tasker_worker_image` takes.
    Each build of it, or of anything that depends on it, checks the templates, and that every callable is a handler of
    the right kind, that what a step gives fits what the next takes, where both are typed, and that decisions name steps
    that are there. What is wrong is told with file, line and a hint, all at once.

    Targets: NAME; for each of `tests` one that is named after its file.

    Args:
        name: of the workflow's target.
        templates: one YAML file or more.
        handlers: the Python files of the workflow.
        deps: what they import beyond `tasker_core` and Python's own library.
        imports: the folders from which they are imported, relative to this package, as for a `py_library`.
        data: files that they read when they run.
        tests: files of tests in pytest's form, each run as a `tasker_workflow_test`.
        test_deps: what the tests import beyond the workflow.
        test_data: files that the tests read.
        tags: of all targets.
        visibility: of NAME.
    """
    library = name + "_handlers"
    py_library(
        name = library,
        srcs = handlers,
        data = data,
        imports = imports,
        tags = tags,
        visibility = ["//visibility:private"],
        deps = deps + [_TASKER],
    )
    workflow(
        name = name,
        handlers = handlers,
        library = library,
        tags = tags,
        templates = templates,
        visibility = visibility,
    )
    for test in tests:
        tasker_workflow_test(
            name = test.split("/")[-1].removesuffix(".py"),
            srcs = [test],
            data = test_data,
            tags = tags,
            workflow = name,
            deps = test_deps,
        )

def tasker_workflow_test(name, workflow, srcs, deps = [], data = [], env = {}, size = "small", **kwargs):
    """Tests of a workflow by pytest, with the engine's own core on a virtual clock: `tasker_core.testing`.

    Args:
        name: ends in _test.
        workflow: the workflow's target; its handlers can be imported, and TASKER_TEMPLATE_PATH has its templates.
        srcs: the files with tests, and a conftest.py where there is one.
        deps: what the tests import beyond the workflow.
        data: files that the tests read.
        env: variables for the tests.
        size: as for any test.
        **kwargs: other attributes of a `py_test`.
    """
    pytest_test(
        name = name,
        size = size,
        srcs = srcs,
        data = data,
        env = {"TASKER_TEMPLATE_PATH": template_folder(workflow)} | env,
        deps = deps + [workflow],
        **kwargs
    )

def tasker_template_compat_test(name, old, new, size = "small", **kwargs):
    """That a changed template is safe for the tasks that run with the old one, and for who creates tasks.

    It fails with each change that breaks something, and why, as `tasker template diff OLD NEW` tells it.

    Args:
        name: ends in _test.
        old: the template, or a file of it, as it is deployed.
        new: the same as it is to be deployed.
        size: as for any test.
        **kwargs: other attributes of a `py_test`.
    """
    py_test(
        name = name,
        size = size,
        srcs = [_COMMAND_LINE],
        args = ["template", "diff", "$(rootpath {})".format(old), "$(rootpath {})".format(new)],
        data = [old, new],
        main = _COMMAND_LINE,
        deps = [_COMMAND_LINE_LIBRARY],
        **kwargs
    )
