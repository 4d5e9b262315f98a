"""The Python libraries that rules_python's pip_parse runs on, fetched by pip as this machine has it set up.

rules_python names one repository for each, with an address and a version that Python 3.12 cannot run. Defined before
`pip_parse` looks for them, these take their place.
"""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")

# All that rules_python asks for. One holds the libraries that it uses; the others are there to be found.
_USED = "pypi__pip"
_UNUSED = [
    "pypi__build",
    "pypi__click",
    "pypi__colorama",
    "pypi__importlib_metadata",
    "pypi__installer",
    "pypi__more_itertools",
    "pypi__packaging",
    "pypi__pep517",
    "pypi__pip_tools",
    "pypi__setuptools",
    "pypi__tomli",
    "pypi__wheel",
    "pypi__zipp",
]

def _wheel_tools_impl(rctx):
    rctx.file("BUILD.bazel")
    if not rctx.attr.lock:
        return

    # Compiled: they run once for each package, which then takes half the time.
    result = rctx.execute([
        "python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--compile",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--requirement",
        rctx.path(rctx.attr.lock),
        "--target",
        rctx.path("."),
    ])
    if result.return_code:
        fail("pip could not fetch the libraries that install wheels:\n{}{}".format(result.stdout, result.stderr))

_wheel_tools = repository_rule(
    implementation = _wheel_tools_impl,
    attrs = {"lock": attr.label(allow_single_file = True)},
)

def wheel_tools():
    """The repositories that `pip_parse` runs on."""
    maybe(_wheel_tools, name = _USED, lock = Label("//tools/build:wheel_tools_lock.txt"))
    for name in _UNUSED:
        maybe(_wheel_tools, name = name)
