"""Rule sets that are installed beside Bazel, as the Debian packages lay them out."""

def _installed_rules_impl(rctx):
    # @bazel_tools is a link to <Bazel's install base>/embedded_tools; the rule sets are that folder's neighbours.
    install_base = rctx.path(Label("@bazel_tools//tools:BUILD")).realpath.dirname.dirname.dirname
    folder = install_base.get_child(*rctx.attr.path.split("/"))
    if not folder.exists:
        # A Bazel from elsewhere brings none: take those of the installation that tools/bazel would use.
        rctx.report_progress("installing the rule sets")
        result = rctx.execute(["bash", rctx.path(rctx.attr._installer)], timeout = 1800)
        if result.return_code:
            fail("{} is not beside Bazel, and installing it failed:\n{}".format(rctx.name, result.stderr))
        folder = rctx.path(result.stdout.strip() + "/root/usr/share/bazel").get_child(*rctx.attr.path.split("/"))

    # The folders on the way to that of the other BUILD file are made, and hold links.
    below = ""
    for part in rctx.attr.build_folder.split("/") if rctx.attr.build_folder else []:
        _link(rctx, folder, below, except_for = [part])
        folder = folder.get_child(part)
        below += part + "/"
    _link(rctx, folder, below, except_for = ["BUILD", "BUILD.bazel"] if rctx.attr.build_file else [])
    if rctx.attr.build_file:
        rctx.symlink(rctx.attr.build_file, below + "BUILD.bazel")

def _link(rctx, folder, below, except_for):
    for entry in folder.readdir():
        if entry.basename not in except_for:
            rctx.symlink(entry, below + entry.basename)

installed_rules = repository_rule(
    implementation = _installed_rules_impl,
    doc = "An installed rule set as a repository. No machine's path is written in WORKSPACE.",
    attrs = {
        "build_file": attr.label(doc = "A BUILD file for a folder that has none, or in the place of the one it has."),
        "build_folder": attr.string(doc = "That folder, relative to `path`."),
        "path": attr.string(doc = "The folder, relative to Bazel's install base.", mandatory = True),
        "_installer": attr.label(default = "//tools/build:install_bazel.sh", allow_single_file = True),
    },
    environ = ["HOME", "XDG_CACHE_HOME"],
    # Made again when the server starts, so that links never point into a cache that was cleared.
    local = True,
)
