"""Runs pytest on the files that are named, inside `bazel test`: its report is the test's report."""

import os
import sys
from pathlib import Path

import pytest


def main(files: list[str]) -> int:
    arguments = ["-p", "no:cacheprovider", "--config-file=pyproject.toml", "--rootdir=."]
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
