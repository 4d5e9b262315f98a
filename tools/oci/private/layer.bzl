"""Layers of images: sets of Debian packages, programs and files, Python code."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain", "use_cpp_toolchain")
load("//tools/oci/private:software.bzl", "software_aspect", "software_of")
load("//tools/rust:optimized.bzl", "optimized_transition")

OciLayerInfo = provider(
    doc = "Layers of an image, the lowest first.",
    fields = {"layers": "A list of structs: `blob`, the compressed archive, and `description`, its digests and software."},
)

# Who runs in an image; owner of what is to be written. As in //tools/oci:base.py.
USER = 65532

# What a rule has among its attributes that builds what it puts in a layer optimised.
OPTIMIZED_ATTRS = {
    "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
}

# What every rule that makes a layer has among its attributes.
LAYER_ATTRS = {
    "_build_layer": attr.label(cfg = "exec", default = "//tools/oci:build_layer", executable = True),
    "_gzip": attr.label(cfg = "exec", default = "//tools/oci:optimized_gzip", executable = True),
}

def create_layer(
        ctx,
        name,
        archives = {},
        files = {},
        first = False,
        folders = [],
        interpreter = None,
        links = {},
        owner = 0,
        packages = [],
        software = [],
        wheels = {}):
    """Makes one layer by an action of its own.

    Args:
        ctx: of a rule with LAYER_ATTRS and a C++ toolchain.
        name: of the layer's files.
        archives: tar files (their File) by the folders that they are unpacked in.
        files: a File by each path in the image.
        first: whether what every image has is added: users, certificates, /tmp.
        folders: paths of empty folders.
        interpreter: the archive of the Python that compiles the layer's Python files; None: they are not compiled.
        links: targets of symbolic links by their paths.
        owner: the number of user and group that files, archives and folders belong to.
        packages: `.deb` files.
        software: what the list of software says of programs: dicts of type, name and version.
        wheels: files of unpacked wheels (their File) by their paths in the image; refused when they are not as shipped.

    Returns:
        A struct for OciLayerInfo.
    """
    tools = find_cpp_toolchain(ctx)
    blob = ctx.actions.declare_file(name + ".tar.gz")
    description = ctx.actions.declare_file(name + ".json")
    specification = ctx.actions.declare_file(name + ".specification.json")
    ctx.actions.write(specification, json.encode_indent({
        "archives": {path: archive.path for path, archive in archives.items()},
        "files": {path: file.path for path, file in files.items()},
        "first": first,
        "folders": folders,
        "interpreter": interpreter.path if interpreter else None,
        "links": links,
        "owner": owner,
        "packages": [file.path for file in packages],
        "software": software,
        "strip": tools.strip_executable,
        "wheels": {path: file.path for path, file in wheels.items()},
    }))
    ctx.actions.run(
        executable = ctx.executable._build_layer,
        arguments = [specification.path, ctx.executable._gzip.path, blob.path, description.path],
        inputs = depset(
            [specification] + archives.values() + files.values() + packages + wheels.values() +
            ([interpreter] if interpreter else []),
            transitive = [tools.all_files],
        ),
        mnemonic = "OciLayer",
        outputs = [blob, description],
        progress_message = "Building the layer " + name,
        tools = [ctx.executable._gzip],
    )
    return struct(blob = blob, description = description)

def layer_providers(layers):
    """What a rule returns that has made layers.

    Args:
        layers: what create_layer returned, the lowest first.
    """
    files = [layer.blob for layer in layers] + [layer.description for layer in layers]
    return [DefaultInfo(files = depset(files)), OciLayerInfo(layers = layers)]

def _debian_layer_impl(ctx):
    return layer_providers([create_layer(
        ctx,
        ctx.label.name,
        first = ctx.attr.first,
        interpreter = ctx.file.interpreter,
        packages = ctx.files.packages,
    )])

debian_layer = rule(
    implementation = _debian_layer_impl,
    doc = "A layer of Debian packages, without what no program reads: manuals, translations, scripts of their own.",
    attrs = LAYER_ATTRS | {
        "first": attr.bool(doc = "Whether it is an image's lowest layer, with users, certificates and /tmp."),
        "interpreter": attr.label(
            allow_single_file = [".tar"],
            doc = "The Python that compiles the layer's Python files; without it they are not compiled.",
        ),
        "packages": attr.label_list(allow_files = [".deb"], doc = "The packages.", mandatory = True),
    },
    toolchains = use_cpp_toolchain(),
)

def _program_layer_impl(ctx):
    files, software = {}, []
    for target, path in ctx.attr.programs.items():
        files[path] = target[DefaultInfo].files_to_run.executable
        software += software_of(target)
    return layer_providers([create_layer(
        ctx,
        ctx.label.name,
        files = files,
        links = ctx.attr.links,
        software = software,
    )])

program_layer = rule(
    implementation = _program_layer_impl,
    doc = "A layer of programs, built optimised and stripped.",
    attrs = LAYER_ATTRS | OPTIMIZED_ATTRS | {
        "links": attr.string_dict(doc = "Symbolic links: what each says, by its path."),
        "programs": attr.label_keyed_string_dict(
            aspects = [software_aspect],
            cfg = optimized_transition,
            doc = "Programs, each with its path in the image.",
            mandatory = True,
        ),
    },
    toolchains = use_cpp_toolchain(),
)

def _data_layer_impl(ctx):
    files = {}
    for target, folder in ctx.attr.srcs.items():
        for file in target[DefaultInfo].files.to_list():
            files[folder + "/" + _below(file, ctx.attr.strip_prefix)] = file
    return layer_providers([create_layer(
        ctx,
        ctx.label.name,
        archives = {folder: target[DefaultInfo].files.to_list()[0] for target, folder in ctx.attr.archives.items()},
        files = files,
        owner = USER if ctx.attr.writable else 0,
    )])

def _below(file, prefix):
    if not file.short_path.startswith(prefix):
        fail("{} does not lie below {}".format(file.short_path, prefix))
    return file.short_path[len(prefix):]

data_layer = rule(
    implementation = _data_layer_impl,
    doc = "A layer of files as they are.",
    attrs = LAYER_ATTRS | {
        "archives": attr.label_keyed_string_dict(
            allow_files = [".tar"],
            doc = "Archives, each with the folder that it is unpacked in.",
        ),
        "srcs": attr.label_keyed_string_dict(allow_files = True, doc = "Files, each with the folder that it goes to."),
        "strip_prefix": attr.string(doc = "What the files' paths lose before they go there, such as \"../repository/\"."),
        "writable": attr.bool(doc = "Whether the files belong to the user that runs in the image."),
    },
    toolchains = use_cpp_toolchain(),
)

def _unpacked_packages_impl(ctx):
    archive = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.run(
        executable = ctx.executable._unpack_packages,
        arguments = [archive.path] + [file.path for file in ctx.files.packages],
        inputs = ctx.files.packages,
        mnemonic = "OciUnpack",
        outputs = [archive],
        progress_message = "Unpacking %{label}",
    )
    return [DefaultInfo(files = depset([archive]))]

unpacked_packages = rule(
    implementation = _unpacked_packages_impl,
    doc = "An archive of what Debian packages hold, for programs that are run from it while building or testing.",
    attrs = {
        "packages": attr.label_list(allow_files = [".deb"], doc = "The packages.", mandatory = True),
        "_unpack_packages": attr.label(cfg = "exec", default = "//tools/oci:unpack_packages", executable = True),
    },
)
