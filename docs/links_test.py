"""Holds what the pages name against the tree: links, their headings, paths and Bazel labels.

Every page is looked at, wherever it lies, so the test reads the tree itself and not a copy of some
files; Bazel runs it anew each time.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# The file in the source tree, also where Bazel shows only a link to it.
ROOT = Path(os.environ.get("README", Path(__file__).parents[1] / "README.md")).resolve().parent

# What builds and editors leave beside the sources.
LEFT_OUT = re.compile(r"\.|bazel-|target$|node_modules$|__pycache__$")

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
LABEL = re.compile(r"(?<![\w/:])//([\w/-]+)(?::[\w.-]+)?(?![\w/.*])")
# A part that stands for another, as NAME, {name}, *, <name> or `...`.
STANDS_FOR_ANOTHER = re.compile(r"[*{}<>$]|\.\.\.|\b(NAME|TEST|TARGET|FILE|STEM)\b")


def pages() -> Iterator[Path]:
    """All pages of the tree, in order."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not LEFT_OUT.match(name))
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".md"))


PAGES = {str(page.relative_to(ROOT)): page for page in pages()}


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings are linked to, as hosts of repositories make them."""
    headings = (CODE.sub(r"\1", heading) for heading in HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def dead_links(page: Path) -> Iterator[str]:
    """Links of a page that lead to no file, or to no heading of it."""
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


def dead_paths(page: Path, tops: set[str]) -> Iterator[str]:
    """Paths and labels that a page names as code, of which the tree has no file or package.

    A path is one that begins with a folder at the top of the tree; from the page's own folder it
    may lead on, too.
    """
    for code in CODE.findall(prose(page)):
        for word in code.split():
            path = word.rstrip(",;:.)").removeprefix("./").partition(":")[0].partition("#")[0]
            first, slash, _ = path.partition("/")
            named = slash and first in tops and not STANDS_FOR_ANOTHER.search(path)
            if named and not (ROOT / path).exists() and not (page.parent / path).exists():
                yield path
        for package in LABEL.findall(code):
            if not STANDS_FOR_ANOTHER.search(package) and not (ROOT / package).is_dir():
                yield f"//{package}"


def test_the_tree_is_looked_at() -> None:
    assert {"README.md", "docs/README.md", "docs/operations.md", "findings/README.md"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    assert list(dead_links(PAGES[name])) == []


@pytest.mark.parametrize("name", PAGES)
def test_paths_that_are_named_are_there(name: str) -> None:
    folders = (entry.name for entry in ROOT.iterdir() if entry.is_dir())
    tops = {name for name in folders if not LEFT_OUT.match(name)}
    assert list(dead_paths(PAGES[name], tops)) == []


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Other\n\n## The `end` of it\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#the-end-of-it) [c](https://example.test/x) [d](#here)\n"
        "[e](missing.md) [f](other.md#no-such)\n\n## Here\n\n"
        "`docs/README.md` `docs/NAME.md` `docs/*.md` `docs/missing.md:12`\n"
        "`//docs:links_test` `//docs/missing`\n"
        "```sh\ncat docs/also_missing.md\n```\n"
    )
    assert list(dead_links(page)) == ["missing.md", "other.md#no-such"]
    assert list(dead_paths(page, {"docs"})) == ["docs/missing.md", "//docs/missing"]
