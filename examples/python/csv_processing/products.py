"""The file of products: where it may be, and its rows."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any

from tasker_core.errors import PermanentError


@dataclass(frozen=True)
class Product:
    """A row of the file."""

    id: int
    title: str
    category: str
    price: Decimal
    stock: int


def products_file(context: Any) -> Path:
    """The file at the context's `csv_file_path`, which is below the folder TASKER_FIXTURE_PATH.

    A relative path begins at that folder. PermanentError when the path is missing, leads anywhere
    else (by `..`, a symbolic link or as an absolute path), or when there is no file.
    """
    if not isinstance(context, Mapping) or "csv_file_path" not in context:
        raise PermanentError(
            f"csv_file_path is missing from the context {context!r}", error_code="MISSING_FIELD"
        )
    given = context["csv_file_path"]
    if not isinstance(given, str) or not given or "\0" in given:
        raise PermanentError(
            f"csv_file_path must be a path, not {given!r}", error_code="INVALID_FIELD"
        )
    served = os.environ.get("TASKER_FIXTURE_PATH")
    if not served:
        raise PermanentError(
            f"csv_file_path {given!r}: this worker serves no folder, "
            "TASKER_FIXTURE_PATH is not set",
            error_code="PATH_REFUSED",
        )
    folder = Path(served).resolve()
    path = (folder / given).resolve()
    if not path.is_relative_to(folder):
        raise PermanentError(
            f"csv_file_path {given!r} is outside the folder that this worker serves",
            error_code="PATH_REFUSED",
        )
    if not path.is_file():
        raise PermanentError(
            f"csv_file_path {given!r}: there is no such file", error_code="FILE_NOT_FOUND"
        )
    return path


def count_products(path: Path) -> int:
    """How many rows the file has below its header."""
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


def read_products(path: Path, start: int, end: int) -> Iterator[Product]:
    """The rows `start` to `end`, counted from 0 below the header; `end` is not among them.

    PermanentError when one of them is no product.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        for row in islice(rows, start, end):
            try:
                yield Product(
                    id=int(row["id"]),
                    title=row["title"],
                    category=row["category"],
                    price=Decimal(row["price"]),
                    stock=int(row["stock"]),
                )
            except (KeyError, TypeError, ValueError, InvalidOperation) as error:
                raise PermanentError(
                    f"line {rows.line_num} is no product: {row}", error_code="INVALID_ROW"
                ) from error
