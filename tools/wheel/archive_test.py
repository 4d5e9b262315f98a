"""A wheel's archive: the same bytes for the same contents, modes kept, every file recorded."""

import hashlib
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from tools.wheel import archive
from tools.wheel.archive import Member

MEMBERS = {
    "shop/orders.py": Member(b"ORDERS = 1\n"),
    "shop-1.dist-info/METADATA": Member(b"Name: shop\n"),
    "shop-1.data/scripts/shop-engine": Member(b"\x7fELF", executable=True),
}


def test_the_bytes_depend_on_the_contents_alone(tmp_path: Path) -> None:
    first, second = tmp_path / "first.whl", tmp_path / "second.whl"
    archive.write(first, MEMBERS, "shop-1.dist-info")
    archive.write(second, dict(reversed(MEMBERS.items())), "shop-1.dist-info")
    assert first.read_bytes() == second.read_bytes()


def test_files_have_an_order_modes_and_one_time(tmp_path: Path) -> None:
    wheel = tmp_path / "shop.whl"
    archive.write(wheel, MEMBERS, "shop-1.dist-info")
    with zipfile.ZipFile(wheel) as opened:
        entries = opened.infolist()
        assert opened.read("shop/orders.py") == b"ORDERS = 1\n"
    assert [(entry.filename, oct(entry.external_attr >> 16)) for entry in entries] == [
        ("shop-1.data/scripts/shop-engine", "0o100755"),
        ("shop/orders.py", "0o100644"),
        ("shop-1.dist-info/METADATA", "0o100644"),
        ("shop-1.dist-info/RECORD", "0o100644"),
    ]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


def test_the_record_has_a_hash_and_size_of_every_file_but_itself() -> None:
    digest = urlsafe_b64encode(hashlib.sha256(b"ORDERS = 1\n").digest()).decode().rstrip("=")
    lines = archive.record(MEMBERS, "shop-1.dist-info/RECORD").splitlines()
    assert len(lines) == 4
    assert lines[2] == f"shop/orders.py,sha256={digest},11"
    assert lines[3] == "shop-1.dist-info/RECORD,,"


def test_a_name_that_would_break_the_record_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be written into a RECORD"):
        archive.record({"a,b": Member(b"")}, "RECORD")
