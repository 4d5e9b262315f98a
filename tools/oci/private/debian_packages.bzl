"""The Debian packages of a lock file as a repository, from the mirrors that this machine's apt uses."""

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

def _is_at_hand(rctx, package, mirrors):
    """The SHA-256 of what the mirrors have under the package's path, or None."""
    for mirror in mirrors:
        found = rctx.download(
            "{}/{}".format(mirror, package["path"]),
            output = "unexpected.deb",
            allow_fail = True,
        )
        if found.success:
            rctx.delete("unexpected.deb")
            return found.sha256
    return None

def _report(rctx, suite, package, mirrors):
    """What is wrong with a package that could not be downloaded, in a line."""
    pinned = "{name} {version} ({path})".format(**package)
    sha256 = _is_at_hand(rctx, package, mirrors)
    if sha256:
        return "{}: the mirror's file has the SHA-256 {}, and {} is pinned".format(pinned, sha256, package["sha256"])
    python = rctx.which("python3")
    asked = rctx.execute([python, rctx.path(rctx.attr._archive_index), suite, package["name"]]) if python else None
    if asked and not asked.return_code:
        return "{}: is not there any more; the archive has {}".format(pinned, asked.stdout.strip())
    return "{}: no mirror has it or can be reached{}".format(
        pinned,
        " ({})".format(asked.stderr.strip()) if asked else "",
    )

def _debian_packages_impl(rctx):
    asked = json.decode(rctx.read(rctx.attr.packages))
    locked = {package["name"]: package for package in json.decode(rctx.read(rctx.attr.lock))["packages"]}
    missing = [name for names in asked["sets"].values() for name in names if name not in locked]
    if missing:
        fail("{} does not pin {}. Remedy: {}".format(rctx.attr.lock, ", ".join(missing), rctx.attr.update_command))

    packages = locked.values()
    mirrors = _mirrors(rctx)
    failed = _fetch(rctx, packages, mirrors)
    if failed:
        reports = [_report(rctx, asked["suite"], packages[index], mirrors[1] + mirrors[0]) for index in failed]
        fail("packages that {} pins could not be fetched:\n  {}\nRemedy: {}, then look at the images again.".format(
            rctx.attr.lock,
            "\n  ".join(reports),
            rctx.attr.update_command,
        ))
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
        "update_command": attr.string(
            default = "bazel run //tools/oci:update_lock",
            doc = "The command that makes the lock anew, for messages.",
        ),
        "_archive_index": attr.label(allow_single_file = True, default = "//tools/oci:tasker_oci/archive_index.py"),
    },
)
