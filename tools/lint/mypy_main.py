"""Runs mypy on the files that are named, in a process that can import what they import."""

import os
import sys

from mypy.main import main

if __name__ == "__main__":
    main(
        args=[
            "--config-file=pyproject.toml",
            f"--cache-dir={os.environ['TEST_TMPDIR']}",
            "--explicit-package-bases",
            *sys.argv[1:],
        ],
        clean_exit=True,
    )
