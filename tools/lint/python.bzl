"""ruff and mypy as tests: `bazel test //...` fails on source that either objects to, and on stubs that are not true."""

load("@rules_python//python:defs.bzl", "py_test")

_CONFIG = Label("//:pyproject.toml")
_MYPY_MAIN = Label("//tools/lint:mypy_main.py")
_STUBTEST_MAIN = Label("//tools/lint:stubtest_main.py")

def _ruff_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, """\
#!/bin/sh
status=0
{ruff} check --no-cache --config={config} {files} || status=1
{ruff} format --no-cache --config={config} --diff {files} || status=1
exit $status
""".format(
        config = ctx.file._config.short_path,
        files = " ".join([file.short_path for file in ctx.files.srcs]),
        ruff = ctx.file._ruff.short_path,
    ), is_executable = True)
    return [DefaultInfo(
        executable = script,
        runfiles = ctx.runfiles(ctx.files.srcs + [ctx.file._config, ctx.file._ruff]),
    )]

_ruff_test = rule(
    implementation = _ruff_test_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".py", ".pyi"], mandatory = True),
        "_config": attr.label(default = _CONFIG, allow_single_file = True),
        "_ruff": attr.label(default = "@tasker_pip_ruff//:program", allow_single_file = True),
    },
    test = True,
)

def python_lint_tests(name, srcs, deps = [], data = []):
    """NAME_ruff_test (lint and format) and NAME_mypy_test (strict) over Python files.

    Args:
        name: the prefix of the tests' names.
        srcs: the files to check.
        deps: the libraries that they import.
        data: files that their types come from, such as stubs.
    """
    _ruff_test(name = name + "_ruff_test", size = "small", srcs = srcs)
    py_test(
        name = name + "_mypy_test",
        size = "small",
        srcs = [_MYPY_MAIN],
        args = ["$(rootpath {})".format(src) for src in srcs],
        data = srcs + data + [_CONFIG],
        main = _MYPY_MAIN,
        deps = deps + ["@tasker_pip_mypy//:pkg"],
    )

def stub_test(name, module, stub, deps):
    """Holds the stub of an extension module against the module as it was built.

    Args:
        name: ends in _test.
        module: the module's dotted name.
        stub: its `.pyi` file.
        deps: the library that has both.
    """
    py_test(
        name = name,
        size = "small",
        srcs = [_STUBTEST_MAIN],
        args = [module, "$(rootpath {})".format(stub)],
        data = [stub, _CONFIG],
        main = _STUBTEST_MAIN,
        deps = deps + ["@tasker_pip_mypy//:pkg"],
    )
