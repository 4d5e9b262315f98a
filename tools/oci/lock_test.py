"""The lock of Debian packages: what apt prints is read, and all that is pinned is asked for."""

import json
from pathlib import Path

import pytest

from tasker_oci.archive_index import ArchiveError, Package, package
from update_lock import changes, locked

FOLDER = Path(__file__).parent
SHA = "5d" * 32


def test_a_line_of_apt_is_a_package() -> None:
    line = (
        "'http://mirror/debian/pool/main/g/gcc-12/libstdc%2b%2b6_12.2.0-14%2bdeb12u1_amd64.deb' "
        f"libstdc++6_12.2.0-14+deb12u1_amd64.deb 613408 SHA256:{SHA}"
    )
    assert package(line) == Package(
        name="libstdc++6",
        version="12.2.0-14+deb12u1",
        path="pool/main/g/gcc-12/libstdc%2b%2b6_12.2.0-14%2bdeb12u1_amd64.deb",
        sha256=SHA,
        size=613408,
    )


def test_a_tilde_is_written_plainly() -> None:
    line = (
        "'http://mirror/pool/updates/main/o/openssl/libssl3_3.0.22-1%7edeb12u2_amd64.deb' "
        f"libssl3_3.0.22-1~deb12u2_amd64.deb 2039888 SHA256:{SHA}"
    )
    found = package(line)
    assert found.path == "pool/updates/main/o/openssl/libssl3_3.0.22-1~deb12u2_amd64.deb"
    assert found.version == "3.0.22-1~deb12u2"


def test_a_line_without_a_sum_is_refused() -> None:
    with pytest.raises(ArchiveError, match="another form"):
        package("'http://mirror/pool/main/x/x_1_amd64.deb' x_1_amd64.deb 3")


def test_changes_are_told_by_package() -> None:
    before = {"libc6": "1", "libgone": "1", "libssl3": "1"}
    now = [
        Package(name, "2" if name == "libssl3" else "1", "", "", 0)
        for name in ("libc6", "libnew", "libssl3")
    ]
    assert changes(before, now) == [
        "libnew none -> 1",
        "libssl3 1 -> 2",
        "libgone 1 -> none",
    ]
    assert changes({"libc6": "1"}, now[:1]) == ["nothing has changed"]


def test_the_lock_pins_every_package_that_images_are_made_of() -> None:
    sets = json.loads((FOLDER / "packages.json").read_text())["sets"]
    text = (FOLDER / "debian_lock.json").read_text()
    packages = [Package(**fields) for fields in json.loads(text)["packages"]]
    assert [each.name for each in packages] == sorted({n for names in sets.values() for n in names})
    assert text == locked(packages)
    for each in packages:
        assert each.path.startswith("pool/")
        assert each.path.endswith(".deb")
        assert len(each.sha256) == 64
        assert each.size > 0
