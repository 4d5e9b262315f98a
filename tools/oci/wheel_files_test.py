"""A wheel's files go into an image only as the wheel shipped them."""

import base64
import hashlib
from pathlib import Path

import pytest

from tasker_oci import wheel_files
from tasker_oci.tree import LayerError

SHOP = b"PRICE = 3\n"
# A name with a comma is quoted in RECORD.
LIST = b"one, two\n"
RECORD = """\
shop/__init__.py,sha256={shop},10
"shop/a,b.txt",sha512={list},9
shop/__pycache__/__init__.cpython-311.pyc,,
shop-1.2.dist-info/RECORD,,
"""
TOLD = """\
files of wheels are not as the wheels have them:
  shop/__init__.py of shop-1.2 is sha256={is}..., and its RECORD has sha256={was}...
  shop/a,b.txt of shop-1.2 is sha512={list_is}..., and its RECORD has sha512={list_was}...
A program on this machine has changed them since they were unpacked. Remedy: stop it, and unpack \
them anew with bazel sync --only=tasker_pip_shop"""


def encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A wheel as Bazel has it unpacked: tasker_pip_shop/site-packages."""
    folder = tmp_path / "external/tasker_pip_shop/site-packages"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop-1.2.dist-info").mkdir()
    (folder / "__init__.py").write_bytes(b"added")
    (folder / "shop/__init__.py").write_bytes(SHOP)
    (folder / "shop/a,b.txt").write_bytes(LIST)
    record = RECORD.format(
        shop=encoded(hashlib.sha256(SHOP).digest()), list=encoded(hashlib.sha512(LIST).digest())
    )
    (folder / "shop-1.2.dist-info/RECORD").write_text(record)
    return folder


def files(site: Path) -> list[Path]:
    return [site / "__init__.py", site / "shop/__init__.py", site / "shop/a,b.txt"]


def test_files_as_they_were_shipped_pass(site: Path) -> None:
    wheel_files.check(files(site))


def test_all_changed_files_are_told_with_wheel_hashes_and_remedy(site: Path) -> None:
    (site / "shop/__init__.py").write_bytes(b"PRICE = 4\n")
    (site / "shop/a,b.txt").write_bytes(b"")
    hashes = {
        "is": encoded(hashlib.sha256(b"PRICE = 4\n").digest())[:12],
        "was": encoded(hashlib.sha256(SHOP).digest())[:12],
        "list_is": encoded(hashlib.sha512(b"").digest())[:12],
        "list_was": encoded(hashlib.sha512(LIST).digest())[:12],
    }
    with pytest.raises(LayerError) as raised:
        wheel_files.check(files(site))
    assert str(raised.value) == TOLD.format(**hashes)


def test_a_file_is_found_through_the_links_of_a_sandbox(site: Path, tmp_path: Path) -> None:
    (site / "shop/__init__.py").write_bytes(b"changed")
    link = tmp_path / "sandbox/external/tasker_pip_shop/site-packages/shop/__init__.py"
    link.parent.mkdir(parents=True)
    link.symlink_to(site / "shop/__init__.py")
    with pytest.raises(LayerError, match=r"shop/__init__\.py of shop-1\.2 is sha256="):
        wheel_files.check([link])


def test_a_folder_without_a_record_is_refused(site: Path) -> None:
    (site / "shop-1.2.dist-info/RECORD").unlink()
    with pytest.raises(LayerError, match=r"site-packages has no wheel's RECORD"):
        wheel_files.check(files(site))


def test_a_file_of_no_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match=r"shop\.py lies in no folder site-packages"):
        wheel_files.check([tmp_path / "shop.py"])
