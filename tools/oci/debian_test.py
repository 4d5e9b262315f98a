"""Debian packages are read without dpkg: files, links, the control file."""

import io
import tarfile
from pathlib import Path

import pytest

from tasker_oci import debian
from tasker_oci.tree import LayerError, Tree

CONTROL = """\
Package: libshop1
Version: 2:1.2-3+deb12u1
Description: sells
 things
"""


def tarball(files: dict[str, bytes | str]) -> bytes:
    """A compressed archive: bytes are a file's, text is what a symbolic link says."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:xz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def ar(parts: dict[str, bytes]) -> bytes:
    package = b"!<arch>\n"
    for name, data in parts.items():
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        package += data + b"\n" * (len(data) % 2)
    return package


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "libshop1.deb"
    data = tarball(
        {
            "./lib/x86_64-linux-gnu/libshop.so.1.2": b"odd",
            "./lib/x86_64-linux-gnu/libshop.so.1": "libshop.so.1.2",
            "./usr/share/doc/libshop1/copyright": b"free",
            "./usr/share/doc/libshop1/changelog.gz": b"long",
            "./usr/share/doc/libshop-data": "libshop1",
            "./usr/share/man/man7/shop.7": b"how",
        }
    )
    control = tarball({"./control": CONTROL.encode(), "./postinst": b"#!/bin/sh"})
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": control, "data.tar.xz": data}
    file.write_bytes(ar(parts))
    return file


def test_what_programs_need_is_unpacked(package: Path) -> None:
    tree = Tree()
    debian.unpack(package, tree)
    assert {path: entry.content or entry.target for path, entry in tree.entries.items()} == {
        "usr/lib/x86_64-linux-gnu/libshop.so.1.2": b"odd",
        "usr/lib/x86_64-linux-gnu/libshop.so.1": "libshop.so.1.2",
        "usr/share/doc/libshop1/copyright": b"free",
        "usr/share/doc/libshop-data": "libshop1",
        "var/lib/dpkg/status.d/libshop1": CONTROL.encode(),
    }


def test_the_control_file_says_what_it_is(package: Path) -> None:
    fields = debian.unpack(package, Tree())
    assert (fields["Package"], fields["Version"]) == ("libshop1", "2:1.2-3+deb12u1")


def test_another_file_is_no_package(tmp_path: Path) -> None:
    file = tmp_path / "page.deb"
    file.write_bytes(b"<html>gone</html>")
    with pytest.raises(LayerError, match="not a Debian package"):
        debian.unpack(file, Tree())


def test_another_compression_is_told(tmp_path: Path) -> None:
    file = tmp_path / "new.deb"
    file.write_bytes(ar({"debian-binary": b"2.0\n", "data.tar.zst": b"", "control.tar.zst": b""}))
    with pytest.raises(LayerError, match=r"no data.tar.xz or data.tar.gz, but .*data.tar.zst"):
        debian.unpack(file, Tree())
