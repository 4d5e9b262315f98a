"""What a wheel says of itself, from a pyproject.toml."""

import tomllib

import pytest

from tools.wheel import metadata

PROJECT = tomllib.loads("""
name = "shop"
dynamic = ["version", "readme"]
description = "A shop."
license = "Apache-2.0"
license-files = ["LICENSE"]
requires-python = ">=3.11"
keywords = ["orders", "parcels"]
classifiers = ["Typing :: Typed"]
dependencies = ["httpx>=0.28"]
optional-dependencies = {traces = ["spans>=1"]}
scripts = {shop = "shop.cli:app"}
entry-points = {pytest11 = {shop = "shop.plugin"}}
""")


def test_metadata_has_the_readme_as_its_body() -> None:
    assert (
        metadata.metadata(PROJECT, "1.2.0", "# Shop\n")
        == """\
Metadata-Version: 2.4
Name: shop
Version: 1.2.0
Summary: A shop.
License-Expression: Apache-2.0
License-File: LICENSE
Keywords: orders,parcels
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: httpx>=0.28
Provides-Extra: traces
Requires-Dist: spans>=1 ; extra == 'traces'
Description-Content-Type: text/markdown

# Shop
"""
    )


def test_what_the_build_would_not_find_is_refused() -> None:
    with pytest.raises(ValueError, match="not \\['version'\\]"):
        metadata.metadata({**PROJECT, "dynamic": ["version"]}, "1.2.0", "")


def test_entry_points_are_grouped() -> None:
    assert metadata.entry_points(PROJECT) == (
        "[console_scripts]\nshop = shop.cli:app\n\n[pytest11]\nshop = shop.plugin\n"
    )


def test_the_tag_is_in_the_wheel_file() -> None:
    assert metadata.wheel("cp311-cp311-linux_x86_64").endswith("\nTag: cp311-cp311-linux_x86_64\n")


def test_the_version_is_the_package_s_own() -> None:
    assert metadata.version_of('"""A shop."""\n\n__version__ = "1.2.0"\n') == "1.2.0"
    with pytest.raises(ValueError, match="no __version__"):
        metadata.version_of("VERSION = 1\n")
