"""An image: layers and a configuration, as one archive that every container engine reads."""

load("//tools/oci/private:layer.bzl", "OciLayerInfo", "USER")

def _oci_image_impl(ctx):
    layers = []
    for target in ctx.attr.layers:
        layers += target[OciLayerInfo].layers
    specification = ctx.actions.declare_file(ctx.label.name + ".specification.json")
    ctx.actions.write(specification, json.encode_indent({
        "config": {
            "Cmd": ctx.attr.cmd,
            "Entrypoint": ctx.attr.entrypoint,
            "Env": ["{}={}".format(name, value) for name, value in sorted(ctx.attr.env.items())],
            "ExposedPorts": {port: {} for port in ctx.attr.ports},
            "Healthcheck": ctx.attr.health_check,
            "Labels": ctx.attr.labels,
            "StopSignal": ctx.attr.stop_signal,
            "User": "{0}:{0}".format(USER),
            "Volumes": {path: {} for path in ctx.attr.volumes},
            "WorkingDir": "/",
        },
        "layers": [{"blob": layer.blob.path, "description": layer.description.path} for layer in layers],
        "repository": ctx.attr.repository,
        "tags": ctx.attr.tags_of_image,
    }))
    outputs = [ctx.outputs.archive, ctx.outputs.digest, ctx.outputs.sbom]
    ctx.actions.run(
        executable = ctx.executable._build_image,
        arguments = [specification.path] + [output.path for output in outputs],
        inputs = [specification] + [layer.blob for layer in layers] + [layer.description for layer in layers],
        mnemonic = "OciImage",
        outputs = outputs,
        progress_message = "Building the image %{label}",
    )

    # The program that loads the image, under this target's name: `bazel run`.
    load_image = ctx.attr._load_image[DefaultInfo]
    executable = ctx.actions.declare_file(ctx.label.name + ".load")
    ctx.actions.symlink(output = executable, target_file = load_image.files_to_run.executable, is_executable = True)
    return [
        DefaultInfo(
            executable = executable,
            files = depset([ctx.outputs.archive]),
            runfiles = ctx.runfiles([ctx.outputs.archive]).merge(load_image.default_runfiles),
        ),
        RunEnvironmentInfo(environment = {"TASKER_IMAGE_ARCHIVE": ctx.outputs.archive.short_path}),
        OutputGroupInfo(digest = depset([ctx.outputs.digest]), sbom = depset([ctx.outputs.sbom])),
    ]

_oci_image = rule(
    implementation = _oci_image_impl,
    attrs = {
        "archive": attr.output(mandatory = True),
        "cmd": attr.string_list(),
        "digest": attr.output(mandatory = True),
        "entrypoint": attr.string_list(mandatory = True),
        "env": attr.string_dict(),
        "health_check": attr.string_list(),
        "labels": attr.string_dict(),
        "layers": attr.label_list(mandatory = True, providers = [OciLayerInfo]),
        "ports": attr.string_list(),
        "repository": attr.string(mandatory = True),
        "sbom": attr.output(mandatory = True),
        "stop_signal": attr.string(default = "SIGTERM"),
        "tags_of_image": attr.string_list(),
        "volumes": attr.string_list(),
        "_build_image": attr.label(cfg = "exec", default = "//tools/oci:build_image", executable = True),
        "_load_image": attr.label(cfg = "target", default = "//tools/oci:load_image", executable = True),
    },
    executable = True,
)

def _push_impl(ctx):
    push = ctx.attr._push_image[DefaultInfo]
    archive = ctx.file.archive
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = push.files_to_run.executable, is_executable = True)
    return [
        DefaultInfo(executable = executable, runfiles = ctx.runfiles([archive]).merge(push.default_runfiles)),
        RunEnvironmentInfo(environment = {"TASKER_IMAGE_ARCHIVE": archive.short_path}),
    ]

_oci_push = rule(
    implementation = _push_impl,
    attrs = {
        "archive": attr.label(allow_single_file = [".tar"], mandatory = True),
        "_push_image": attr.label(cfg = "target", default = "//tools/oci:push_image", executable = True),
    },
    executable = True,
)

def oci_image(name, repository, layers, entrypoint, image_tags = [], visibility = None, tags = [], **kwargs):
    """An image that `bazel build` makes and `bazel run` loads.

    Targets: NAME, whose output is the archive NAME.tar; NAME.digest, a file with the image's digest; NAME.cdx.json, what
    software is in it; NAME_push, which copies it into a registry with skopeo.

    Args:
        name: of the image's target.
        repository: the image's name without a tag, such as "tasker/python-worker".
        layers: targets that make layers, the lowest first.
        entrypoint: the program and its first arguments.
        image_tags: tags beside the one that is made from the content.
        visibility: of all targets.
        tags: of all targets, as for any rule.
        **kwargs: cmd, env, health_check, labels, ports, stop_signal, volumes, as in the image's configuration.
    """
    _oci_image(
        name = name,
        archive = name + ".tar",
        digest = name + ".digest",
        entrypoint = entrypoint,
        layers = layers,
        repository = repository,
        sbom = name + ".cdx.json",
        tags = tags,
        tags_of_image = image_tags,
        visibility = visibility,
        **kwargs
    )
    _oci_push(
        name = name + "_push",
        archive = name + ".tar",
        tags = tags + ["manual"],
        visibility = visibility,
    )
