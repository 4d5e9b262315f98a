"""The lists of software are CycloneDX 1.6, and name what is in the images."""

import json
import os
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

BILLS = [Path(path) for path in os.environ["BILLS"].split()]


@pytest.mark.parametrize("bill", BILLS, ids=[path.parent.name for path in BILLS])
def test_the_list_is_valid(bill: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.read_text()) is None


def test_a_list_without_its_format_is_refused() -> None:
    """That the validator would see a mistake."""
    bill = json.loads(BILLS[0].read_text())
    del bill["bomFormat"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is not None


def test_the_lists_name_packages_of_each_kind() -> None:
    urls = {
        path.parent.name: [each["purl"] for each in json.loads(path.read_text())["components"]]
        for path in BILLS
    }
    engine, worker = urls["server"], urls["tasker_py"]
    assert [url for url in engine if url.startswith("pkg:pypi/")] == []
    for url in ("pkg:cargo/axum@", "pkg:cargo/tokio-postgres@", "pkg:deb/debian/libc6@"):
        assert len([each for each in engine if each.startswith(url)]) == 1, url
    for url in ("pkg:cargo/tokio-tungstenite@", "pkg:deb/debian/libssl3@", "pkg:pypi/pydantic@"):
        assert len([each for each in worker if each.startswith(url)]) == 1, url
    # Only their builds or tests need them.
    for url in ("pkg:cargo/proptest@", "pkg:cargo/insta@", "pkg:cargo/flate2@"):
        assert [each for each in engine + worker if each.startswith(url)] == [], url
