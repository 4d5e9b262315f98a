"""Tests of what is told of Debian packages that cannot be had."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/oci/private:package_report.bzl", "package_report", "unfetched_message", "unpinned_message", "update_command")

_PACKAGE = {
    "name": "libshop1",
    "path": "pool/main/s/shop/libshop1_1.2-3_amd64.deb",
    "sha256": "5d" * 32,
    "version": "1.2-3",
}
_PINNED = "libshop1 1.2-3 (pool/main/s/shop/libshop1_1.2-3_amd64.deb): "

def _gone_test_impl(ctx):
    env = unittest.begin(ctx)
    current = _PACKAGE | {"path": "pool/main/s/shop/libshop1_1.2-4_amd64.deb", "sha256": "a0" * 32, "version": "1.2-4"}
    asserts.equals(
        env,
        _PINNED + "is not there any more; the archive has 1.2-4",
        package_report(_PACKAGE, current = current),
    )
    return unittest.end(env)

def _other_checksum_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        _PINNED + "the archive's has the SHA-256 {}, and {} is pinned".format("a0" * 32, "5d" * 32),
        package_report(_PACKAGE, current = _PACKAGE | {"sha256": "a0" * 32}),
    )
    return unittest.end(env)

def _unreachable_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, _PINNED + "no mirror gives it", package_report(_PACKAGE))
    asserts.equals(
        env,
        _PINNED + "no mirror gives it (apt-get update failed)",
        package_report(_PACKAGE, problem = "apt-get update failed"),
    )
    asserts.equals(
        env,
        _PINNED + "the archive has it, but the mirrors gave another file or none, as the warnings say",
        package_report(_PACKAGE, current = _PACKAGE),
    )
    return unittest.end(env)

def _messages_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        "packages that //a:lock.json pins could not be fetched:\n  one\n  two\n" +
        "Remedy: make it anew, then look at the images again.",
        unfetched_message("//a:lock.json", ["one", "two"], "make it anew"),
    )
    asserts.equals(
        env,
        "//a:lock.json does not pin libc6, libshop1. Remedy: make it anew",
        unpinned_message("//a:lock.json", ["libc6", "libshop1"], "make it anew"),
    )
    return unittest.end(env)

def _command_test_impl(ctx):
    env = unittest.begin(ctx)

    # In Tasker's own workspace; in one that loads Tasker, for Tasker's lock and for its own.
    asserts.equals(env, "bazel run //tools/oci:update_lock -- tools/oci", update_command("", "tools/oci", ""))
    asserts.equals(
        env,
        "bazel run //tools/oci:update_lock -- tools/oci in the workspace of @tasker",
        update_command("tasker", "tools/oci", "tasker"),
    )
    asserts.equals(
        env,
        "bazel run @tasker//tools/oci:update_lock -- images",
        update_command("", "images", "tasker"),
    )
    return unittest.end(env)

gone_test = unittest.make(_gone_test_impl)
other_checksum_test = unittest.make(_other_checksum_test_impl)
unreachable_test = unittest.make(_unreachable_test_impl)
messages_test = unittest.make(_messages_test_impl)
command_test = unittest.make(_command_test_impl)

def package_report_tests(name):
    """The tests of this file.

    Args:
        name: of the suite.
    """
    unittest.suite(name, gone_test, other_checksum_test, unreachable_test, messages_test, command_test)
