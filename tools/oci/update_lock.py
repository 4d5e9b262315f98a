"""Pins the Debian packages of the images: `bazel run //tools/oci:update_lock`.

Writes for each package of packages.json what the archive has of it now, by version, path, SHA-256
and size, into debian_lock.json beside it.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tools.oci.archive_index import ArchiveError, Package, latest


def main() -> int:
    """0 when the lock was written; it is left as it was on any error."""
    parser = argparse.ArgumentParser(description="Pins the Debian packages of the images.")
    parser.add_argument("--packages", type=Path, help="the list of packages (packages.json)")
    parser.add_argument("--lock", type=Path, help="the file to write (debian_lock.json)")
    arguments = parser.parse_args()
    folder = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."), "tools/oci")
    packages = arguments.packages or folder / "packages.json"
    lock = arguments.lock or folder / "debian_lock.json"
    asked = json.loads(packages.read_text())
    names = sorted({name for names in asked["sets"].values() for name in names})
    try:
        found = latest(asked["suite"], names)
    except ArchiveError as error:
        print(f"update_lock: {error}", file=sys.stderr)
        return 1
    before = json.loads(lock.read_text())["packages"] if lock.exists() else []
    lock.write_text(locked(found))
    for line in changes({each["name"]: each["version"] for each in before}, found):
        print(line)
    return 0


def locked(packages: list[Package]) -> str:
    """The lock file's text."""
    return json.dumps({"packages": [asdict(each) for each in packages]}, indent=2) + "\n"


def changes(before: dict[str, str], now: list[Package]) -> list[str]:
    """A line for each package whose version is another than before, or `nothing has changed`."""
    lines = [
        f"{each.name} {before.get(each.name, 'none')} -> {each.version}"
        for each in now
        if before.get(each.name) != each.version
    ]
    gone = sorted(set(before) - {each.name for each in now})
    return [*lines, *(f"{name} {before[name]} -> none" for name in gone)] or ["nothing has changed"]


if __name__ == "__main__":
    sys.exit(main())
