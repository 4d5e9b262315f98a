"""Crates of this workspace as Bazel targets, with all that their Cargo.toml says taken from there."""

load(
    "@tasker_crates//:defs.bzl",
    "crate_aliases",
    "crate_deps",
    "crate_features",
    "crate_lints",
    "crate_name",
    "crate_proc_macros",
    "crate_profile_flags",
    "crate_version",
)
load("@rules_rust//rust:defs.bzl", "rust_binary", "rust_library", "rust_static_library", "rust_test")
load("//tools/lint:rust.bzl", "rust_lint_tests")
load("//tools/rust:same_program.bzl", "same_program_test")

# Programs that are shipped or measured: optimised as a whole. The libraries below them are shared with every other
# target of the same mode.
_PROGRAM_FLAGS = select({
    Label("@tasker_crates//:optimized"): ["-Clto=thin"],
    "//conditions:default": [],
})

def _crate_attributes(dev = False):
    """What Cargo.toml says of this package, as attributes of a rules_rust rule."""
    return {
        "aliases": crate_aliases(),
        "crate_features": crate_features(),
        "proc_macro_deps": crate_proc_macros(dev = dev),
        "rustc_flags": crate_lints() + crate_profile_flags(),
        "version": crate_version(),
    }

def rust_crate(
        name,
        binary = None,
        compile_data = [],
        data = [],
        feature_tests = [],
        more_tests = {},
        static_library = None,
        test_data = [],
        test_env = {},
        test_size = "small",
        visibility = ["//visibility:public"]):
    """A member of the cargo workspace: its library, its tests, and the checks of its source.

    Targets: the library NAME (NAME_lib when there is a binary), its unit tests NAME_test, one test for each file of
    tests/ (STEM_test), and NAME_rustfmt_test and NAME_clippy_test over all of them.

    Args:
        name: the folder's name.
        binary: the source file of a program, which then bears the name.
        compile_data: files that the source includes, and that of the tests.
        data: files that the program needs when it runs.
        feature_tests: files of tests/ that need a feature, and so have targets by rust_feature.
        more_tests: tests run again with other data: by name, the test, the data, the environment.
        static_library: the name of a static library of the same source, for C and C++.
        test_data: files that the tests need when they run.
        test_env: the tests' environment; $(rootpath) of test_data is expanded.
        test_size: of every test.
        visibility: of the library and the program.
    """
    library = name + "_lib" if binary else name
    sources = native.glob(["src/**/*.rs"], exclude = [binary] if binary else [])
    rust_library(
        name = library,
        srcs = sources,
        compile_data = compile_data,
        crate_name = crate_name(),
        visibility = visibility,
        deps = crate_deps(),
        **_crate_attributes()
    )
    targets = [library]

    if static_library:
        rust_static_library(
            name = static_library,
            srcs = sources,
            compile_data = compile_data,
            crate_name = crate_name(),
            visibility = ["//visibility:private"],
            deps = crate_deps(),
            **_crate_attributes()
        )

    if binary:
        attributes = _crate_attributes()
        attributes["rustc_flags"] = attributes["rustc_flags"] + _PROGRAM_FLAGS
        rust_binary(
            name = name,
            srcs = [binary],
            crate_name = crate_name(),
            data = data,
            visibility = visibility,
            deps = crate_deps() + [library],
            **attributes
        )
        targets.append(name)

    rust_test(
        name = name + "_test",
        size = test_size,
        crate = library,
        data = test_data,
        env = test_env,
        deps = crate_deps(dev = True),
        **_crate_attributes(dev = True)
    )
    targets.append(name + "_test")

    modules = native.glob(["tests/*/**/*.rs"], allow_empty = True)
    for source in native.glob(["tests/*.rs"], allow_empty = True, exclude = feature_tests):
        stem = source[len("tests/"):-len(".rs")]
        test = stem if stem.endswith("_test") else stem + "_test"
        rust_test(
            name = test,
            size = test_size,
            srcs = [source] + modules,
            compile_data = compile_data,
            crate_root = source,
            data = test_data,
            env = test_env,
            deps = crate_deps(dev = True) + [library],
            **_crate_attributes(dev = True)
        )
        targets.append(test)

    for test, (program, own_data, own_env) in more_tests.items():
        same_program_test(
            name = test,
            size = test_size,
            data = own_data,
            env = own_env,
            program = program,
        )

    rust_lint_tests(name = name, targets = targets)

def rust_feature(name, features, binary = None, replaced = {}, tests = [], test_size = "small", visibility = None):
    """The library of a member with features that no product has, and the tests that need them.

    Targets: the library NAME, one test for each of the tests (STEM_test), and NAME_rustfmt_test and NAME_clippy_test.

    Args:
        name: of the library.
        features: of Cargo.toml, beside those that are always on.
        binary: the source file of the member's program, which is left out.
        replaced: other members by their labels: what this library has in their places.
        tests: files of tests/.
        test_size: of every test.
        visibility: of the library.
    """
    attributes = _crate_attributes()
    attributes["crate_features"] = attributes["crate_features"] + features
    deps = [replaced.get(label, label) for label in crate_deps()]
    rust_library(
        name = name,
        srcs = native.glob(["src/**/*.rs"], exclude = [binary] if binary else []),
        crate_name = crate_name(),
        visibility = visibility,
        deps = deps,
        **attributes
    )
    targets = [name]
    for source in tests:
        test = source[len("tests/"):-len(".rs")] + "_test"
        rust_test(
            name = test,
            size = test_size,
            srcs = [source],
            crate_root = source,
            deps = deps + [name],
            **attributes
        )
        targets.append(test)
    rust_lint_tests(name = name, targets = targets)
