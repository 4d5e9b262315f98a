"""A program as it is shipped and measured, beside the quickly built one that the tests use."""

def _optimized_impl(settings, _attr):
    # A build that is optimised already is left as it is, so that both are one.
    return {"//command_line_option:compilation_mode": "opt"}

optimized_transition = transition(
    implementation = _optimized_impl,
    inputs = [],
    outputs = ["//command_line_option:compilation_mode"],
)

def _quick_impl(settings, _attr):
    return {"//command_line_option:compilation_mode": "fastbuild"}

# For programs that a build runs a few times, also where what they check is part of something optimised.
quick_transition = transition(
    implementation = _quick_impl,
    inputs = [],
    outputs = ["//command_line_option:compilation_mode"],
)

def _optimized_binary_impl(ctx):
    binary = ctx.attr.binary[0]
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = binary[DefaultInfo].files_to_run.executable, is_executable = True)
    return [DefaultInfo(
        executable = executable,
        files = depset([executable]),
        runfiles = ctx.runfiles([executable]).merge(binary[DefaultInfo].default_runfiles),
    )]

_optimized_binary = rule(
    implementation = _optimized_binary_impl,
    attrs = {
        "binary": attr.label(cfg = optimized_transition, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
    },
    executable = True,
)

def optimized_binary(name, binary, tags = [], **kwargs):
    """A program and all below it built with `-c opt`, with link-time optimisation where it is Rust.

    Tagged manual: `bazel test //...` builds each crate once, and this only when it is asked for.

    Args:
        name: of the optimised program.
        binary: the program.
        tags: added to manual.
        **kwargs: other attributes that every rule has.
    """
    _optimized_binary(name = name, binary = binary, tags = tags + ["manual"], **kwargs)
