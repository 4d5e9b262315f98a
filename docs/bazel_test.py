"""docs/bazel.md has the words of the macros of //:defs.bzl, and shows what e2e/consumer has.

`UPDATE_EXPECTED=1 pytest docs/bazel_test.py` writes the macros' part of the page anew.
"""

import ast
import os
import re
from pathlib import Path

import pytest

PAGE = Path("docs/bazel.md")
BEGIN, END = "<!-- From the macros' own words: -->\n", "<!-- Until here. -->\n"
CONSUMER = Path("e2e/consumer")
SNIPPET = re.compile(r"^```starlark\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(r"^    (\*{0,2}\w+): ", re.MULTILINE)


def exported() -> dict[str, Path]:
    """The macros that //:defs.bzl gives to others, with the files that define them."""
    found: dict[str, Path] = {}
    for node in ast.parse(Path("defs.bzl").read_text()).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            (file,) = (each.value for each in node.value.args if isinstance(each, ast.Constant))
            path = Path(str(file).removeprefix("//").replace(":", "/"))
            found |= {ast.literal_eval(each.value): path for each in node.value.keywords}
    return found


def definition(name: str, file: Path) -> ast.FunctionDef:
    """Starlark is written as Python is, as far as these files go."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise AssertionError(f"{file} does not define {name}")


def attributes(macro: ast.FunctionDef) -> list[tuple[str, str]]:
    """Each attribute and its default, which is nothing for what must be given."""
    arguments = macro.args
    given = [argument.arg for argument in arguments.args]
    defaults = [ast.unparse(default) for default in arguments.defaults]
    pairs = [*((name, "") for name in given[: len(given) - len(defaults)])]
    pairs += zip(given[len(pairs) :], defaults, strict=True)
    return pairs + ([(f"**{arguments.kwarg.arg}", "")] if arguments.kwarg else [])


def section(name: str, macro: ast.FunctionDef) -> str:
    """The macro's own words, its attributes as a table."""
    words = ast.get_docstring(macro)
    assert words is not None, f"{name} has no docstring"
    text, _, listed = words.partition("\nArgs:\n")
    parts = ATTRIBUTE.split("\n" + listed)[1:]
    said = {
        key: " ".join(value.split()) for key, value in zip(parts[::2], parts[1::2], strict=True)
    }
    pairs = attributes(macro)
    assert list(said) == [key for key, _ in pairs], f"{name} does not document each attribute"
    rows = [
        f"| `{key}` | {f'`{default}`' if default else 'to be given'} | {said[key]} |"
        for key, default in pairs
    ]
    table = ["| attribute | default | |", "|---|---|---|", *rows]
    return f"### {name}\n\n{text.strip()}\n\n" + "\n".join(table) + "\n"


def test_the_page_has_the_macros_own_words() -> None:
    macros = exported()
    assert len(macros) >= 5
    words = "\n".join(section(name, definition(name, macros[name])) for name in sorted(macros))
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    expected = f"{before}{BEGIN}\n{words}\n{END}{after}"
    if os.environ.get("UPDATE_EXPECTED"):
        PAGE.write_text(expected)
    assert page == expected


def statements(text: str) -> list[str]:
    """The statements of Starlark, without comments; where a checkout lies is everybody's own."""
    text = re.sub(r'path = "[./a-z]*"', 'path = "..."', text)
    return [ast.unparse(statement) for statement in ast.parse(text).body]


@pytest.mark.parametrize(("page", "snippets"), [(PAGE, 2), (Path("README.md"), 1)])
def test_what_pages_show_is_built_in_another_repository(page: Path, snippets: int) -> None:
    files = [CONSUMER / "WORKSPACE", CONSUMER / "shop/BUILD.bazel"]
    built = [statement for file in files for statement in statements(file.read_text())]
    shown = SNIPPET.findall(page.read_text())
    assert len(shown) == snippets
    for snippet in shown:
        for statement in statements(snippet):
            assert statement in built
