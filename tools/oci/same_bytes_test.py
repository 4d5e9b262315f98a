"""The same inputs give the same image, wherever and whenever its layers are built.

The programs that make layers and images run twice, as if on two machines: in folders of other
names, on files that were made in another order, at another time, for another umask. Programs that
are compiled are inputs here; that none tells where it was built is tested of each image.

PACKAGES are Debian's, INTERPRETER is the image's Python, PROGRAM a program, GZIP the compressor.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import build_image
import build_layer

PRICE = '"""Prices."""\nUNITS = {"piece", "dozen", "gross", "kilogram", "metre"}\n'
SITE = "external/tasker_pip_shop/site-packages"
HASH = base64.urlsafe_b64encode(hashlib.sha256(PRICE.encode()).digest()).rstrip(b"=").decode()
WHEEL = {
    "shop/__init__.py": PRICE,
    "shop-1.2.dist-info/METADATA": "Name: shop\nVersion: 1.2\n",
    "shop-1.2.dist-info/RECORD": f"shop/__init__.py,sha256={HASH},\n",
}
CONFIG = {
    "Entrypoint": ["/usr/local/bin/tasker-health"],
    "Env": ["PATH=/usr/bin"],
    "Healthcheck": [],
    "Labels": {"org.opencontainers.image.title": "shop", "org.opencontainers.image.version": "1"},
    "User": "65532:65532",
}


@dataclass(frozen=True)
class Machine:
    """What differs from one build to another and must not be seen in an image."""

    folder: Path
    backwards: bool
    umask: int
    mtime: int
    environment: dict[str, str]

    def turned(self, items: dict[str, Any]) -> dict[str, Any]:
        """The same in the order in which this machine comes across them, on every level."""
        order = reversed(items) if self.backwards else iter(items)
        return {
            key: self.turned(items[key]) if isinstance(items[key], dict) else items[key]
            for key in order
        }

    def write(self, path: str, content: bytes, mode: int = 0o666) -> None:
        """Makes a source file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode & ~self.umask)
        os.utime(file, (self.mtime, self.mtime))

    def run(self, program: str, asked: dict[str, Any], *arguments: Path) -> None:
        """Runs one of the programs on a specification, as Bazel does."""
        specification, temporary = self.folder / "specification.json", self.folder / "temporary"
        specification.write_text(json.dumps(self.turned(asked)))
        temporary.mkdir(exist_ok=True)
        subprocess.run(
            [sys.executable, program, specification, *arguments],
            check=True,
            cwd=self.folder,
            umask=self.umask,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(temporary), **self.environment},
        )


def given(name: str) -> list[str]:
    """Files that Bazel names relative to where the test is started."""
    return [str(Path(path).absolute()) for path in os.environ[name].split()]


def layers() -> dict[str, dict[str, Any]]:
    """The specifications of three: Debian packages, a program and Python files, a wheel."""
    (interpreter,) = given("INTERPRETER")
    nothing: dict[str, Any] = {
        "archives": {},
        "files": {},
        "first": False,
        "folders": [],
        "interpreter": None,
        "links": {},
        "owner": 0,
        "packages": [],
        "software": [],
        "strip": shutil.which("strip"),
        "wheels": {},
    }
    return {
        "base": {**nothing, "first": True, "packages": given("PACKAGES")},
        "shop": {
            **nothing,
            "files": {
                "app/shop/price.py": "shop/price.py",
                "app/shop/units.py": "shop/units.py",
                "usr/local/bin/tasker-health": "health",
            },
            "folders": ["srv", "data"],
            "interpreter": interpreter,
            "links": {"usr/local/bin/curl": "tasker-health", "usr/local/bin/ask": "curl"},
            "software": [{"type": "cargo", "name": "shop", "version": "1"}],
        },
        "wheels": {
            **nothing,
            "interpreter": interpreter,
            "wheels": {f"usr/lib/python3/{path}": f"{SITE}/{path}" for path in WHEEL},
        },
    }


def build(machine: Machine, price: str) -> dict[str, bytes]:
    """Every file that the programs make, by its name."""
    sources = {"shop/price.py": price, "shop/units.py": "from shop.price import UNITS\n"}
    sources |= {f"{SITE}/{path}": text for path, text in WHEEL.items()}
    for path, text in machine.turned(sources).items():
        machine.write(path, text.encode())
    (program,) = given("PROGRAM")
    machine.write("health", Path(program).read_bytes(), 0o777)
    (gzip,) = given("GZIP")
    made, descriptions = [], []
    for name, asked in layers().items():
        blob, description = machine.folder / f"{name}.tar.gz", machine.folder / f"{name}.json"
        machine.run(build_layer.__file__, asked, Path(gzip), blob, description)
        made += [blob, description]
        descriptions.append({"blob": str(blob), "description": str(description)})
    image = [machine.folder / f"image.{suffix}" for suffix in ("tar", "digest", "cdx.json")]
    asked = {"config": CONFIG, "layers": descriptions, "repository": "shop/worker", "tags": ["new"]}
    machine.run(build_image.__file__, asked, *image)
    return {file.name: file.read_bytes() for file in (*made, *image)}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one machine makes."""
    folder = tmp_path_factory.mktemp("one")
    environment = {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC", "USER": "root"}
    return build(Machine(folder, False, 0o022, 0, environment), PRICE)


@pytest.fixture
def other(tmp_path: Path) -> Machine:
    """Another machine, which has nothing in common with the one but the sources."""
    folder = tmp_path / "home/somebody/of a longer name/checkout"
    environment = {"PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "USER": "me"}
    return Machine(folder, True, 0o077, 1_900_000_000, environment)


def test_two_machines_build_the_same_image(first: dict[str, bytes], other: Machine) -> None:
    second = build(other, PRICE)
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) == 9


def test_a_difference_would_be_seen(first: dict[str, bytes], other: Machine) -> None:
    second = build(other, PRICE + "TAX = 19\n")
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"shop.tar.gz", "shop.json", "image.tar", "image.digest", "image.cdx.json"}
