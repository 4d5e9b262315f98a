"""Holds the stub of an extension module against the module, in a process that can import both.

mypy's stubtest compares what exists. Functions of pybind11 hide their parameters from it and tell
them in their docstrings, which are compared here.
"""

import ast
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from mypy import stubtest


def stub_signatures(stub: Path) -> Iterator[tuple[str, list[str]]]:
    """Each function of a stub: its dotted name and its parameters."""
    for node in ast.parse(stub.read_text()).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and not inner.decorator_list:
                assert isinstance(node, ast.ClassDef)
                yield f"{node.name}.{inner.name}", [one.arg for one in inner.args.args]
        if isinstance(node, ast.FunctionDef):
            yield node.name, [one.arg for one in node.args.args]


def module_parameters(module: ModuleType, name: str) -> list[str]:
    """The parameters that the docstring of a module's function names."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    signature = str(found.__doc__).strip().splitlines()[0].removesuffix(":")
    function = ast.parse(f"def {signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return [one.arg for one in function.args.args]


def differences(module: ModuleType, stub: Path) -> list[str]:
    """A sentence for each function whose parameters differ."""
    return [
        f"{stub.name}: {name} takes {parameters}, the module's {actual}"
        for name, parameters in stub_signatures(stub)
        if parameters != (actual := module_parameters(module, name))
    ]


def main(module_name: str, stub: str) -> int:
    # The folder that the stub is imported from.
    os.environ["MYPYPATH"] = str(Path(stub).absolute().parents[module_name.count(".")])
    options = stubtest.parse_options([module_name, "--mypy-config-file", "pyproject.toml"])
    if status := stubtest.test_stubs(options):
        return status
    wrong = differences(importlib.import_module(module_name), Path(stub))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
