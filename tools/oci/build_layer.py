"""Builds one layer of an image: build_layer SPECIFICATION COMPRESSOR BLOB DESCRIPTION.

The specification is the JSON text that the rules of private/layer.bzl write; the description is
what build_image needs to know of the compressed layer, and what its list of software says.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tasker_oci import base, debian, python_files, wheel_files
from tasker_oci.tree import LayerError, Tree


def main(specification: Path, compressor: Path, blob: Path, description: Path) -> None:
    """Writes the compressed layer and its description."""
    asked: dict[str, Any] = json.loads(specification.read_text())
    tree = Tree()
    software = [_debian(debian.unpack(Path(file), tree)) for file in asked["packages"]]
    if asked["first"]:
        base.complete(tree)
    for path, file in asked["files"].items():
        source = Path(file)
        tree.file(path, _stripped(asked["strip"], source), mode=_mode(source), owner=asked["owner"])
    wheel_files.check(Path(file) for file in asked["wheels"].values())
    for path, file in asked["wheels"].items():
        tree.file(path, Path(file), mode=_mode(Path(file)))
    for path, archive in asked["archives"].items():
        _unpack(Path(archive), path, asked["owner"], tree)
    for path, target in asked["links"].items():
        tree.link(path, target)
    for path in asked["folders"]:
        tree.folder(path, owner=asked["owner"])
    python_files.check_extensions(tree)
    if asked["interpreter"]:
        python_files.compile_all(tree, Path(asked["interpreter"]))
    software += python_files.distributions(tree)
    described = compress(tree, compressor, blob)
    description.write_text(
        json.dumps({**described, "software": software + asked["software"]}, indent=2)
    )


def compress(tree: Tree, compressor: Path, blob: Path) -> dict[str, Any]:
    """Writes the layer; its digest, size in bytes and diff_id, the digest of what is compressed."""
    with tempfile.NamedTemporaryFile() as plain:
        tree.write(plain)
        plain.flush()
        plain.seek(0)
        diff_id = hashlib.file_digest(plain, "sha256").hexdigest()
        subprocess.run([compressor, plain.name, blob], check=True)
    with blob.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "diff_id": f"sha256:{diff_id}",
        "digest": f"sha256:{digest}",
        "size": blob.stat().st_size,
    }


def _debian(fields: dict[str, str]) -> dict[str, str]:
    return {"type": "deb", "name": fields["Package"], "version": fields["Version"]}


def _mode(file: Path) -> int:
    return 0o755 if file.stat().st_mode & 0o100 else 0o644


def _stripped(strip: str, program: Path) -> bytes | Path:
    """The file, without what only debuggers and linkers use when it is a program or a library."""
    with program.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return program
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "stripped"
        subprocess.run([strip, "--strip-unneeded", "-o", target, program], check=True)
        return target.read_bytes()


def _unpack(archive: Path, path: str, owner: int, tree: Tree) -> None:
    """Puts an archive's files below the path, all of one owner, with their own modes."""
    with tarfile.open(archive) as tar:
        for member in tar:
            where = f"{path}/{member.name}"
            if member.isdir():
                tree.folder(where, mode=member.mode, owner=owner)
            elif member.isreg():
                file = tar.extractfile(member)
                assert file is not None
                tree.file(where, file.read(), mode=member.mode, owner=owner)
            else:
                raise LayerError(f"{archive} has {member.name}, which is neither file nor folder")


if __name__ == "__main__":
    try:
        main(*(Path(argument) for argument in sys.argv[1:]))
    except LayerError as error:
        sys.exit(f"build_layer: {error}")
