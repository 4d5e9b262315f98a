"""The file that a wheel is: a zip archive whose bytes depend on its contents alone."""

import base64
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

# The earliest time that a zip archive can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3
REGULAR_FILE = 0o100000


@dataclass(frozen=True)
class Member:
    """A file of the wheel: its bytes, and whether it is a program."""

    data: bytes
    executable: bool = False


def record(members: dict[str, Member], path: str) -> str:
    """The list of all files with their SHA-256 and size, as it is kept at `path`.

    Its form is the specification's "Recording installed projects".
    """
    lines = []
    for name in sorted(members):
        if "," in name or '"' in name or "\n" in name:
            raise ValueError(f"{name!r} cannot be written into a RECORD without quotes")
        data = members[name].data
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join(lines) + f"{path},,\n"


def write(target: Path, members: dict[str, Member], dist_info: str) -> None:
    """Writes the wheel: its files alphabetically, those about it last."""
    path = f"{dist_info}/RECORD"
    everything = {**members, path: Member(record(members, path).encode())}

    def order(name: str) -> tuple[bool, bool, str]:
        return (name.startswith(f"{dist_info}/"), name == path, name)

    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(everything, key=order):
            member = everything[name]
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (REGULAR_FILE | (0o755 if member.executable else 0o644)) << 16
            archive.writestr(entry, member.data)
