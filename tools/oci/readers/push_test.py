"""An image that is pushed arrives at a registry as it is in the archive.

The registry is one of this test's own, on loopback; READERS is an archive with skopeo and its
libraries, IMAGE an image's archive.
"""

import itertools
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

import push_image
from tasker_oci.archive import Archive, blob
from tasker_oci.inside import inside

REPOSITORY = "shop/health"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
SKOPEO = """\
#!/bin/sh
exec {root}/{libraries}/ld-linux-x86-64.so.2 --library-path {root}/{libraries} \\
  {root}/usr/bin/skopeo "$@"
"""
# Who installs skopeo has such a file in /etc/containers.
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


class Registry(ThreadingHTTPServer):
    """What a push needs of https://github.com/opencontainers/distribution-spec."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        # Layers arrive side by side.
        self.numbers = itertools.count()


class Request(BaseHTTPRequestHandler):
    """One call of a client."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.rsplit("/", 1)[1] in self.server.blobs else 404)

    def do_POST(self) -> None:
        upload = str(next(self.server.numbers))
        self.server.uploads[upload] = b""
        self._answer(202, Location=self.path + upload)

    def do_PATCH(self) -> None:
        self.server.uploads[self.path.rsplit("/", 1)[1]] += self._body()
        self._answer(202, Location=self.path)

    def do_PUT(self) -> None:
        path, name = self.path.rsplit("/", 1)
        if path == f"/v2/{REPOSITORY}/manifests":
            self.server.manifests[name] = (self.headers["Content-Type"], self._body())
        else:
            upload, _, digest = name.partition("?digest=")
            self.server.blobs[unquote(digest)] = self.server.uploads[upload]
        self._answer(201)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def archive() -> Archive:
    return Archive(Path(os.environ["IMAGE"]).resolve())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder on a machine that has skopeo, in its folder `bin`."""
    home = tmp_path_factory.mktemp("home")
    root, program, policy = home / "root", home / "bin/skopeo", home / ".config/containers"
    with tarfile.open(os.environ["READERS"]) as tar:
        tar.extractall(root, filter="tar")
    program.parent.mkdir()
    program.write_text(SKOPEO.format(root=root, libraries=LIBRARIES))
    program.chmod(0o755)
    policy.mkdir(parents=True)
    (policy / "policy.json").write_text(json.dumps(POLICY))
    return home


def push(archive: Archive, home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of `bazel run :image_push`, and what it says of what is wrong."""
    result = subprocess.run(
        [sys.executable, push_image.__file__, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={
            "HOME": str(home),
            "PATH": str(home / "bin"),
            "TASKER_IMAGE_ARCHIVE": str(archive.path),
        },
        # Where skopeo unpacks an archive, whatever TMPDIR says; not every test may write there.
        preexec_fn=inside(Path("/"), 0, {str(home): "var/tmp"}),
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize("tag", ["", ":1.2"])
def test_what_arrives_is_what_the_archive_has(
    registry: Registry, archive: Archive, machine: Path, tag: str
) -> None:
    place = f"127.0.0.1:{registry.server_port}/{REPOSITORY}{tag}"
    assert push(archive, machine, "--dest-tls-verify=false", place) == (0, "")
    digests = [each["digest"] for each in archive.manifest["layers"]]
    with tarfile.open(archive.path) as tar:
        held = {
            digest: file.read()
            for digest in (archive.digest, archive.config_digest, *digests)
            if (file := tar.extractfile(blob(digest)))
        }
    manifest = held.pop(archive.digest)
    # Without a tag it is the one that is made from the content.
    name = tag[1:] or archive.digest.removeprefix("sha256:")[:16]
    assert registry.manifests == {name: (archive.manifest["mediaType"], manifest)}
    assert registry.blobs == held


def test_it_is_told_that_skopeo_is_missing(archive: Archive, tmp_path: Path) -> None:
    code, said = push(archive, tmp_path, "registry.example/shop/health")
    assert code == 2
    assert said == (
        "pushing needs skopeo, which is not installed: install Debian's package skopeo, or load "
        f"the image (bazel run ...:image) and push {archive.names[0]} with your engine\n"
    )


@pytest.mark.parametrize("places", [[], ["one.example/a", "two.example/a"]])
def test_one_place_is_to_be_named(archive: Archive, machine: Path, places: list[str]) -> None:
    code, said = push(archive, machine, "--dest-tls-verify=false", *places)
    assert code == 2
    assert said == "name where it goes: bazel run ...:image_push -- REGISTRY/REPOSITORY[:TAG]\n"
