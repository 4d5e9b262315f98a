"""Python extension modules in C++ with pybind11."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("@tasker_python//:defs.bzl", "EXTENSION_SUFFIX")
load("//tools/pytest:defs.bzl", "pytest_test")

_EXPORTS_TEST = Label("//tools/pybind:exports_test.py")

def pybind_extension(name, module, srcs, deps = [], visibility = None):
    """An extension module that exports its initialiser and nothing else, and the test that it does.

    Targets: NAME, the module's file for a py_library's `data`; NAME_exports_test.

    Args:
        name: of the target.
        module: path and name of the module from this package, such as "tasker_core/_native".
        srcs: C++ files.
        deps: C++ libraries; Python's and pybind11's headers are added.
        visibility: of NAME.
    """
    initialiser = "PyInit_" + module.split("/")[-1]
    exports = name + ".lds"

    # Without it the module would offer all of Rust's and C++'s symbols to whatever else the process loads.
    write_file(
        name = name + "_exports",
        out = exports,
        content = ["{ global: %s; local: *; };" % initialiser, ""],
    )
    file = module + EXTENSION_SUFFIX
    native.cc_binary(
        name = file,
        srcs = srcs,
        additional_linker_inputs = [exports],
        copts = [
            "-std=c++17",
            "-fvisibility=hidden",
        ],
        linkopts = ["-Wl,--version-script=$(location {})".format(exports)],
        linkshared = True,
        deps = deps + [
            "@tasker_python//:headers",
            "@tasker_pip_pybind11//:headers",
        ],
    )
    native.filegroup(
        name = name,
        srcs = [file],
        visibility = visibility,
    )
    pytest_test(
        name = name + "_exports_test",
        size = "small",
        srcs = [_EXPORTS_TEST],
        data = [file],
        env = {
            "EXTENSION": "$(rootpath {})".format(file),
            "INITIALISER": initialiser,
        },
    )
