"""pytest under Bazel."""

load("@rules_python//python:defs.bzl", "py_test")

_MAIN = Label("//tools/pytest:main.py")

def pytest_test(name, srcs, deps = [], data = [], args = [], **kwargs):
    """Test functions and classes of Python files, run and reported by pytest.

    The report has each test case (`bazel-testlogs/.../test.xml`); `--test_filter=WORDS` is pytest's `-k`; a run that
    finds no test fails.

    Args:
        name: ends in _test.
        srcs: the files with tests, and a conftest.py where there is one.
        deps: the libraries under test; pytest is added.
        data: files that the tests read.
        args: further arguments for pytest.
        **kwargs: other attributes of py_test.
    """
    tests = [src for src in srcs if not str(src).endswith("conftest.py")]
    py_test(
        name = name,
        srcs = srcs + [_MAIN],
        args = ["$(rootpath {})".format(src) for src in tests] + args,
        data = data + [Label("//:pyproject.toml")],
        main = _MAIN,
        deps = deps + ["@tasker_pip_pytest//:pkg"],
        **kwargs
    )
