"""A Debian package's files, read from its `.deb` file without dpkg: none of its scripts runs."""

import io
import re
import tarfile
from pathlib import Path

from tasker_oci.tree import Entry, LayerError, Tree, place

_MAGIC = b"!<arch>\n"
_HEADER = 60
# Not needed by a program that runs: in Debian's places, after `place`.
DROPPED = (
    "usr/lib/python3.11/idlelib",
    "usr/lib/python3.11/lib2to3",
    *(
        # Modules whose libraries are in no image: for terminals, NIS and Berkeley's databases.
        f"usr/lib/python3.11/lib-dynload/{name}.cpython-311-x86_64-linux-gnu.so"
        for name in ("_curses", "_curses_panel", "_dbm", "nis", "readline")
    ),
    "usr/lib/python3.11/pydoc_data",
    "usr/lib/x86_64-linux-gnu/audit",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/sbin",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo/posix",
    "usr/share/zoneinfo/right",
    "var/lock",
)
# Licences stay, and so does the word that one package's is another's.
_LICENCE = re.compile(r"usr/share/doc/[^/]+/copyright")
_SAME_LICENCE = re.compile(r"usr/share/doc/[^/]+")
STATUS = "var/lib/dpkg/status.d"


def members(package: bytes) -> dict[str, bytes]:
    """The parts of a `.deb` file, which is an `ar` archive, by their names."""
    if not package.startswith(_MAGIC):
        raise LayerError("not a Debian package: it does not begin as an ar archive")
    found, at = {}, len(_MAGIC)
    while at + _HEADER <= len(package):
        header = package[at : at + _HEADER]
        size = int(header[48:58])
        at += _HEADER
        found[header[:16].decode().strip().rstrip("/")] = package[at : at + size]
        at += size + size % 2
    return found


def control(package: bytes) -> str:
    """The package's control file."""
    with _opened(package, "control.tar") as archive:
        file = archive.extractfile("./control")
        assert file is not None
        return file.read().decode()


def fields(text: str) -> dict[str, str]:
    """The fields of a control file, the first line of each."""
    return dict(
        line.split(": ", 1)
        for line in text.splitlines()
        if not line.startswith(" ") and ": " in line
    )


def unpack(file: Path, tree: Tree) -> dict[str, str]:
    """Puts a package's files into the tree, and its control file where scanners look for it.

    The value is the control file's fields, such as Package and Version.
    """
    package = file.read_bytes()
    found = Tree()
    with _opened(package, "data.tar") as archive:
        for member in archive:
            found.add(member.name, _entry(archive, member))
    found.entries = {path: entry for path, entry in found.entries.items() if is_kept(path, entry)}
    for path, entry in found.entries.items():
        tree.add(path, entry)
    text = control(package)
    known = fields(text)
    tree.file(f"{STATUS}/{known['Package']}", text.encode())
    return known


def is_kept(path: str, entry: Entry) -> bool:
    """Whether a file of a package goes into images."""
    if _LICENCE.fullmatch(path):
        return True
    if _SAME_LICENCE.fullmatch(path):
        return entry.kind == tarfile.SYMTYPE
    return not any(path == each or path.startswith(f"{each}/") for each in DROPPED)


def _opened(package: bytes, name: str) -> tarfile.TarFile:
    parts = members(package)
    for suffix in (".xz", ".gz"):
        if name + suffix in parts:
            return tarfile.open(fileobj=io.BytesIO(parts[name + suffix]))
    raise LayerError(f"the package has no {name}.xz or {name}.gz, but {', '.join(sorted(parts))}")


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    if member.isreg():
        file = archive.extractfile(member)
        assert file is not None
        return Entry(tarfile.REGTYPE, member.mode, member.uid, file.read())
    target = place(member.linkname) if member.islnk() else member.linkname
    return Entry(member.type, member.mode, member.uid, target=target)
