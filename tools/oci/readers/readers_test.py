"""Debian's podman, skopeo and umoci read an image's archive, each in a system of its own.

Docker's reading is seen by the end-to-end tests that run on it. READERS is an archive of the
programs with their libraries, IMAGE an image's archive.
"""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tasker_oci.archive import Archive
from tasker_oci.inside import inside

MOUNTS = {"/proc": "proc", "/dev/null": "dev/null"}
PODMAN = (
    *("podman", "--root", "/tmp/images", "--runroot", "/tmp/run", "--events-backend", "none"),
    # Without a second user there is nobody whom the image's other owners could be.
    *("--storage-driver", "vfs", "--storage-opt", "vfs.ignore_chown_errors=true"),
    *("--cgroup-manager", "cgroupfs"),
)


@pytest.fixture(scope="module")
def archive() -> Archive:
    return Archive(Path(os.environ["IMAGE"]))


@pytest.fixture(scope="module")
def system(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is a whole system: the readers, a place for temporary files, the image."""
    root = tmp_path_factory.mktemp("system")
    with tarfile.open(os.environ["READERS"]) as tar:
        tar.extractall(root, filter="tar")
    for folder in ("dev/shm", "proc", "run", "tmp", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for file in ("dev/null", "etc/resolv.conf"):
        (root / file).touch()
    (root / "image.tar").write_bytes(archive.path.read_bytes())
    return root


def run(root: Path, *command: str) -> str:
    """What the program prints, as root of a system whose files are those of a folder."""
    result = subprocess.run(
        ["/usr/bin/" + command[0], *command[1:]],
        check=False,
        capture_output=True,
        text=True,
        env={"HOME": "/tmp", "PATH": "/usr/bin:/usr/sbin"},
        preexec_fn=inside(root, 0, MOUNTS),
    )
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr}"
    return result.stdout


def test_podman_loads_it_under_all_its_names(system: Path, archive: Archive) -> None:
    loaded = run(system, *PODMAN, "load", "--input", "/image.tar")
    assert loaded.splitlines() == [f"Loaded image: localhost/{name}" for name in archive.names]
    (shown,) = json.loads(run(system, *PODMAN, "image", "inspect", archive.names[0]))
    assert f"sha256:{shown['Id']}" == archive.config_digest
    assert shown["User"] == "65532:65532"


def test_skopeo_reads_both_of_its_forms(system: Path, archive: Archive) -> None:
    for tag in ("test", archive.names[0].rsplit(":", 1)[1]):
        shown = json.loads(run(system, "skopeo", "inspect", f"oci-archive:/image.tar:{tag}"))
        assert shown["Digest"] == archive.digest
    source = f"docker-archive:/image.tar:{archive.names[0]}"
    config = json.loads(run(system, "skopeo", "inspect", "--config", source))
    assert config == archive.config


def test_skopeo_copies_it_unchanged(system: Path, archive: Archive) -> None:
    source = "oci-archive:/image.tar:test"
    run(system, "skopeo", "--insecure-policy", "copy", source, "oci:/tmp/copy:test")
    index = json.loads((system / "tmp/copy/index.json").read_text())
    assert [each["digest"] for each in index["manifests"]] == [archive.digest]


def test_umoci_unpacks_it(system: Path, archive: Archive) -> None:
    layout = system / "tmp/layout"
    with tarfile.open(archive.path) as tar:
        tar.extractall(layout, filter="tar")
    tags = [name.rsplit(":", 1)[1] for name in archive.names]
    assert run(system, "umoci", "list", "--layout", "/tmp/layout").split() == tags
    run(system, "umoci", "unpack", "--rootless", "--image", "/tmp/layout:test", "/tmp/bundle")
    assert (system / "tmp/bundle/rootfs/usr/local/bin/tasker-health").is_file()
    config = json.loads((system / "tmp/bundle/config.json").read_text())
    assert config["process"]["args"] == archive.config["config"]["Entrypoint"]
