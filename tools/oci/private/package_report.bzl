"""What is told of pinned Debian packages that cannot be had: what is wrong with each, and what to do."""

def package_report(package, current = None, problem = None):
    """The line on a package that could not be downloaded with the SHA-256 that is pinned.

    Args:
        package: its entry in the lock.
        current: the entry that it would have now; None: the archive could not be asked, or has no such package.
        problem: why that is so.
    """
    pinned = "{name} {version} ({path})".format(**package)
    if not current:
        return "{}: no mirror gives it{}".format(pinned, " ({})".format(problem) if problem else "")
    if current["path"] != package["path"]:
        return "{}: is not there any more; the archive has {}".format(pinned, current["version"])
    if current["sha256"] != package["sha256"]:
        return "{}: the archive's has the SHA-256 {}, and {} is pinned".format(
            pinned,
            current["sha256"],
            package["sha256"],
        )
    return "{}: the archive has it, but the mirrors gave another file or none, as the warnings say".format(pinned)

def unfetched_message(lock, reports, update):
    """Says that packages could not be fetched.

    Args:
        lock: the lock's label.
        reports: what package_report says of each.
        update: from update_command.
    """
    return "packages that {} pins could not be fetched:\n  {}\nRemedy: {}, then look at the images again.".format(
        lock,
        "\n  ".join(reports),
        update,
    )

def unpinned_message(lock, names, update):
    """Says that a set has packages that the lock lacks.

    Args:
        lock: the lock's label.
        names: of the packages.
        update: from update_command.
    """
    return "{} does not pin {}. Remedy: {}".format(lock, ", ".join(names), update)

def update_command(workspace, folder, tasker):
    """The command that makes a lock anew.

    Args:
        workspace: the name of the lock's workspace; empty for the one that is built.
        folder: of the lock, in its workspace.
        tasker: the name of Tasker's workspace, likewise.
    """
    tool = "@" + tasker if tasker and workspace != tasker else ""
    place = " in the workspace of @" + workspace if workspace else ""
    return "bazel run {}//tools/oci:update_lock -- {}{}".format(tool, folder, place)
