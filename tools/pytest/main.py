"""Runs pytest on the files that are named, inside `bazel test`: its report is the test's report."""

import os
import sys
from pathlib import Path

import pytest

CONFIG = "pyproject.toml"


def main(files: list[str]) -> int:
    arguments = ["-p", "no:cacheprovider", "--rootdir=.", "--import-mode=importlib"]
    # Another repository has it, with settings of its own, when it is among the test's data.
    if Path(CONFIG).exists():
        arguments.append(f"--config-file={CONFIG}")
    if report := os.environ.get("XML_OUTPUT_FILE"):
        arguments.append(f"--junitxml={report}")
    if chosen := os.environ.get("TESTBRIDGE_TEST_ONLY"):
        arguments.append(f"-k={chosen}")
    if folder := os.environ.get("TEST_TMPDIR"):
        arguments.append(f"--basetemp={Path(folder) / 'pytest'}")
    # A run that found no test ends with pytest's own error code for that.
    return int(pytest.main([*arguments, *files]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
