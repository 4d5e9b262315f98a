"""Builds a wheel from a list of its files: strips its programs, tags it by what they need.

build_wheel SPECIFICATION FOLDER, where the specification is the JSON text that the rule
`python_wheel` writes; leaves the wheel in the folder, under its standard name.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from tools.wheel import archive, metadata, platforms
from tools.wheel.archive import Member

ELF = b"\x7fELF"


def main(specification: Path, folder: Path) -> None:
    """Leaves the wheel in the folder."""
    asked: dict[str, Any] = json.loads(specification.read_text())
    files = {name: Path(path) for name, path in asked["files"].items()}
    project = tomllib.loads(Path(asked["pyproject"]).read_text())["project"]
    package = project["name"]
    version = metadata.version_of(files[f"{package}/__init__.py"].read_text())
    dist_info = f"{package}-{version}.dist-info"
    programs = {
        f"{package}-{version}.data/scripts/{name}": Path(path)
        for name, path in asked["programs"].items()
    }

    members = {name: Member(path.read_bytes()) for name, path in files.items()}
    extensions = {name: path for name, path in files.items() if members[name].data[:4] == ELF}
    dumps = []
    for name, path in {**extensions, **programs}.items():
        members[name] = Member(_stripped(asked["strip"], path), executable=name in programs)
        dumps.append(_dump(asked["objdump"], path))

    (python,) = {platforms.python_tag(name) for name in extensions}
    tag = f"{python}-{python}-{platforms.platform_tag(dumps)}"
    texts = {
        "METADATA": metadata.metadata(project, version, Path(asked["readme"]).read_text()),
        "WHEEL": metadata.wheel(tag),
        "entry_points.txt": metadata.entry_points(project),
    }
    # Each is named in the metadata, and lies here: https://peps.python.org/pep-0639/
    for name in project["license-files"]:
        texts[f"licenses/{name}"] = Path(asked["licenses"][name]).read_text()
    for name, text in texts.items():
        members[f"{dist_info}/{name}"] = Member(text.encode())
    archive.write(folder / f"{package}-{version}-{tag}.whl", members, dist_info)


def _stripped(strip: str, program: Path) -> bytes:
    """The program without what only debuggers and linkers use."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "stripped"
        subprocess.run([strip, "--strip-unneeded", "-o", target, program], check=True)
        return target.read_bytes()


def _dump(objdump: str, program: Path) -> str:
    return subprocess.run(
        [objdump, "-p", program], check=True, capture_output=True, text=True, env={"LC_ALL": "C"}
    ).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
