"""What the archive has now, asked by this machine's apt of an archive that is a folder.

The program is run as the repository rule of Debian packages runs it.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_oci import archive_index

# The suite of this archive's images, and another that the machine itself has.
SUITE, MACHINES = "bookworm", "trixie"
SHA = "5d" * 32
PACKAGE = f"""\
Package: {{name}}
Version: {{version}}
Architecture: amd64
Filename: {{path}}
Size: 3
SHA256: {SHA}
Description: sells

"""
RELEASE = """\
Suite: {suite}
Architectures: amd64
Components: main
Date: Tue, 01 Dec 2026 00:00:00 UTC
SHA256:
 {sha256} {size} main/binary-amd64/Packages
"""
OLD = PACKAGE.format(
    name="libshop1", version="2:1.2-3+deb12u1", path="pool/main/s/shop/libshop1_1.2-3_amd64.deb"
)
FIXED = PACKAGE.format(
    name="libshop1",
    version="2:1.2-3+deb12u2",
    path="pool/updates/main/s/shop/libshop1_1.2-3+deb12u2_amd64.deb",
)


@pytest.fixture
def archive() -> Iterator[Path]:
    """An archive whose security fixes have a newer libshop1, and apt.conf of a machine with it."""
    # apt names files after the whole path of an archive: there are 255 characters for it.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        archive = folder / "archive"
        for suite, text in {"": OLD, "-updates": "", "-security": FIXED}.items():
            _publish(archive, SUITE + suite, text)
        _machine(folder, f"{archive} {MACHINES} main", f"{archive} {SUITE}-security main")
        yield folder


def _publish(archive: Path, suite: str, packages: str) -> None:
    index = archive / "dists" / suite / "main/binary-amd64/Packages"
    index.parent.mkdir(parents=True)
    index.write_text(packages)
    sha256 = hashlib.sha256(packages.encode()).hexdigest()
    (archive / "dists" / suite / "Release").write_text(
        RELEASE.format(suite=suite, sha256=sha256, size=len(packages))
    )


def _machine(folder: Path, *sources: str) -> None:
    (folder / "sources.list").write_text("".join(f"deb file:{source}\n" for source in sources))
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "/dev/null";\n'
        # Nobody has signed it.
        'Acquire::AllowInsecureRepositories "true";\n'
    )


def asked(machine: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code of the program, and what it prints to both outputs."""
    result = subprocess.run(
        [sys.executable, archive_index.__file__, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "APT_CONFIG": str(machine / "apt.conf")},
    )
    return result.returncode, result.stdout, result.stderr


def test_the_newest_of_the_images_suite_is_told(archive: Path) -> None:
    code, printed, told = asked(archive, SUITE, "libshop1")
    assert (code, told) == (0, "")
    assert json.loads(printed) == [
        {
            "name": "libshop1",
            "version": "1.2-3+deb12u2",
            "path": "pool/updates/main/s/shop/libshop1_1.2-3%2bdeb12u2_amd64.deb",
            "sha256": SHA,
            "size": 3,
        }
    ]


def test_a_package_that_is_gone_is_told(archive: Path) -> None:
    code, printed, told = asked(archive, SUITE, "libgone1")
    assert (code, printed) == (1, "")
    assert told == "apt-get download failed: E: Unable to locate package libgone1\n"


def test_a_machine_without_a_mirror_is_told_what_to_add(archive: Path) -> None:
    _machine(archive, f"{archive}/archive {MACHINES} main")
    code, printed, told = asked(archive, SUITE, "libshop1")
    assert (code, printed) == (1, "")
    assert told == (
        "apt has no mirror of Debian's archive and of its security fixes: "
        "add both to its sources (deb ... main)\n"
    )


def test_a_suite_that_is_not_there_is_told(archive: Path) -> None:
    code, printed, told = asked(archive, "bullseye", "libshop1")
    assert (code, printed) == (1, "")
    assert told.startswith("apt-get update failed: ")
    assert f"file:{archive}/archive bullseye Release' does not have a Release file" in told
