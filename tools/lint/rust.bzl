"""rustfmt and clippy as tests: `bazel test //...` fails on source that either objects to."""

load("@rules_rust//rust:defs.bzl", "rust_clippy_aspect", "rust_common")

_CRATES = [
    [rust_common.crate_info],
    [rust_common.test_crate_info],
]

def _sources(target):
    info = target[rust_common.crate_info] if rust_common.crate_info in target else target[rust_common.test_crate_info].crate
    return info.srcs

def _script(ctx, text, runfiles):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, "#!/bin/sh\n" + text, is_executable = True)
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(transitive_files = runfiles))]

def _clippy_test_impl(ctx):
    # The aspect's action is the check and fails by itself; to be run, this test needs it to have passed.
    checks = depset(transitive = [target[OutputGroupInfo].clippy_checks for target in ctx.attr.targets])
    return _script(ctx, "exit 0\n", checks)

_clippy_test = rule(
    implementation = _clippy_test_impl,
    attrs = {"targets": attr.label_list(aspects = [rust_clippy_aspect], mandatory = True, providers = _CRATES)},
    test = True,
)

def _rustfmt_test_impl(ctx):
    sources = depset(transitive = [_sources(target) for target in ctx.attr.targets])
    paths = [source.short_path for source in sources.to_list() if source.is_source]
    command = "exec {} --edition=2024 --check {}\n".format(ctx.file._rustfmt.short_path, " ".join(paths))
    return _script(ctx, command, depset([ctx.file._rustfmt], transitive = [sources]))

_rustfmt_test = rule(
    implementation = _rustfmt_test_impl,
    attrs = {
        "targets": attr.label_list(mandatory = True, providers = _CRATES),
        "_rustfmt": attr.label(default = "@tasker_rust//:bin/rustfmt", allow_single_file = True),
    },
    test = True,
)

def rust_lint_tests(name, targets):
    """NAME_rustfmt_test and NAME_clippy_test over Rust targets; every warning is an error.

    Args:
        name: the prefix of the tests' names.
        targets: libraries, programs and tests.
    """
    _rustfmt_test(name = name + "_rustfmt_test", size = "small", targets = targets)
    _clippy_test(name = name + "_clippy_test", size = "small", targets = targets)
