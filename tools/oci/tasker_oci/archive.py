"""An image's archive as it is read back: its names, configuration and layers."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any


def archive_of_target() -> Path:
    """The archive of the target that `bazel run` was given."""
    return Path(os.environ["TASKER_IMAGE_ARCHIVE"]).resolve()


class Archive:
    """An image in a file that build_image wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with tarfile.open(path) as tar:
            (self.docker_manifest,) = self._json(tar, "manifest.json")
            self.index: dict[str, Any] = self._json(tar, "index.json")
            self.digest: str = self.index["manifests"][0]["digest"]
            self.manifest: dict[str, Any] = self._json(tar, blob(self.digest))
            self.config_digest: str = self.manifest["config"]["digest"]
            self.config: dict[str, Any] = self._json(tar, blob(self.config_digest))

    @property
    def names(self) -> list[str]:
        """Repository and tag, the one made from the content first."""
        names: list[str] = self.docker_manifest["RepoTags"]
        return names

    @staticmethod
    def _json(tar: tarfile.TarFile, path: str) -> Any:
        file = tar.extractfile(path)
        assert file is not None
        return json.load(file)


def blob(digest: str) -> str:
    """Where the archive has the blob of a digest."""
    return f"blobs/{digest.replace(':', '/')}"
