"""What an image must be: whole, closed to what it does not need, and able to run its program.

The image is that of IMAGE, an archive; PROGRAM is a JSON list of arguments with which its
entrypoint ends by itself, SAYS what is then in its output.
"""

import gzip
import hashlib
import json
import os
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasker_oci.archive import Archive, blob
from tasker_oci.elf import Elf, elf
from tasker_oci.inside import inside

USER = 65532
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
SHELLS = {"ash", "bash", "busybox", "csh", "dash", "ksh", "sh", "tcsh", "zsh"}
LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")


@pytest.fixture(scope="session")
def archive() -> Archive:
    return Archive(Path(os.environ["IMAGE"]))


@pytest.fixture(scope="session")
def members(archive: Archive) -> dict[str, tarfile.TarInfo]:
    """Every file of the image by its path, of the uppermost layer that has it."""
    found: dict[str, tarfile.TarInfo] = {}
    for tar in layers(archive):
        found |= {member.name: member for member in tar}
    return found


@pytest.fixture(scope="session")
def root(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's files, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    for tar in layers(archive):
        tar.extractall(folder, filter="tar")
    return folder


@pytest.fixture(scope="session")
def programs(root: Path) -> dict[Path, Elf]:
    """Programs and libraries, by their paths from the image's root."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(root): found for path in files if (found := elf(path)) is not None}


def layers(archive: Archive) -> Iterator[tarfile.TarFile]:
    with tarfile.open(archive.path) as outer:
        for layer in archive.manifest["layers"]:
            with tarfile.open(fileobj=outer.extractfile(blob(layer["digest"])), mode="r:gz") as tar:
                yield tar


def test_every_blob_and_every_layer_is_what_its_digest_says(archive: Archive) -> None:
    with tarfile.open(archive.path) as outer:
        digests = [
            *(layer["digest"] for layer in archive.manifest["layers"]),
            archive.config_digest,
        ]
        for digest in digests:
            file = outer.extractfile(blob(digest))
            assert file is not None
            assert f"sha256:{hashlib.sha256(file.read()).hexdigest()}" == digest
    plain = []
    with tarfile.open(archive.path) as outer:
        for layer in archive.manifest["layers"]:
            file = outer.extractfile(blob(layer["digest"]))
            assert file is not None
            plain.append(f"sha256:{hashlib.sha256(gzip.decompress(file.read())).hexdigest()}")
    assert plain == archive.config["rootfs"]["diff_ids"]


def test_nobody_is_root_and_nothing_is_for_everybody_to_write(
    archive: Archive, members: dict[str, tarfile.TarInfo]
) -> None:
    assert archive.config["config"]["User"] == f"{USER}:{USER}"
    writable = [path for path, each in members.items() if each.mode & 0o002 and not each.issym()]
    assert sorted(writable) == ["tmp", "var/tmp"]
    assert {members[path].mode for path in writable} == {0o1777}
    privileged = [path for path, each in members.items() if each.isreg() and each.mode & 0o6000]
    assert privileged == []
    assert {each.uid for each in members.values()} <= {0, USER}


def test_there_is_no_shell_and_no_package_manager(members: dict[str, tarfile.TarInfo]) -> None:
    names = {Path(path).name for path in members if "bin/" in path}
    assert names & (SHELLS | {"apt-get", "dpkg", "pip", "pip3"}) == set()


def test_scanners_find_the_packages_and_lawyers_their_licences(root: Path) -> None:
    packages = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "ca-certificates", "tzdata"} <= packages
    documents = root / "usr/share/doc"
    assert [name for name in packages if not (documents / name / "copyright").is_file()] == []


def test_every_library_is_inside(programs: dict[Path, Elf], root: Path) -> None:
    missing = []
    for path, found in programs.items():
        folders = [*LIBRARIES, *(place(each, path) for each in found.search)]
        for name in found.needed:
            if not any((root / folder / name).exists() for folder in folders):
                missing.append(f"/{path} needs {name}")
    assert missing == []


def test_no_symbol_is_newer_than_the_libraries(programs: dict[Path, Elf]) -> None:
    defined = {path.name: found.defines for path, found in programs.items() if found.defines}
    # A link bears the name that programs ask for.
    defined |= {found.soname: found.defines for found in programs.values() if found.soname}
    newer = [
        f"/{path} wants {version} of {library}"
        for path, found in programs.items()
        for library, versions in found.wants.items()
        for version in sorted(versions - defined.get(library, set()))
    ]
    assert newer == []


def place(search: str, program: Path) -> str:
    """Where a library is looked for, from the image's root."""
    folder = search.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", f"/{program.parent}")
    return os.path.normpath(folder).lstrip("/")


def test_certificates_are_where_openssl_looks(root: Path) -> None:
    bundle = (root / BUNDLE.relative_to("/")).read_text()
    assert bundle.count("-----BEGIN CERTIFICATE-----") == bundle.count("-----END CERTIFICATE-----")
    assert bundle.count("-----BEGIN CERTIFICATE-----") > 100
    assert (root / "usr/lib/ssl/cert.pem").readlink() == BUNDLE
    certifi = root / "usr/local/lib/python3.11/dist-packages/certifi"
    # Where requests and httpx look, in images that have them.
    if certifi.exists():
        assert (certifi / "cacert.pem").readlink() == BUNDLE


def test_nothing_tells_of_the_machine_that_built_it(root: Path) -> None:
    # The archive is a link into Bazel's output base; the interpreter is where its user has it.
    output_base = str(Path(os.environ["IMAGE"]).resolve()).split("/execroot/")[0]
    places = {output_base, str(Path.home()), sys.base_prefix} - {"/", "/usr", ""}
    told = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            told += [f"{path}: {each}" for each in places if each.encode() in content]
    assert told == []


def test_the_program_runs(archive: Archive, root: Path) -> None:
    config = archive.config["config"]
    command = [*config["Entrypoint"], *json.loads(os.environ["PROGRAM"])]
    environment = dict(variable.split("=", 1) for variable in config["Env"])
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        preexec_fn=inside(root, USER, {}),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert os.environ["SAYS"] in result.stdout


def test_the_health_check_is_there_under_both_names(root: Path) -> None:
    assert (root / "usr/local/bin/tasker-health").stat().st_mode & stat.S_IXOTH
    assert (root / "usr/local/bin/curl").readlink() == Path("tasker-health")
    result = subprocess.run(
        ["/usr/local/bin/curl", "-f", "http://127.0.0.1:9/health"],
        check=False,
        capture_output=True,
        text=True,
        env={},
        preexec_fn=inside(root, USER, {}),
    )
    assert result.returncode == 7
    assert "127.0.0.1:9" in result.stderr
