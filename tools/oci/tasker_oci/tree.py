"""The files of a layer, and the archive that they become, whose bytes depend on them alone."""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, normpath
from typing import IO

# The folders that Debian has merged into /usr; the first layer has links in their places.
MERGED = ("bin", "lib", "lib64", "sbin")


class LayerError(Exception):
    """The layer cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """One file, folder or link.

    `content` is a file's bytes or where they are; `target` is what a symbolic link says, or the
    place of a hard link's other name.
    """

    kind: bytes
    mode: int
    owner: int = 0
    content: bytes | Path = b""
    target: str = ""


def place(path: str) -> str:
    """Where a file of this path lies in an image with a merged /usr: no leading slash or dot."""
    plain = normpath(path).lstrip("/")
    first = plain.split("/", 1)[0]
    return f"usr/{plain}" if first in MERGED else plain


class Tree:
    """Files by their places; nothing is put in the place of another that is different."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def add(self, path: str, entry: Entry) -> None:
        """Puts an entry in its place. Raises LayerError when another file is there."""
        where = place(path)
        if where in ("", "."):
            return
        there = self.entries.get(where)
        if there is not None and there.kind != tarfile.DIRTYPE and content(there) != content(entry):
            raise LayerError(f"two different files are to be /{where}: rename one, or leave it out")
        self.entries[where] = entry

    def file(self, path: str, content: bytes | Path, *, mode: int = 0o644, owner: int = 0) -> None:
        """Adds a regular file."""
        self.add(path, Entry(tarfile.REGTYPE, mode, owner, content))

    def folder(self, path: str, *, mode: int = 0o755, owner: int = 0) -> None:
        """Adds a folder."""
        self.add(path, Entry(tarfile.DIRTYPE, mode, owner))

    def link(self, path: str, target: str) -> None:
        """Adds a symbolic link."""
        self.add(path, Entry(tarfile.SYMTYPE, 0o777, target=target))

    def links_of_usr(self) -> None:
        """Adds the links /bin, /lib, /lib64 and /sbin, which only the first layer has."""
        for name in MERGED:
            self.entries[name] = Entry(tarfile.SYMTYPE, 0o777, target=f"usr/{name}")

    def drop(self, folder: str) -> None:
        """Leaves out a folder with all that is in it."""
        self.entries = {
            path: entry
            for path, entry in self.entries.items()
            if path != folder and not path.startswith(f"{folder}/")
        }

    def write(self, archive: IO[bytes]) -> None:
        """Writes a tar archive: sorted, without times and names, parents before their children."""
        for path in list(self.entries):
            while path := dirname(path):
                self.entries.setdefault(path, Entry(tarfile.DIRTYPE, 0o755))
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(self.entries):
                _write(tar, path, self.entries[path])


def _write(tar: tarfile.TarFile, path: str, entry: Entry) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.target
    info.uid = info.gid = entry.owner
    if entry.kind != tarfile.REGTYPE:
        tar.addfile(info)
        return
    data = content(entry)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def content(entry: Entry) -> bytes:
    """The bytes of a file; of a link, what it says."""
    if isinstance(entry.content, Path):
        return entry.content.read_bytes()
    return entry.content or entry.target.encode()
