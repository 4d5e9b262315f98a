"""Builds an image from its layers: build_image SPECIFICATION ARCHIVE DIGEST SBOM.

The archive is one for every reader: `manifest.json` is what Docker's older store and skopeo's
docker-archive read, `index.json` what containerd, podman, skopeo and umoci read; both name the same
blobs. The specification is the JSON text that private/image.bzl writes.
"""

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from tasker_oci import software

# Of the manifest's digest: the tag that means this content in every store.
DIGITS = 16
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
# The same on every build.
CREATED = "1970-01-01T00:00:00Z"
Json = dict[str, Any]


def main(specification: Path, archive: Path, digest: Path, sbom: Path) -> None:
    """Writes the archive, the manifest's digest and the list of software."""
    asked: Json = json.loads(specification.read_text())
    layers = [
        (Path(layer["blob"]), json.loads(Path(layer["description"]).read_text()))
        for layer in asked["layers"]
    ]
    descriptions = [description for _, description in layers]
    config = encoded(configuration(asked["config"], [each["diff_id"] for each in descriptions]))
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, config),
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": each["digest"], "size": each["size"]}
                for each in descriptions
            ],
        }
    )
    name = sha256(manifest)
    tags = [name.removeprefix("sha256:")[:DIGITS], *asked["tags"]]
    blobs: dict[str, bytes | Path] = {sha256(config): config, name: manifest}
    blobs |= {description["digest"]: blob for blob, description in layers}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in {
            "oci-layout": encoded({"imageLayoutVersion": "1.0.0"}),
            "manifest.json": encoded(
                docker_manifest(asked["repository"], tags, config, descriptions)
            ),
            "index.json": encoded(index(asked["repository"], tags, manifest)),
            **{_blob(digest): blobs[digest] for digest in sorted(blobs)},
        }.items():
            _write(tar, path, content)
    digest.write_text(f"{name}\n")
    sbom.write_bytes(
        encoded(software.bill(asked["repository"], tags[-1], name, descriptions), indent=2)
    )


def configuration(config: Json, diff_ids: list[str]) -> Json:
    """The image's configuration; fields that say nothing are left out."""
    health = config["Healthcheck"]
    run = {key: value for key, value in config.items() if value and key != "Healthcheck"}
    if health:
        run["Healthcheck"] = {"Test": ["CMD", *health]}
    return {
        "architecture": "amd64",
        "config": run,
        "created": CREATED,
        "history": [{"created": CREATED} for _ in diff_ids],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def docker_manifest(repository: str, tags: list[str], config: bytes, layers: list[Json]) -> Any:
    """What `docker load` into its older store reads."""
    return [
        {
            "Config": _blob(sha256(config)),
            "RepoTags": [f"{repository}:{tag}" for tag in tags],
            "Layers": [_blob(layer["digest"]) for layer in layers],
        }
    ]


def index(repository: str, tags: list[str], manifest: bytes) -> Json:
    """What all others read: the manifest once for each of its names."""
    return {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [
            {
                **descriptor(MANIFEST_TYPE, manifest),
                "annotations": {
                    "io.containerd.image.name": f"docker.io/{repository}:{tag}",
                    "org.opencontainers.image.ref.name": tag,
                },
            }
            for tag in tags
        ],
    }


def descriptor(media_type: str, content: bytes) -> Json:
    """What refers to a blob."""
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def sha256(content: bytes) -> str:
    """A digest as images have it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def encoded(value: Any, indent: int | None = None) -> bytes:
    """JSON whose bytes depend on the value alone."""
    separators = None if indent else (",", ":")
    return json.dumps(value, indent=indent, separators=separators, sort_keys=True).encode()


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _write(tar: tarfile.TarFile, path: str, content: bytes | Path) -> None:
    info = tarfile.TarInfo(path)
    info.mode = 0o644
    if isinstance(content, Path):
        info.size = content.stat().st_size
        with content.open("rb") as file:
            tar.addfile(info, file)
    else:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
