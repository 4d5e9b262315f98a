"""The one lock of Python packages that a program with Tasker in it is made from."""

def _names(text):
    """The packages that a lock pins, as PyPI compares names: {name: its line}."""
    found = {}
    for line in text.splitlines():
        name = line.split("==")[0].split("[")[0].strip()
        if "==" in line and not line.startswith((" ", "#", "-")):
            found[name.lower().replace("_", "-").replace(".", "-")] = line
    return found

def missing_packages(ours, lock):
    """The names of the packages that one lock pins and the other does not.

    Args:
        ours: the text of the one.
        lock: the text of the other.
    """
    theirs = _names(lock)
    return sorted([name for name in _names(ours) if name not in theirs])

def _python_lock_impl(rctx):
    missing = missing_packages(rctx.read(rctx.attr.ours), rctx.read(rctx.attr.lock))
    if missing:
        fail(("{lock} does not pin {missing}, which Tasker's programs import. Of two locks in one program only one is " +
              "seen, so yours must hold both: add Tasker's requirements.in to what you compile it from.").format(
            lock = rctx.attr.lock,
            missing = ", ".join(missing),
        ))
    rctx.symlink(rctx.attr.lock, "requirements_lock.txt")
    rctx.file("BUILD.bazel", 'exports_files(["requirements_lock.txt"])\n')

python_lock = repository_rule(
    implementation = _python_lock_impl,
    doc = "A lock that has been checked to pin all that Tasker's programs import.",
    attrs = {
        "lock": attr.label(allow_single_file = True, doc = "The lock that is used.", mandatory = True),
        "ours": attr.label(allow_single_file = True, doc = "Tasker's own.", mandatory = True),
    },
)
