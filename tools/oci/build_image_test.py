"""An image's archive is what each of its readers expects, and the same for the same content."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

import build_image
from tasker_oci.archive import Archive, blob

CONFIG = {
    "Cmd": [],
    "Entrypoint": ["/usr/local/bin/tasker-server"],
    "Env": ["PATH=/usr/bin"],
    "ExposedPorts": {"8080/tcp": {}},
    "Healthcheck": ["/usr/local/bin/tasker-health"],
    "Labels": {},
    "StopSignal": "SIGTERM",
    "User": "65532:65532",
    "Volumes": {},
    "WorkingDir": "/",
}
SOFTWARE = [
    {"type": "deb", "name": "libc6", "version": "2.36-9+deb12u14"},
    {"type": "pypi", "name": "typing_extensions", "version": "4.16.0"},
    {"type": "cargo", "name": "tokio", "version": "1.54.1"},
]


@pytest.fixture
def built(tmp_path: Path) -> dict[str, Path]:
    return build(tmp_path, b"a layer, compressed")


def build(folder: Path, layer: bytes) -> dict[str, Path]:
    (folder / "layer.tar.gz").write_bytes(layer)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    description = {
        "digest": digest,
        "size": len(layer),
        "diff_id": "sha256:00",
        "software": SOFTWARE,
    }
    (folder / "layer.json").write_text(json.dumps(description))
    specification: dict[str, Any] = {
        "config": CONFIG,
        "layers": [
            {"blob": str(folder / "layer.tar.gz"), "description": str(folder / "layer.json")}
        ],
        "repository": "tasker/orchestration",
        "tags": ["test", "0.1.0"],
    }
    (folder / "specification.json").write_text(json.dumps(specification))
    outputs = {name: folder / f"image.{name}" for name in ("tar", "digest", "cdx.json")}
    build_image.main(folder / "specification.json", *outputs.values())
    return outputs


def test_every_blob_is_named_by_its_content(built: dict[str, Path]) -> None:
    with tarfile.open(built["tar"]) as tar:
        names = tar.getnames()
        assert names[:3] == ["oci-layout", "manifest.json", "index.json"]
        assert len(names) == 6
        for name in names[3:]:
            file = tar.extractfile(name)
            assert file is not None
            assert name == f"blobs/sha256/{hashlib.sha256(file.read()).hexdigest()}"


def test_both_lists_name_the_same_image(built: dict[str, Path]) -> None:
    archive = Archive(built["tar"])
    digits = archive.digest.removeprefix("sha256:")[:16]
    assert archive.names == [f"tasker/orchestration:{tag}" for tag in (digits, "test", "0.1.0")]
    assert archive.docker_manifest["Config"] == blob(archive.config_digest)
    assert archive.docker_manifest["Layers"] == [
        blob(layer["digest"]) for layer in archive.manifest["layers"]
    ]
    assert [each["annotations"] for each in archive.index["manifests"]] == [
        {
            "io.containerd.image.name": f"docker.io/tasker/orchestration:{tag}",
            "org.opencontainers.image.ref.name": tag,
        }
        for tag in (digits, "test", "0.1.0")
    ]
    assert {each["digest"] for each in archive.index["manifests"]} == {archive.digest}
    assert built["digest"].read_text() == f"{archive.digest}\n"


def test_the_configuration_says_what_was_asked_for_and_no_more(built: dict[str, Path]) -> None:
    assert Archive(built["tar"]).config == {
        "architecture": "amd64",
        "config": {
            "Entrypoint": ["/usr/local/bin/tasker-server"],
            "Env": ["PATH=/usr/bin"],
            "ExposedPorts": {"8080/tcp": {}},
            "Healthcheck": {"Test": ["CMD", "/usr/local/bin/tasker-health"]},
            "StopSignal": "SIGTERM",
            "User": "65532:65532",
            "WorkingDir": "/",
        },
        "created": "1970-01-01T00:00:00Z",
        "history": [{"created": "1970-01-01T00:00:00Z"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:00"]},
    }


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for folder in (one, same, other):
        folder.mkdir()
    first = build(one, b"a layer")
    assert first["tar"].read_bytes() == build(same, b"a layer")["tar"].read_bytes()
    assert first["digest"].read_text() != build(other, b"another")["digest"].read_text()


def test_the_list_of_software_names_each_package_by_its_url(built: dict[str, Path]) -> None:
    bill = json.loads(built["cdx.json"].read_text())
    assert [component["purl"] for component in bill["components"]] == [
        "pkg:cargo/tokio@1.54.1",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12",
        "pkg:pypi/typing-extensions@4.16.0",
    ]
    component = bill["metadata"]["component"]
    assert (component["name"], component["version"]) == ("tasker/orchestration", "0.1.0")
