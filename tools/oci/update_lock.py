"""Pins the Debian packages of the images: `bazel run //tools/oci:update_lock [-- FOLDER...]`.

Writes for each package of a folder's packages.json what the archive has of it now, by version,
path, SHA-256 and size, into debian_lock.json beside it.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tasker_oci.archive_index import ArchiveError, Package, latest

# Where this project has such lists: of images, and of what reads them in a test.
FOLDERS = ("tools/oci", "tools/oci/readers")


def main() -> int:
    """0 when the locks were written; one is left as it was on any error."""
    parser = argparse.ArgumentParser(description="Pins the Debian packages of images.")
    parser.add_argument(
        "folders", nargs="*", default=FOLDERS, metavar="FOLDER", help="has a packages.json"
    )
    workspace = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    try:
        for folder in parser.parse_args().folders:
            update(workspace / folder)
    except (ArchiveError, OSError) as error:
        print(f"update_lock: {error}", file=sys.stderr)
        return 1
    return 0


def update(folder: Path) -> None:
    """Writes one folder's lock, and prints what is other than before."""
    asked = json.loads((folder / "packages.json").read_text())
    found = latest(asked["suite"], sorted({n for names in asked["sets"].values() for n in names}))
    lock = folder / "debian_lock.json"
    before = json.loads(lock.read_text())["packages"] if lock.exists() else []
    lock.write_text(locked(found))
    for line in changes({each["name"]: each["version"] for each in before}, found):
        print(line)


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
