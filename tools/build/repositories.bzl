"""Every repository that the build needs and that no other has to be loaded for."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//tools/build:installed_rules.bzl", "installed_rules")
load("//tools/build:local_postgres.bzl", "local_postgres")
load("//tools/build:local_python.bzl", "local_python")
load("//tools/build:local_rust.bzl", "local_rust")
load("//tools/build:wheel_tools.bzl", "wheel_tools")
load("//tools/crates:cargo_crates.bzl", "cargo_crates")
load("//tools/oci/private:debian_packages.bzl", "debian_packages")

# The folder of each rule set, relative to Bazel's install base.
_RULE_SETS = {
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_java": "rules/java",
    "rules_license": "rules/license",
    "rules_pkg": "rules/pkg",
    "rules_proto": "rules/proto",
    "rules_python": "rules/python",
    "rules_shell": "rules/shell",
}

def tasker_repositories():
    """Rule sets, toolchains and crates. `tasker_setup` of //:setup.bzl comes next.

    What the workspace has defined before under a name of these stays as it is.
    """
    for name, path in _RULE_SETS.items():
        maybe(installed_rules, name = name, path = path)
    maybe(
        installed_rules,
        name = "rules_rust",
        build_file = Label("//tools/build:process_wrapper.BUILD.bazel"),
        build_folder = "util/process_wrapper",
        path = "rules/rust",
    )

    # A library that rules_rust's process wrapper is built with.
    maybe(
        installed_rules,
        name = "rules_rust_tinyjson",
        build_file = "@rules_rust//util/process_wrapper:BUILD.tinyjson.bazel",
        path = "../cargo/registry/tinyjson-2.5.1",
    )

    manifest = Label("//:Cargo.toml")
    maybe(local_rust, name = "tasker_rust", manifest = manifest)
    maybe(local_python, name = "tasker_python")
    native.register_toolchains("@tasker_rust//:toolchain", "@tasker_python//:toolchain")
    maybe(local_postgres, name = "tasker_postgres")
    wheel_tools()

    maybe(
        cargo_crates,
        name = "tasker_crates",
        lockfile = Label("//:Cargo.lock"),
        manifest = manifest,
    )

    # Fetched only when an image is built.
    maybe(
        debian_packages,
        name = "tasker_debian",
        lock = Label("//tools/oci:debian_lock.json"),
        packages = Label("//tools/oci:packages.json"),
    )
