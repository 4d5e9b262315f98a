"""Python's files in an image: installed wheels, and byte code by the image's own interpreter."""

import re
import subprocess
import tarfile
import tempfile
from email.parser import HeaderParser
from pathlib import Path

from tools.oci import debian
from tools.oci.tree import LayerError, Tree, content

# The version of the interpreter that packages.json names.
VERSION = "3.11"
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA$")
_EXTENSION = re.compile(r"\.cpython-(\d)(\d+)-[^/]+\.so$")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
# What is loaded is checked neither against a time nor against its source: an image does not change.
_COMPILE = ("-I", "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash")


def distributions(tree: Tree) -> list[dict[str, str]]:
    """Name and version of each installed wheel, by its metadata."""
    found = []
    for path in sorted(tree.entries):
        if _METADATA.search(path):
            fields = HeaderParser().parsestr(content(tree.entries[path]).decode())
            found.append({"type": "pypi", "name": fields["Name"], "version": fields["Version"]})
    return found


def check_extensions(tree: Tree) -> None:
    """Raises LayerError when an extension module is for another Python than the image's."""
    for path in sorted(tree.entries):
        match = _EXTENSION.search(path)
        if match and f"{match[1]}.{match[2]}" != VERSION:
            raise LayerError(
                f"/{path} is for Python {match[1]}.{match[2]}, and the image has Python {VERSION}: "
                f"build with a python3 of {VERSION} first on PATH"
            )


def compile_all(tree: Tree, packages: list[Path]) -> None:
    """Adds the byte code of every Python file, made by the interpreter that is in `packages`."""
    sources = Tree()
    sources.entries = {path: entry for path, entry in tree.entries.items() if path.endswith(".py")}
    if not sources.entries:
        return
    interpreter = Tree()
    for package in packages:
        debian.unpack(package, interpreter)
    with tempfile.TemporaryDirectory() as folder:
        system, files = Path(folder, "system"), Path(folder, "files")
        _lay_out(interpreter, system)
        _lay_out(sources, files)
        # On its own loader and libraries: this machine's may be older.
        subprocess.run(
            [
                *(
                    system / _LIBRARIES / "ld-linux-x86-64.so.2",
                    "--library-path",
                    system / _LIBRARIES,
                ),
                *(system / f"usr/bin/python{VERSION}", *_COMPILE, "-s", files, "-p", "/", files),
            ],
            check=True,
            env={"PYTHONHOME": str(system / "usr")},
        )
        for path in sorted(files.rglob("*.pyc")):
            tree.file(str(path.relative_to(files)), path.read_bytes())


def _lay_out(tree: Tree, folder: Path) -> None:
    """Writes a tree's files and relative links below a folder."""
    for path, entry in tree.entries.items():
        where = folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == tarfile.REGTYPE:
            where.write_bytes(content(entry))
            where.chmod(entry.mode)
        elif entry.kind == tarfile.SYMTYPE and not entry.target.startswith("/"):
            where.symlink_to(entry.target)
