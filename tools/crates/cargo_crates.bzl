"""Third-party Rust crates for a WORKSPACE-mode Bazel build, straight from Cargo.lock.

    load("//tools/crates:cargo_crates.bzl", "cargo_crates")

    cargo_crates(
        name = "tasker_crates",
        lockfile = "//:Cargo.lock",
        manifest = "//:Cargo.toml",
    )

Cargo resolves and downloads; Bazel compiles. The repository holds

  * one package per third-party crate, `@tasker_crates//tokio-1.54.1:tokio`;
  * an alias for each crate that a workspace member depends on, `@tasker_crates//:tokio`;
  * `@tasker_crates//:optimized`, a setting that holds where the release profile does, not the dev profile;
  * `@tasker_crates//:defs.bzl`, which tells a member's BUILD file what its Cargo.toml says;
  * `@tasker_crates//:members.json`, the folders of the members and of those that each depends on.

It is made again when Cargo.lock, Cargo.toml or a member's Cargo.toml changes, and at no other time.
"""

def _cargo_crates_impl(rctx):
    manifest = rctx.path(rctx.attr.manifest)
    rctx.watch(manifest)
    rctx.watch(rctx.attr.lockfile)

    tools = {}
    for tool in ["cargo", "python3"]:
        tools[tool] = rctx.which(tool)
        if not tools[tool]:
            fail("`{}` is not on PATH. Build with tools/bazel, which installs what is missing or says how.".format(tool))

    rctx.report_progress("resolving and fetching crates with cargo")
    result = rctx.execute(
        [
            tools["python3"],
            rctx.path(rctx.attr._generator),
            "--cargo={}".format(tools["cargo"]),
            "--manifest={}".format(manifest),
            "--platform={}".format(rctx.attr.platform),
            "--repository=@{}".format(rctx.name),
            "--out={}".format(rctx.path(".")),
        ],
        # The user's rust-toolchain.toml and .cargo/config.toml apply there.
        working_directory = str(manifest.dirname),
        timeout = rctx.attr.timeout,
    )
    if result.return_code:
        fail("cargo_crates(name = \"{}\"):\n{}".format(rctx.name, result.stderr))

    # The members' manifests are known only to cargo; it has just named them.
    for member in result.stdout.splitlines():
        rctx.watch(member)

cargo_crates = repository_rule(
    implementation = _cargo_crates_impl,
    doc = "The third-party crates of a cargo workspace as Bazel targets.",
    attrs = {
        "lockfile": attr.label(doc = "The workspace's Cargo.lock.", mandatory = True, allow_single_file = True),
        "manifest": attr.label(doc = "The workspace's root Cargo.toml.", mandatory = True, allow_single_file = True),
        "platform": attr.string(doc = "The target triple to resolve for.", default = "x86_64-unknown-linux-gnu"),
        "timeout": attr.int(doc = "Seconds allowed for the download.", default = 1800),
        "_generator": attr.label(default = "//tools/crates:generate.py", allow_single_file = True),
    },
)
