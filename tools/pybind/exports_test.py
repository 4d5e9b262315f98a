"""An extension module exports its initialiser alone, so that it clashes with no other."""

import os
import subprocess


def test_the_initialiser_is_the_one_exported_symbol() -> None:
    listing = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", os.environ["EXTENSION"]],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert [line.split()[0] for line in listing.splitlines()] == [os.environ["INITIALISER"]]
