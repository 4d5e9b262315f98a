"""Images of workers and engines, built without a container engine."""

load("@tasker_crates//:defs.bzl", "VERSION")
load("//tools/oci/private:image.bzl", "oci_image")
load("//tools/oci/private:layer.bzl", "program_layer")
load("//tools/oci/private:worker_layers.bzl", "worker_layers")

_BASE = Label("//tools/oci:base")
_PYTHON = Label("//tools/oci:python")
_HEALTH = Label("//tools/oci:health")

_INTERPRETER = Label("//tools/oci:interpreter")

_PATH = "/usr/local/bin:/usr/bin"
_HEALTH_CHECK = ["/usr/local/bin/tasker-health"]

def _labels(title, description):
    return {
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": VERSION,
    }

def tasker_engine_image(name, repository = "tasker/orchestration", image_tags = [], visibility = None, tags = []):
    """The engine's image.

    Targets: NAME, NAME.digest, NAME.cdx.json and NAME_push, as of every image.

    Args:
        name: of the image's target.
        repository: the image's name without a tag.
        image_tags: tags beside the one that is made from the content.
        visibility: of all targets.
        tags: of all targets, as for any rule.
    """
    program_layer(
        name = name + "_engine",
        programs = {Label("//crates/server"): "usr/local/bin/tasker-server"},
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
    )
    oci_image(
        name = name,
        cmd = ["serve"],
        entrypoint = ["/usr/local/bin/tasker-server"],
        env = {
            "PATH": _PATH,
            "TASKER_BIND": "0.0.0.0:8080",
        },
        health_check = _HEALTH_CHECK,
        image_tags = image_tags,
        labels = _labels(repository, "Tasker's engine: it runs durable workflows on PostgreSQL."),
        layers = [_BASE, _HEALTH, name + "_engine"],
        ports = ["8080/tcp"],
        repository = repository,
        tags = tags,
        visibility = visibility,
    )

def tasker_worker_image(name, repository, workflows = [], image_tags = [], env = {}, visibility = None, tags = []):
    """The image of a Python worker with the handlers of some workflows.

    Targets: NAME, NAME.digest, NAME.cdx.json and NAME_push, as of every image.

    Args:
        name: of the image's target.
        repository: the image's name without a tag.
        workflows: the workflows, each of which gets a layer of its own; none for a worker whose handlers are mounted.
        image_tags: tags beside the one that is made from the content.
        env: further variables of the image.
        visibility: of all targets.
        tags: of all targets, as for any rule.
    """
    worker_layers(
        name = name + "_worker",
        interpreter = _INTERPRETER,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
        worker = [Label("//tasker_py:worker_library")],
        workflows = workflows,
    )
    oci_image(
        name = name,
        entrypoint = ["/usr/bin/python3.11", "-m", "tasker_core.worker"],
        env = {
            "PATH": _PATH,
            "PYTHONUNBUFFERED": "1",
            "TASKER_BIND": "0.0.0.0:8081",
            "TASKER_HANDLER_PATH": "/app/handlers",
            "TASKER_TEMPLATE_PATH": "/app/templates",
        } | env,
        health_check = _HEALTH_CHECK,
        image_tags = image_tags,
        labels = _labels(repository, "A Tasker worker in Python."),
        layers = [_BASE, _PYTHON, _HEALTH, name + "_worker"],
        ports = ["8081/tcp"],
        repository = repository,
        tags = tags,
        visibility = visibility,
    )
