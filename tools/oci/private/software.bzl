"""Which crates a program is made of, for an image's list of software."""

load("@rules_rust//rust:defs.bzl", "rust_common")

_SoftwareInfo = provider(
    doc = "The crates below a target.",
    fields = {"crates": "A depset of the labels of third-party crates, whose package is NAME-VERSION, as strings."},
)

_CRATES = "tasker_crates"

def _software_impl(target, ctx):
    below = []
    for name in ["binary", "data", "deps", "srcs"]:
        value = getattr(ctx.rule.attr, name, None)
        for each in value if type(value) == "list" else [value]:
            if type(each) == "Target" and _SoftwareInfo in each:
                below.append(each[_SoftwareInfo].crates)
    own = []
    if rust_common.crate_info in target and ctx.label.workspace_name == _CRATES:
        own = [ctx.label.package]
    return [_SoftwareInfo(crates = depset(own, transitive = below))]

software_aspect = aspect(
    implementation = _software_impl,
    attr_aspects = ["binary", "data", "deps", "srcs"],
    doc = "Collects the crates that are linked into a program; those that only its build runs are not.",
)

def software_of(target):
    """The crates of a target that the aspect has seen: a list of dicts of type, name and version."""
    found = []
    for package in sorted(target[_SoftwareInfo].crates.to_list()):
        # A crate's name may have dashes; its version begins with the last dash before a digit and a dot.
        parts = package.split("-")
        for index in range(1, len(parts)):
            if parts[index][:1].isdigit() and "." in parts[index]:
                found.append({"name": "-".join(parts[:index]), "type": "cargo", "version": "-".join(parts[index:])})
                break
    return found
