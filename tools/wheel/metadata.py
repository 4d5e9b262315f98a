"""What a wheel says of itself: METADATA, WHEEL and entry_points.txt, from a pyproject.toml."""

import ast
from collections.abc import Iterator
from typing import Any

# The specification's versions: core metadata with licence expressions, and wheels.
METADATA_VERSION = "2.4"
WHEEL_VERSION = "1.0"
DYNAMIC = ["readme", "version"]


def version_of(source: str) -> str:
    """The `__version__` of a package's `__init__.py`."""
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="__version__")], value=ast.Constant(value=str(version))
            ):
                return version
    raise ValueError("the package has no __version__")


def metadata(project: dict[str, Any], version: str, readme: str) -> str:
    """METADATA: what installers and indexes read, with the readme as its body."""
    if sorted(project["dynamic"]) != DYNAMIC:
        raise ValueError(f"what the build finds by itself is {DYNAMIC}, not {project['dynamic']}")
    return "".join(f"{line}\n" for line in _headers(project, version)) + f"\n{readme}"


def _headers(project: dict[str, Any], version: str) -> Iterator[str]:
    yield f"Metadata-Version: {METADATA_VERSION}"
    yield f"Name: {project['name']}"
    yield f"Version: {version}"
    yield f"Summary: {project['description']}"
    yield f"License-Expression: {project['license']}"
    for file in project["license-files"]:
        yield f"License-File: {file}"
    yield f"Keywords: {','.join(project['keywords'])}"
    for classifier in project["classifiers"]:
        yield f"Classifier: {classifier}"
    yield f"Requires-Python: {project['requires-python']}"
    for dependency in project["dependencies"]:
        yield f"Requires-Dist: {dependency}"
    for extra, dependencies in sorted(project["optional-dependencies"].items()):
        yield f"Provides-Extra: {extra}"
        for dependency in dependencies:
            yield f"Requires-Dist: {dependency} ; extra == '{extra}'"
    yield "Description-Content-Type: text/markdown"


def wheel(tag: str) -> str:
    """WHEEL: how the archive is to be unpacked. With an extension module it is no pure one."""
    return (
        f"Wheel-Version: {WHEEL_VERSION}\nGenerator: tasker\nRoot-Is-Purelib: false\nTag: {tag}\n"
    )


def entry_points(project: dict[str, Any]) -> str:
    """entry_points.txt: programs of the command line, and what other packages find by a name."""
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    return "\n".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in sorted(points.items()))
        for group, points in sorted(groups.items())
    )
