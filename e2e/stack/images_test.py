"""Images are loaded once for each content, and former ones go when nobody can need them."""

import json
import tarfile
from pathlib import Path

import pytest

from fake_docker import FakeDocker
from tasker_stack import images
from tasker_stack.docker import Docker

NOW = "00000000000000aa"
FORMER = "00000000000000ff"


@pytest.fixture
def fake(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path)


def archive_in(folder: Path) -> Path:
    """An archive of as much as is read."""
    contents = {
        "manifest.json": [{"RepoTags": [f"tasker/engine:{NOW}", "tasker/engine:test"]}],
        "index.json": {"manifests": [{"digest": "sha256:m"}]},
        "blobs/sha256/m": {"config": {"digest": "sha256:c"}},
        "blobs/sha256/c": {},
    }
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for name, content in contents.items():
            file = folder / "part"
            file.write_text(json.dumps(content))
            tar.add(file, name)
    return archive


def load(fake: FakeDocker, archive: Path, *, is_alone: bool) -> dict[str, str]:
    docker = Docker([fake.program], fake.program)
    return images.load(docker, {"engine": archive}, lambda: is_alone)


def test_an_image_that_is_there_is_not_loaded_again(fake: FakeDocker, tmp_path: Path) -> None:
    fake.answer("image ls", "c0ffee\n")
    assert load(fake, archive_in(tmp_path), is_alone=True) == {"engine": NOW}
    assert fake.calls() == [f"image ls --quiet tasker/engine:{NOW}"]


def test_a_new_image_takes_the_place_of_those_that_only_their_content_names(
    fake: FakeDocker, tmp_path: Path
) -> None:
    archive = archive_in(tmp_path)
    listed = [f"1 {NOW}", "1 test", f"2 {FORMER}", "3 0123456789abcdef", "3 1.0.0"]
    fake.answer("image ls --no-trunc", "\n".join(listed))
    assert load(fake, archive, is_alone=True) == {"engine": NOW}
    assert fake.calls() == [
        f"image ls --quiet tasker/engine:{NOW}",
        f"load --input {archive}",
        "image ls --no-trunc --format {{.ID}} {{.Tag}} tasker/engine",
        f"image rm tasker/engine:{FORMER}",
    ]


def test_no_image_goes_while_another_stack_may_need_it(fake: FakeDocker, tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    load(fake, archive, is_alone=False)
    assert fake.calls()[1:] == [f"load --input {archive}"]
