"""What a Debian archive has of some packages now, asked by apt as this machine has it set up.

As a program it prints them as the lock has them, a JSON list: archive_index.py SUITE NAME...

The suite is the images', not the machine's: apt is given an index of its own, in a folder that is
thrown away.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote

# Suffixes of a suite's own name, and where apt's sources have them.
SUITES = ("", "-updates", "-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The file of settings that the caller gives apt, which the repository rule's own call sees, too.
_CONFIG = {name: os.environ[name] for name in ("APT_CONFIG",) if name in os.environ}
_LINE = re.compile(r"'(?P<address>[^']+)' \S+ (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")


class ArchiveError(Exception):
    """The archive cannot be asked, or lacks a package; the message says which and what to do."""


@dataclass(frozen=True)
class Package:
    """One package as the archive has it: `path` begins with pool/, `size` is in bytes."""

    name: str
    version: str
    path: str
    sha256: str
    size: int


def latest(suite: str, names: Sequence[str]) -> list[Package]:
    """The newest of each package in the suite, its updates and its security fixes, by name.

    Raises ArchiveError when apt is missing, has no mirror, or does not know a package.
    """
    with tempfile.TemporaryDirectory() as folder:
        apt = _Apt(Path(folder), suite)
        apt.run("apt-get", "-qq", "update")
        printed = apt.run("apt-get", "-qq", "download", "--print-uris", *names)
    found = [package(line) for line in printed.splitlines() if line.startswith("'")]
    missing = sorted(set(names) - {each.name for each in found})
    if missing:
        raise ArchiveError(f"{suite} has no package {', '.join(missing)}: correct packages.json")
    return sorted(found, key=lambda each: each.name)


def package(line: str) -> Package:
    """The package of a line that `apt-get download --print-uris` printed."""
    match = _LINE.match(line)
    if match is None:
        raise ArchiveError(f"apt-get printed a line of another form: {line!r}")
    # The address is escaped in parts; a tilde is as good by itself, a plus is not.
    path = "pool/" + match["address"].split("/pool/", 1)[1].replace("%7e", "~")
    name, version, _ = unquote(path.rsplit("/", 1)[1]).split("_")
    return Package(
        name=name,
        version=version,
        path=path,
        sha256=match["sha256"],
        size=int(match["size"]),
    )


class _Apt:
    """apt with sources and state of its own, on the mirrors that this machine's apt uses."""

    def __init__(self, folder: Path, suite: str) -> None:
        self.options: list[str] = []
        sources = folder / "sources.list"
        sources.write_text("".join(self._sources(suite)))
        for part in ("lists/partial", "archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        settings = {
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "",
            "Acquire::Retries": "3",
            "Dir::Cache": folder,
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": folder,
            "Dir::State::status": folder / "status",
        }
        for key, value in settings.items():
            self.options += ["-o", f"{key}={value}"]

    def _sources(self, suite: str) -> list[str]:
        form = "$(RELEASE) $(COMPONENT) $(SITE)"
        printed = self.run(
            "apt-get", "indextargets", "--no-release-info", "--format", form, "Created-By: Packages"
        )
        mirrors = [line.split(" ") for line in printed.splitlines() if " main " in line]
        security = [site for release, _, site in mirrors if release.endswith("-security")]
        main = [site for release, _, site in mirrors if "-" not in release]
        if not main or not security:
            raise ArchiveError(
                "apt has no mirror of Debian's archive and of its security fixes: "
                "add both to its sources (deb ... main)"
            )
        sites = {"": main[0], "-updates": main[0], "-security": security[0]}
        return [f"deb [signed-by={KEYRING}] {sites[each]} {suite}{each} main\n" for each in SUITES]

    def run(self, program: str, *arguments: str) -> str:
        try:
            result = subprocess.run(
                [program, *self.options, *arguments],
                check=False,
                capture_output=True,
                text=True,
                env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | _CONFIG,
            )
        except FileNotFoundError:
            raise ArchiveError(
                f"this machine has no {program}: run the command on Debian or Ubuntu"
            ) from None
        if result.returncode:
            command = next(each for each in arguments if not each.startswith("-"))
            raise ArchiveError(f"{program} {command} failed: {result.stderr.strip()}")
        return result.stdout


if __name__ == "__main__":
    try:
        print(json.dumps([asdict(each) for each in latest(sys.argv[1], sys.argv[2:])]))
    except ArchiveError as error:
        sys.exit(str(error))
