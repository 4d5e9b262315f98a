"""The PostgreSQL on this machine, for tests that run on it beside the one of requirements_lock.txt."""

_PROGRAMS = ["initdb", "pg_ctl", "pg_dump", "pg_restore", "postgres", "psql"]

# Debian keeps the programs of a server off PATH; its own scripts find them by this module.
_DEBIAN = 'print get_program_path("postgres", get_newest_version("postgres"))'

_BUILD = """\
filegroup(
    name = "server",
    srcs = glob(["bin/*"]) + ["version"],
    visibility = ["//visibility:public"],
)
"""

# Only what needs it fails: whoever builds the rest needs no PostgreSQL of the machine.
_MISSING = """\
fail("this machine has no PostgreSQL. Install Debian's package postgresql, or put another's postgres on PATH.")
"""

def _find(rctx):
    """The program, or None."""
    program = rctx.which("postgres")
    if not program and rctx.which("perl"):
        result = rctx.execute(["perl", "-MPgCommon", "-e", _DEBIAN])
        found = result.stdout.strip()
        if not result.return_code and found:
            program = rctx.path(found)
    return program.realpath if program else None

def _local_postgres_impl(rctx):
    program = _find(rctx)
    if not program:
        rctx.file("BUILD.bazel", _MISSING)
        return
    for name in _PROGRAMS:
        rctx.symlink(program.dirname.get_child(name), "bin/" + name)

    # So that an upgrade is noticed: the programs are links.
    version = rctx.execute([program, "--version"])
    if version.return_code:
        fail("{} does not run: {}".format(program, version.stderr))
    rctx.file("version", version.stdout)
    rctx.file("BUILD.bazel", _BUILD)

local_postgres = repository_rule(
    implementation = _local_postgres_impl,
    doc = "The programs of the postgres on PATH, or of Debian's newest.",
    configure = True,
    environ = ["PATH"],
    local = True,
)
