"""Python's files in an image: installed wheels, and byte code by the image's own interpreter."""

import re
import subprocess
import tarfile
import tempfile
from email.parser import HeaderParser
from pathlib import Path

from tasker_oci.tree import LayerError, Tree, content

# The version of the interpreter that packages.json names.
VERSION = "3.11"
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA$")
_EXTENSION = re.compile(r"\.cpython-(\d)(\d+)-[^/]+\.so$")
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
# What is loaded is checked neither against a time nor against its source: an image does not change.
_COMPILE = ("-s", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


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


def compile_all(tree: Tree, interpreter: Path) -> None:
    """Adds the byte code of every Python file, made by the interpreter that the archive holds."""
    sources = {
        path: entry
        for path, entry in tree.entries.items()
        if path.endswith(".py") and entry.kind == tarfile.REGTYPE
    }
    if not sources:
        return
    with tempfile.TemporaryDirectory() as folder:
        system, files = Path(folder, "system"), Path(folder, "files")
        with tarfile.open(interpreter) as archive:
            archive.extractall(system, filter="tar")
        for path, entry in sources.items():
            (files / path).parent.mkdir(parents=True, exist_ok=True)
            (files / path).write_bytes(content(entry))
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
            # Its own library, wherever it lies; sets of names in the same order each time.
            env={"PYTHONHOME": str(system / "usr"), "PYTHONHASHSEED": "0"},
        )
        for compiled in sorted(files.rglob("*.pyc")):
            tree.file(str(compiled.relative_to(files)), compiled.read_bytes())
