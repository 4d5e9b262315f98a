"""The program of a test, run once more in another environment."""

def _same_program_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.executable.program, is_executable = True)
    return [
        DefaultInfo(executable = executable, runfiles = ctx.runfiles(ctx.files.data)),
        testing.TestEnvironment(ctx.attr.env),
    ]

same_program_test = rule(
    implementation = _same_program_test_impl,
    doc = "A test that is compiled already, with data and an environment of its own and nothing of the other's.",
    attrs = {
        "data": attr.label_list(allow_files = True),
        "env": attr.string_dict(),
        "program": attr.label(cfg = "target", doc = "The other test.", executable = True, mandatory = True),
    },
    test = True,
)
