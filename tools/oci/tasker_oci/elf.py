"""What a program or library needs of others, as `objdump -p` of binutils tells it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF"
_FIELD = re.compile(r"^ +(NEEDED|SONAME|RPATH|RUNPATH) +(\S+)$", re.MULTILINE)
_FROM = re.compile(r"^ +required from (\S+):$")
_WANTED = re.compile(r"^ +0x\w+ 0x\w+ \d+ (\S+)$")
_DEFINED = re.compile(r"^\d+ 0x\w+ 0x\w+ (\S+) *$")


@dataclass(frozen=True)
class Elf:
    """Names of libraries, where they are looked for, and versions of symbols by library."""

    needed: list[str]
    soname: str
    search: list[str]
    wants: dict[str, set[str]]
    defines: set[str]


def elf(file: Path) -> Elf | None:
    """What the file needs and has, or None when it is no program and no library."""
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            return None
    dump = subprocess.run(
        ["objdump", "-p", file], check=True, capture_output=True, text=True, env={"LC_ALL": "C"}
    ).stdout
    return read(dump)


def read(dump: str) -> Elf:
    """The same of what objdump printed."""
    fields: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(dump):
        fields.setdefault(name, []).append(value)
    search = [each for name in ("RPATH", "RUNPATH") for each in fields.get(name, [])]
    wants: dict[str, set[str]] = {}
    defines = set()
    library = ""
    for line in dump.splitlines():
        if match := _FROM.match(line):
            library = match[1]
        elif match := _WANTED.match(line):
            wants.setdefault(library, set()).add(match[1])
        elif match := _DEFINED.match(line):
            defines.add(match[1])
    return Elf(
        needed=fields.get("NEEDED", []),
        soname=fields.get("SONAME", [""])[0],
        search=[folder for each in search for folder in each.split(":")],
        wants=wants,
        defines=defines,
    )
