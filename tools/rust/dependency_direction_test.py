"""Crates depend on one another only as the design lets them: data flows one way, never back up."""

import json
import os
from pathlib import Path

import pytest

# Each member of the workspace by its folder: the members that it may depend on, in tests too.
ALLOWED = {
    "bench": {
        "crates/client",
        "crates/core",
        "crates/protocol",
        "crates/template",
        "crates/worker",
    },
    "crates/client": {"crates/protocol"},
    "crates/core": {"crates/protocol", "crates/template"},
    "crates/ffi": {
        "crates/core",
        "crates/protocol",
        "crates/template",
        "crates/testing",
        "crates/worker",
    },
    "crates/health": set(),
    "crates/journal": set(),
    "crates/protocol": set(),
    "crates/schema": set(),
    "crates/server": {"crates/core", "crates/journal", "crates/protocol", "crates/template"},
    "crates/simulation": {"crates/core", "crates/protocol", "crates/template", "crates/worker"},
    "crates/template": {"crates/schema"},
    "crates/testing": {"crates/core", "crates/protocol", "crates/template"},
    "crates/worker": {"crates/protocol", "crates/template"},
    "e2e/support": {"crates/client", "crates/protocol", "crates/worker"},
    "tools/oci/gzip": set(),
    "tools/workflow/template_check": {"crates/template"},
}

# As cargo resolved it, whatever names the manifests use.
EDGES: dict[str, list[str]] = json.loads(Path(os.environ["MEMBERS"]).read_text())


def test_every_member_has_its_place() -> None:
    assert set(EDGES) == set(ALLOWED)


@pytest.mark.parametrize("folder", EDGES)
def test_a_member_depends_on_nothing_above_it(folder: str) -> None:
    assert set(EDGES[folder]) <= ALLOWED[folder]
