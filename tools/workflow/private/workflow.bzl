"""A workflow as a target: its handlers as a Python library, its templates, and the check that the two fit."""

load("@rules_python//python:defs.bzl", "PyInfo")
load("//tools/rust:optimized.bzl", "quick_transition")

# The folder that wheels are unpacked in.
_SITE = "/site-packages/"

TaskerWorkflowInfo = provider(
    doc = "What a workflow is made of.",
    fields = {
        "files": "A depset of files: the handlers and all that they need, wheels too.",
        "outline": "A file: what the check knows of the templates, as JSON.",
        "templates": "A list of files: the templates.",
    },
)

def _template_folder(ctx):
    """Links to the templates in one folder of their own, for TASKER_TEMPLATE_PATH."""
    links = {}
    for template in ctx.files.templates:
        if template.basename in links:
            fail("{} and another template of the workflow have one name: rename one".format(template.short_path))
        links[template.basename] = ctx.actions.declare_file("{}.templates/{}".format(ctx.label.name, template.basename))
        ctx.actions.symlink(output = links[template.basename], target_file = template)
    return links.values()

# Both programs are persistent workers: they take much longer to start than to check one workflow.
_WORKER = {
    "requires-worker-protocol": "json",
    "supports-workers": "1",
}

def _arguments(ctx, files):
    """The form in which a persistent worker is given its arguments."""
    arguments = ctx.actions.args()
    arguments.add_all(files)
    arguments.set_param_file_format("multiline")
    arguments.use_param_file("@%s", use_always = True)
    return arguments

def _workspace_path(file):
    return "external/" + file.short_path[len("../"):] if file.short_path.startswith("../") else file.short_path

def _check_handlers(ctx, outline, files):
    """The check's marker: a persistent worker makes it."""
    library = ctx.attr.library

    # The check has these itself.
    tasker = {file.path: None for file in ctx.attr._tasker[DefaultInfo].default_runfiles.files.to_list()}
    own = [file for file in files if file.path not in tasker and _SITE not in file.path]
    roots, libraries = [], []
    for root in library[PyInfo].imports.to_list():
        if _SITE in root + "/":
            libraries.append("external/" + root)
        elif root.split("/", 1)[0] == ctx.workspace_name:
            roots.append(root[len(ctx.workspace_name) + 1:])
        else:
            roots.append("external/" + root)
    marker = ctx.actions.declare_file(ctx.label.name + ".checked")
    specification = ctx.actions.declare_file(ctx.label.name + ".specification.json")
    ctx.actions.write(specification, json.encode_indent({
        "files": {_workspace_path(file): file.path for file in own},
        "handlers": [_workspace_path(file) for file in ctx.files.handlers],
        "libraries": libraries,
        "marker": marker.path,
        "outline": outline.path,
        # The workspace itself is one, too.
        "roots": roots + ["."],
    }))
    ctx.actions.run(
        executable = ctx.executable._check_handlers,
        arguments = [_arguments(ctx, [specification])],
        execution_requirements = _WORKER,
        inputs = [outline, specification] + files,
        mnemonic = "TaskerHandlers",
        outputs = [marker],
        progress_message = "Checking the handlers of %{label}",
        tools = [ctx.attr._check_handlers[0][DefaultInfo].files_to_run],
    )
    return marker

def _workflow_impl(ctx):
    library = ctx.attr.library
    templates = ctx.files.templates
    outline = ctx.actions.declare_file(ctx.label.name + ".outline.json")
    ctx.actions.run(
        executable = ctx.executable._template_check,
        arguments = [_arguments(ctx, [outline] + templates)],
        execution_requirements = _WORKER,
        inputs = templates,
        mnemonic = "TaskerTemplate",
        outputs = [outline],
        progress_message = "Checking the templates of %{label}",
    )
    files = depset(transitive = [library[PyInfo].transitive_sources, library[DefaultInfo].default_runfiles.files])
    marker = _check_handlers(ctx, outline, files.to_list())
    return [
        DefaultInfo(
            files = library[DefaultInfo].files,
            runfiles = ctx.runfiles(templates + _template_folder(ctx)).merge(library[DefaultInfo].default_runfiles),
        ),
        # Made by every build of what depends on the workflow, whatever it needs of it.
        OutputGroupInfo(
            _validation = depset([outline, marker]),
            templates = depset([outline]),
        ),
        TaskerWorkflowInfo(files = files, outline = outline, templates = templates),
        library[PyInfo],
    ]

workflow = rule(
    implementation = _workflow_impl,
    doc = "The library of a workflow's handlers with its templates, checked.",
    attrs = {
        "handlers": attr.label_list(allow_files = [".py"], doc = "The workflow's own modules."),
        "library": attr.label(doc = "The same as a library.", mandatory = True, providers = [PyInfo]),
        "templates": attr.label_list(
            allow_files = [".yaml", ".yml"],
            doc = "The templates.",
            mandatory = True,
        ),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
        # As they are run, not once more for the build itself.
        "_check_handlers": attr.label(cfg = quick_transition, default = "//tools/workflow:check_handlers", executable = True),
        "_tasker": attr.label(default = "//tasker_py"),
        "_template_check": attr.label(cfg = quick_transition, default = "//tools/workflow/template_check", executable = True),
    },
    provides = [PyInfo, TaskerWorkflowInfo],
)
