"""A layer's archive depends on its files alone, and holds them where a merged /usr has them."""

import io
import tarfile
from pathlib import Path

import pytest

from tasker_oci.tree import LayerError, Tree


def archived(tree: Tree) -> bytes:
    archive = io.BytesIO()
    tree.write(archive)
    return archive.getvalue()


def listed(tree: Tree) -> list[tuple[str, bytes, int, int, str]]:
    with tarfile.open(fileobj=io.BytesIO(archived(tree))) as tar:
        return [(m.name, m.type, m.mode, m.uid, m.linkname) for m in tar]


def test_files_are_sorted_below_their_folders() -> None:
    tree = Tree()
    tree.file("opt/b", b"2", mode=0o755)
    tree.file("opt/a", b"1", owner=65532)
    tree.link("opt/c", "a")
    tree.folder("srv", mode=0o700, owner=65532)
    assert listed(tree) == [
        ("opt", tarfile.DIRTYPE, 0o755, 0, ""),
        ("opt/a", tarfile.REGTYPE, 0o644, 65532, ""),
        ("opt/b", tarfile.REGTYPE, 0o755, 0, ""),
        ("opt/c", tarfile.SYMTYPE, 0o777, 0, "a"),
        ("srv", tarfile.DIRTYPE, 0o700, 65532, ""),
    ]


def test_the_order_and_the_time_of_making_change_no_byte(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"text")
    one, other = Tree(), Tree()
    one.file("a", file)
    one.file("b", b"2")
    other.file("b", b"2")
    other.file("a", b"text")
    assert archived(one) == archived(other)


def test_what_belongs_to_usr_lies_there() -> None:
    tree = Tree()
    tree.file("./lib/x86_64-linux-gnu/libc.so.6", b"")
    tree.file("/bin/env", b"")
    tree.file("library/x", b"")
    assert sorted(tree.entries) == [
        "library/x",
        "usr/bin/env",
        "usr/lib/x86_64-linux-gnu/libc.so.6",
    ]


def test_the_first_layer_links_the_old_places_to_usr() -> None:
    tree = Tree()
    tree.links_of_usr()
    assert [(name, target) for name, *_, target in listed(tree)] == [
        ("bin", "usr/bin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
        ("sbin", "usr/sbin"),
    ]


def test_a_file_is_not_lost_behind_another_of_its_place() -> None:
    tree = Tree()
    tree.file("app/handlers/a.py", b"one")
    tree.file("app/handlers/a.py", b"one")
    with pytest.raises(LayerError, match=r"two different files are to be /app/handlers/a\.py"):
        tree.file("app/handlers/a.py", b"another")


def test_a_folder_is_dropped_with_all_that_is_in_it() -> None:
    tree = Tree()
    for path in ("usr/share/doc/a/README", "usr/share/docs"):
        tree.file(path, b"")
    tree.drop("usr/share/doc")
    assert sorted(tree.entries) == ["usr/share/docs"]
