"""The Debian packages of a lock file as a repository, from the mirrors that this machine's apt uses."""

load("//tools/oci/private:package_report.bzl", "package_report", "unfetched_message", "unpinned_message", "update_command")

_MIRRORS = [
    "apt-get",
    "indextargets",
    "--no-release-info",
    "--format",
    "$(RELEASE) $(COMPONENT) $(SITE)",
    "Created-By: Packages",
]

_BUILD = """\
package(default_visibility = ["//visibility:public"])
"""

_SET = """
filegroup(
    name = "{name}",
    srcs = {files},
)
"""

def _mirrors(rctx):
    """(the security archive's mirrors, the main archive's), each without doubles."""
    apt = rctx.which("apt-get")
    if not apt:
        fail("this machine has no apt-get, which names the mirror of Debian's packages that images are made of: " +
             "build images on Debian, or in a Debian container.")
    result = rctx.execute(_MIRRORS)
    if result.return_code:
        fail("apt-get does not name this machine's mirrors:\n{}".format(result.stderr))
    security, main = {}, {}
    for line in result.stdout.splitlines():
        release, component, site = line.split(" ")
        if component == "main":
            (security if release.endswith("-security") else main)[site] = None
    if not main:
        fail("apt has no mirror of Debian's archive on this machine: its sources need a line `deb <mirror> <suite> main`.")
    return security.keys(), main.keys()

def _fetch(rctx, packages, mirrors):
    """Downloads all packages side by side; those that could not be, by their places in the list."""
    security, main = mirrors
    waiting = []
    for package in packages:
        # Asked first where it is: each "not found" of another mirror is a warning to read.
        order = security + main if package["path"].startswith("pool/updates/") else main + security
        waiting.append(rctx.download(
            ["{}/{}".format(mirror, package["path"]) for mirror in order],
            output = package["name"] + ".deb",
            sha256 = package["sha256"],
            allow_fail = True,
            block = False,
        ))
    return [index for index, download in enumerate(waiting) if not download.wait().success]

def _report(rctx, suite, package):
    """What is wrong with a package that could not be downloaded, in a line."""
    python = rctx.which("python3")
    if not python:
        return package_report(package)
    asked = rctx.execute([python, rctx.path(rctx.attr._archive_index), suite, package["name"]])
    if asked.return_code:
        return package_report(package, problem = asked.stderr.strip())
    return package_report(package, current = json.decode(asked.stdout)[0])

def _debian_packages_impl(rctx):
    lock = rctx.attr.lock
    update = update_command(lock.workspace_name, lock.package, rctx.attr._archive_index.workspace_name)
    asked = json.decode(rctx.read(rctx.attr.packages))
    locked = {package["name"]: package for package in json.decode(rctx.read(lock))["packages"]}
    missing = [name for names in asked["sets"].values() for name in names if name not in locked]
    if missing:
        fail(unpinned_message(lock, missing, update))

    packages = locked.values()
    failed = _fetch(rctx, packages, _mirrors(rctx))
    if failed:
        reports = [_report(rctx, asked["suite"], packages[index]) for index in failed]
        fail(unfetched_message(lock, reports, update))
    rctx.file("BUILD.bazel", _BUILD + "".join([
        _SET.format(name = name, files = json.encode([each + ".deb" for each in sorted(names)]))
        for name, names in asked["sets"].items()
    ]))

debian_packages = repository_rule(
    implementation = _debian_packages_impl,
    doc = "A target for each set of packages: their `.deb` files, as the lock pins them.",
    attrs = {
        "lock": attr.label(
            allow_single_file = [".json"],
            doc = "What `update_lock` wrote: name, version, path in the archive, SHA-256 and size of each package.",
            mandatory = True,
        ),
        "packages": attr.label(
            allow_single_file = [".json"],
            doc = "The suite, and the names of the packages of each set.",
            mandatory = True,
        ),
        "_archive_index": attr.label(allow_single_file = True, default = "//tools/oci:tasker_oci/archive_index.py"),
    },
)
