"""The layers of a worker's image: third-party wheels, our package, and each workflow's handlers and templates."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "use_cpp_toolchain")
load("@rules_python//python:defs.bzl", "PyInfo")
load("//tools/oci/private:layer.bzl", "LAYER_ATTRS", "OPTIMIZED_ATTRS", "create_layer", "layer_providers")
load("//tools/oci/private:software.bzl", "software_aspect", "software_of")
load("//tools/rust:optimized.bzl", "optimized_transition")
load("//tools/workflow/private:workflow.bzl", "TaskerWorkflowInfo")

# Where Debian's Python finds what is installed beside it.
_PACKAGES = "usr/local/lib/python3.11/dist-packages/"

# The authorities that certifi trusts are those of the image's Debian, as in Debian's own package of it: one list, and
# not a file that programs on a machine append theirs to.
_CERTIFI = _PACKAGES + "certifi/cacert.pem"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

# What workflows are put into, and what the image's TASKER_HANDLER_PATH names.
_HANDLERS = "app/handlers/"

# The same for TASKER_TEMPLATE_PATH.
_TEMPLATES = "app/templates/"

_WHEEL = "/site-packages/"

def _files(target):
    info = target[DefaultInfo]
    return depset(transitive = [target[PyInfo].transitive_sources, info.default_runfiles.files]).to_list()

def _is_wanted(file):
    return not (file.basename.endswith(".pyi") or "/__pycache__/" in file.short_path or file.is_directory)

def _wheel_place(file):
    """The file's place below the folder of installed packages, or None when no wheel brought it."""
    if file.short_path.startswith("../") and _WHEEL in file.short_path:
        return file.short_path.split(_WHEEL, 1)[1]
    return None

def _below_root(ctx, file, roots):
    """The file's path below the longest of the import roots that it lies in, else below its repository."""
    path = file.short_path[len("../"):] if file.short_path.startswith("../") else ctx.workspace_name + "/" + file.short_path
    longest = path.split("/", 1)[0]
    for root in roots:
        if path.startswith(root + "/") and len(root) > len(longest):
            longest = root
    return path[len(longest) + 1:]

def _worker_layers_impl(ctx):
    interpreter = ctx.file.interpreter
    wheels, package, software = {}, {}, []
    for target in ctx.attr.worker:
        roots = target[PyInfo].imports.to_list()
        software += software_of(target)
        for file in _files(target):
            place = _wheel_place(file)
            if place:
                wheels[_PACKAGES + place] = file
            elif _is_wanted(file):
                package[_PACKAGES + _below_root(ctx, file, roots)] = file

    # By the name that a file has in every configuration: the package is optimised, and not what workflows depend on.
    own = {file.short_path: None for file in package.values()}
    workflows, places = [], {}
    for target in ctx.attr.workflows:
        roots = target[PyInfo].imports.to_list()
        templates = target[TaskerWorkflowInfo].templates
        handlers = {_TEMPLATES + target.label.name + "/" + file.basename: file for file in templates}
        for file in target[TaskerWorkflowInfo].files.to_list():
            place = _wheel_place(file)
            if place:
                wheels[_PACKAGES + place] = file
            elif _is_wanted(file) and file.short_path not in own:
                handlers[_HANDLERS + _below_root(ctx, file, roots)] = file
        for place, file in handlers.items():
            if places.setdefault(place, file) != file:
                fail("{} and {} would both be /{} in the image: rename one".format(
                    places[place].short_path,
                    file.short_path,
                    place,
                ))
        workflows.append((target.label.name, handlers))

    def layer(name, **kwargs):
        return create_layer(ctx, ctx.label.name + "." + name, interpreter = interpreter, **kwargs)

    wheels = {place: file for place, file in wheels.items() if _is_wanted(file)}
    links = {_CERTIFI: _AUTHORITIES} if wheels.pop(_CERTIFI, None) else {}
    return layer_providers([
        layer("wheels", links = links, wheels = wheels),
        layer("package", files = package, software = software),
    ] + [
        layer("workflow_{}_{}".format(index, name), files = handlers)
        for index, (name, handlers) in enumerate(workflows)
    ]) + [OutputGroupInfo(_validation = depset(_check_templates(ctx)))]

def _check_templates(ctx):
    """That the templates of all workflows can be in one worker: each is checked with the others."""
    templates = [file for target in ctx.attr.workflows for file in target[TaskerWorkflowInfo].templates]
    if not templates:
        return []
    outline = ctx.actions.declare_file(ctx.label.name + ".outline.json")
    ctx.actions.run(
        executable = ctx.executable._template_check,
        arguments = [outline.path] + [template.path for template in templates],
        inputs = templates,
        mnemonic = "TaskerTemplates",
        outputs = [outline],
        progress_message = "Checking the templates of %{label} together",
    )
    return [outline]

worker_layers = rule(
    implementation = _worker_layers_impl,
    doc = "One layer of all third-party wheels, one of the worker's package, one for each workflow's handlers.",
    attrs = LAYER_ATTRS | OPTIMIZED_ATTRS | {
        "interpreter": attr.label(
            allow_single_file = [".tar"],
            doc = "The image's Python, which compiles all Python files.",
            mandatory = True,
        ),
        "worker": attr.label_list(
            aspects = [software_aspect],
            cfg = optimized_transition,
            doc = "The libraries of the worker itself.",
            mandatory = True,
            providers = [PyInfo],
        ),
        "workflows": attr.label_list(
            doc = "The workflows that the worker runs.",
            providers = [TaskerWorkflowInfo],
        ),
        "_template_check": attr.label(cfg = "target", default = "//tools/workflow/template_check", executable = True),
    },
    toolchains = use_cpp_toolchain(),
)
