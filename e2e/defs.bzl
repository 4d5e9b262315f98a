"""End-to-end tests: a Rust test program, run with a stack of its own around it."""

load("@rules_python//python:defs.bzl", "py_test")
load("@rules_rust//rust:defs.bzl", "rust_test")
load("//tools/lint:rust.bzl", "rust_lint_tests")

# What each service of the compose file needs, by the names that e2e/stack gives it.
_SOURCES = {
    "orchestration": {"orchestration": "//crates/server"},
    "postgres": {
        "postgres": "//tools/postgres:postgres",
        "postgres-data": "//tools/postgres:migrated_data",
    },
    "python-worker": {"python-worker": "//tasker_py:worker"},
}

_DATA = {
    "postgres": ["//tools/postgres:server"],
    "python-worker": [
        "//examples/python",
        "//fixtures/data:products",
        "//fixtures/task_templates",
    ],
}

_COMPOSE = "//fixtures/compose:docker-compose.test.yml"

def stack_arguments(services):
    """The arguments with which e2e/stack runs these services, in a test that has `stack_data(services)`."""
    sources = {"examples": "examples", "fixtures": "fixtures"}
    for service in services:
        for name, label in _SOURCES[service].items():
            sources[name] = "$(rootpath {})".format(label)
    return ["--compose=$(rootpath {})".format(_COMPOSE), "--services=" + ",".join(services)] + [
        "--source={}={}".format(name, path)
        for name, path in sources.items()
    ]

def stack_data(services):
    """The files that these services are run from."""
    labels = [_COMPOSE]
    for service in services:
        labels += _SOURCES[service].values() + _DATA.get(service, [])
    return labels

def e2e_test(name, srcs, services, deps = [], compile_data = [], handlers = None, size = "medium"):
    """A Rust test program with the compose fixture's services, which are this test's alone.

    NAME_program is the test program, which also runs against a system that is already up.

    Args:
        name: ends in _test.
        srcs: the test's source file, NAME.rs, and its modules.
        services: names of the compose file, such as postgres, orchestration, python-worker.
        deps: crates that only this test needs.
        compile_data: files that the source includes.
        handlers: a folder of this package with handlers and templates that only this test has.
        size: as for any test.
    """
    program = name + "_program"
    rust_test(
        name = program,
        srcs = srcs,
        compile_data = compile_data,
        crate_root = name + ".rs",
        tags = ["manual"],
        deps = deps + [
            "//crates/client",
            "//crates/protocol",
            "//e2e/support",
            "@tasker_crates//:anyhow",
            "@tasker_crates//:serde_json",
            "@tasker_crates//:tokio",
            "@tasker_crates//:uuid",
        ],
    )
    rust_lint_tests(name = name, targets = [program])

    arguments, data = [], []
    if handlers:
        arguments = ["--handlers={}/{}".format(native.package_name(), handlers)]
        data = native.glob([handlers + "/**/*.py", handlers + "/**/*.yaml"])
    py_test(
        name = name,
        size = size,
        srcs = ["//e2e/stack:stack.py"],
        args = stack_arguments(services) + arguments + ["--", "$(rootpath :{})".format(program)],
        data = [":" + program] + stack_data(services) + data,
        main = "//e2e/stack:stack.py",
        deps = ["//e2e/stack"],
    )
