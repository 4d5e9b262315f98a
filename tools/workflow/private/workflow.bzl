"""A workflow as a target: its handlers as a Python library, its templates, and the check that the two fit."""

load("@rules_python//python:defs.bzl", "PyInfo")

TaskerWorkflowInfo = provider(
    doc = "What a workflow is made of.",
    fields = {
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

def _workflow_impl(ctx):
    library = ctx.attr.library
    templates = ctx.files.templates
    outline = ctx.actions.declare_file(ctx.label.name + ".outline.json")
    ctx.actions.run(
        executable = ctx.executable._template_check,
        arguments = [outline.path] + [template.path for template in templates],
        inputs = templates,
        mnemonic = "TaskerTemplate",
        outputs = [outline],
        progress_message = "Checking the templates of %{label}",
    )
    marker = ctx.actions.declare_file(ctx.label.name + ".checked")
    ctx.actions.run(
        executable = ctx.executable.check,
        arguments = [outline.path, marker.path] + [file.path for file in ctx.files.handlers],
        inputs = [outline] + ctx.files.handlers,
        mnemonic = "TaskerHandlers",
        outputs = [marker],
        progress_message = "Checking the handlers of %{label}",
        tools = [ctx.attr.check[DefaultInfo].files_to_run],
    )
    return [
        DefaultInfo(
            files = library[DefaultInfo].files,
            runfiles = ctx.runfiles(templates + _template_folder(ctx)).merge(library[DefaultInfo].default_runfiles),
        ),
        # Made by every build of what depends on the workflow, whatever it needs of it.
        OutputGroupInfo(_validation = depset([outline, marker])),
        TaskerWorkflowInfo(outline = outline, templates = templates),
        library[PyInfo],
    ]

workflow = rule(
    implementation = _workflow_impl,
    doc = "The library of a workflow's handlers with its templates, checked.",
    attrs = {
        # As it is run, not once more for the build itself.
        "check": attr.label(
            cfg = "target",
            doc = "//tools/workflow:check_handlers.py with the workflow's library on its import path.",
            executable = True,
            mandatory = True,
        ),
        "handlers": attr.label_list(allow_files = [".py"], doc = "The workflow's own modules."),
        "library": attr.label(doc = "The same as a library.", mandatory = True, providers = [PyInfo]),
        "templates": attr.label_list(
            allow_files = [".yaml", ".yml"],
            doc = "The templates.",
            mandatory = True,
        ),
        "_template_check": attr.label(cfg = "target", default = "//tools/workflow/template_check", executable = True),
    },
    provides = [PyInfo, TaskerWorkflowInfo],
)
