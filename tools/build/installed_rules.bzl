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
    for entry in folder.readdir():
        if not (rctx.attr.build_file and entry.basename in ["BUILD", "BUILD.bazel"]):
            rctx.symlink(entry, entry.basename)
    if rctx.attr.build_file:
        rctx.symlink(rctx.attr.build_file, "BUILD.bazel")

installed_rules = repository_rule(
    implementation = _installed_rules_impl,
    doc = "An installed rule set as a repository. No machine's path is written in WORKSPACE.",
    attrs = {
        "build_file": attr.label(doc = "A BUILD file for a folder that has none."),
        "path": attr.string(doc = "The folder, relative to Bazel's install base.", mandatory = True),
        "_installer": attr.label(default = "//tools/build:install_bazel.sh", allow_single_file = True),
    },
    environ = ["HOME", "XDG_CACHE_HOME"],
    # Made again when the server starts, so that links never point into a cache that was cleared.
    local = True,
)
