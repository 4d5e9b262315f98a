"""Unpacks Debian packages into one archive, to be run from: unpack_packages ARCHIVE DEB..."""

import sys
from pathlib import Path

from tasker_oci import debian
from tasker_oci.tree import Tree


def main(archive: Path, packages: list[Path]) -> None:
    """Writes an archive of the packages' files."""
    tree = Tree()
    for package in packages:
        debian.unpack(package, tree)
    tree.links_of_usr()
    with archive.open("wb") as file:
        tree.write(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
