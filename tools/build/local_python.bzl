"""The Python on this machine: its interpreter as a toolchain, its headers for extension modules."""

# The language level that the Python code is written and checked for.
MINIMUM_VERSION = (3, 11)

_PROBE = """
import sys, sysconfig
print(sys.executable)
print("%d %d" % sys.version_info[:2])
print(sysconfig.get_path("include"))
print(sysconfig.get_config_var("EXT_SUFFIX"))
"""

_BUILD = """\
load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

py_runtime(
    name = "runtime",
    interpreter_path = "{interpreter}",
    python_version = "PY3",
    # Actions have a fixed PATH, on which another python3 may come first, or none.
    stub_shebang = "#!{interpreter}",
)

py_runtime_pair(
    name = "runtimes",
    py3_runtime = ":runtime",
)

toolchain(
    name = "toolchain",
    toolchain = ":runtimes",
    toolchain_type = "@bazel_tools//tools/python:toolchain_type",
)

cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
)
"""

def _local_python_impl(rctx):
    python = rctx.which("python3")
    if not python:
        fail("python3 is not on PATH. Run Tasker's tools/build/prerequisites.sh, which installs what is missing or says how.")
    result = rctx.execute([python, "-c", _PROBE])
    if result.return_code:
        fail("{} does not run: {}".format(python, result.stderr))
    interpreter, version, include, suffix = result.stdout.strip().split("\n")
    major, minor = [int(part) for part in version.split(" ")]
    if (major, minor) < MINIMUM_VERSION:
        fail("Python {}.{} or newer is needed; {} is {}.{}.".format(
            MINIMUM_VERSION[0],
            MINIMUM_VERSION[1],
            interpreter,
            major,
            minor,
        ))
    if not rctx.path(include + "/Python.h").exists:
        fail("{} has no headers: {}/Python.h is missing. Run Tasker's tools/build/prerequisites.sh, which installs them or says how.".format(
            interpreter,
            include,
        ))
    rctx.symlink(include, "include")
    rctx.file("BUILD.bazel", _BUILD.format(interpreter = interpreter))
    rctx.file("defs.bzl", """\
\"\"\"Facts about the Python on this machine.\"\"\"

EXTENSION_SUFFIX = "{}"

INTERPRETER = "{}"
""".format(suffix, interpreter))

local_python = repository_rule(
    implementation = _local_python_impl,
    doc = "The python3 on PATH, refused when it is too old or has no headers.",
    configure = True,
    environ = ["PATH"],
    local = True,
)
