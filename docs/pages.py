"""Runs these pages: what a page shows is a program, and its templates are valid.

The blocks marked ```python of a page are one module, in their order; `test_` functions in it are
tests. The blocks marked ```yaml that have `name` and `steps` are held against the template checker.
Blocks marked ```python notest are left alone, and so are those marked ```python engine:
tasker_py/tests/system/docs_test.py runs these with an engine.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tasker_core import _native
from tasker_core.registry import HandlerRegistry

BLOCK = re.compile(r"^```(python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Takes the pages among the files that pytest is given."""
    if file_path.suffix == ".md":
        return Page.from_parent(parent, path=file_path)
    return None


class Page(pytest.File):
    """A page of the documentation."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """The page's code as a whole, the tests that it defines, and each of its templates."""
        module = Blocks.from_parent(self, path=self.path)
        yield Code.from_parent(self, name="code", module=module)
        yield module
        for line, text in blocks(self.path, "yaml"):
            if {"name", "steps"} <= set(yaml.safe_load(text) or ()):
                yield Template.from_parent(self, name=f"template in line {line}", text=text)


class Blocks(pytest.Module):
    """The module that a page's code is."""

    def _getobj(self) -> ModuleType:
        # Handlers that the pages register must not meet.
        HandlerRegistry._default = None
        name = f"documentation_{self.path.stem}"
        module = ModuleType(name)
        sys.modules[name] = module
        # Tests of a page may run the template that it shows first.
        module.__dict__["TEMPLATE"] = next((text for _, text in blocks(self.path, "yaml")), None)
        # The lines are those of the page, and so tracebacks lead there.
        lines = [""] * len(self.path.read_text().splitlines())
        for line, text in blocks(self.path, "python"):
            lines[line : line + text.count("\n")] = text.splitlines()
        exec(compile("\n".join(lines) + "\n", str(self.path), "exec"), module.__dict__)
        return module


class Code(pytest.Item):
    """That a page's code runs."""

    def __init__(self, *, module: Blocks, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._module = module

    def runtest(self) -> None:
        """Runs it, unless that has been done to find its tests."""
        assert isinstance(self._module.obj, ModuleType)


class Template(pytest.Item):
    """That a template is valid."""

    def __init__(self, *, text: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._text = text

    def runtest(self) -> None:
        """InvalidArgumentError with everything that is wrong with it."""
        _native.template_check(self._text, self.path.name)


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """The blocks of a language: the number of the line above the first, and the text."""
    text = page.read_text()
    for block in BLOCK.finditer(text):
        if block[1] == language:
            yield text[: block.start(2)].count("\n"), block[2]
