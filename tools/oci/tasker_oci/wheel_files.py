"""Files of unpacked wheels, held against the hashes that each wheel has of them in its RECORD.

The folders that wheels are unpacked in stay writable, and other programs do change them: some
machines append a certificate to certifi's. An image would then differ from machine to machine.
"""

import base64
import csv
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from tasker_oci.tree import LayerError

_SITE = "site-packages"
# Of a hash, in messages: enough to find it in RECORD.
_DIGITS = 12


def check(files: Iterable[Path]) -> None:
    """Raises LayerError when a file is not what its wheel shipped; the message names all such.

    A file that no RECORD has a hash of passes: rules_python adds `__init__.py` files.
    """
    changed: dict[str, list[str]] = {}
    for file in files:
        # Bazel hands over no RECORD: it lies where the links to the wheel's files lead.
        real = file.resolve()
        site = _site_packages(real)
        path = real.relative_to(site).as_posix()
        wheel, recorded = _records(site).get(path, ("", ""))
        if not recorded:
            continue
        found = _hash(recorded.partition("=")[0], real)
        if found != recorded:
            line = f"{path} of {wheel} is {_short(found)}, and its RECORD has {_short(recorded)}"
            changed.setdefault(site.parent.name, []).append(line)
    if changed:
        lines = sorted(line for repository in changed.values() for line in repository)
        raise LayerError(
            "files of wheels are not as the wheels have them:\n  "
            + "\n  ".join(lines)
            + "\nA program on this machine has changed them since they were unpacked. Remedy: stop "
            + f"it, and unpack them anew with bazel sync --only={','.join(sorted(changed))}"
        )


def _site_packages(file: Path) -> Path:
    for folder in file.parents:
        if folder.name == _SITE:
            return folder
    raise LayerError(f"{file} lies in no folder {_SITE}, so no RECORD says what it must be")


@functools.cache
def _records(site: Path) -> dict[str, tuple[str, str]]:
    """The wheel and the hash of each file below a folder of wheels, by the file's path."""
    found = {}
    for record in sorted(site.glob("*.dist-info/RECORD")):
        wheel = record.parent.name.removesuffix(".dist-info")
        with record.open(newline="") as lines:
            found.update({path: (wheel, recorded) for path, recorded, _ in csv.reader(lines)})
    if not found:
        raise LayerError(f"{site} has no wheel's RECORD, so nothing says what its files must be")
    return found


def _hash(algorithm: str, file: Path) -> str:
    """The file's hash in RECORD's form, as PEP 376 and PEP 427 have it."""
    digest = hashlib.new(algorithm, file.read_bytes()).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _short(recorded: str) -> str:
    algorithm, _, value = recorded.partition("=")
    return f"{algorithm}={value[:_DIGITS]}..."
