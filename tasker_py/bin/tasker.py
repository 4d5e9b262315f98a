"""The command line as a program: `python -m tasker_core.cli`."""

import os
from pathlib import Path

from tasker_core.cli.app import app

PRODUCTS = Path("fixtures/data/products.csv")

if __name__ == "__main__":
    if PRODUCTS.exists():
        # Bazel's files are links: the folder that the worker serves is the one they lead to.
        os.environ.setdefault("TASKER_FIXTURE_PATH", str(PRODUCTS.resolve().parent))
    app()
