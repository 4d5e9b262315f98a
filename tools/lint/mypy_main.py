"""Runs mypy on the files that are named, in a process that can import what they import."""

import os
import sys
from pathlib import Path

from mypy.main import main


def import_roots(files: list[str]) -> list[str]:
    """The folders on sys.path from which the files are imported: for each the nearest above it."""
    folders = [Path(entry).resolve() for entry in sys.path if Path(entry).is_dir()]
    roots = set()
    for file in files:
        path = Path(file).absolute()
        above = [folder for folder in folders if path.is_relative_to(folder)]
        roots.add(str(max(above, key=lambda folder: len(folder.parts), default=Path.cwd())))
    return sorted(roots)


if __name__ == "__main__":
    # What else is on sys.path is a library to mypy: believed, if typed, and not checked again.
    os.environ["MYPYPATH"] = os.pathsep.join(import_roots(sys.argv[1:]))
    main(
        args=[
            "--config-file=pyproject.toml",
            f"--cache-dir={os.environ['TEST_TMPDIR']}",
            "--explicit-package-bases",
            *sys.argv[1:],
        ],
        clean_exit=True,
    )
