"""What is written by one model and read by another: told where it is certain, else passed over."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from tasker_checks.schema_fit import Schemas, written_schema


class Kind(Enum):
    CARD = "card"
    CASH = "cash"


class Node(BaseModel):
    value: int
    below: Optional["Node"] = None


class TextNode(BaseModel):
    value: str
    below: Optional["TextNode"] = None


class Open(BaseModel):
    model_config = {"extra": "allow"}
    id: int


def misfits(given: Any, wanted: Any) -> list[str]:
    read = TypeAdapter(wanted).json_schema(mode="validation")
    return Schemas(written_schema(given), read).misfits()


def model(**fields: Any) -> Any:
    return type("Model", (BaseModel,), {"__annotations__": fields})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, int),
        (int, float),
        (int, int | None),
        (int, Any),
        (Any, int),
        (dict[str, Any], model(total=int)),
        (list[int], list[float]),
        (Kind, Literal["card", "cash", "cheque"]),
        (Literal["card"], str),
        (Decimal, Decimal),
        (datetime, str),
        (str, datetime),
        (model(total=int, note=str), model(total=int)),
        (model(id=int, note=str), Open),
        (Node, Node),
        # Bounds, lengths and patterns are for run time.
        (int, Annotated[int, Field(ge=0)]),
        (str, Annotated[str, Field(min_length=1, pattern="^a")]),
    ],
)
def test_what_fits_is_not_complained_of(given: Any, wanted: Any) -> None:
    assert misfits(given, wanted) == []


@pytest.mark.parametrize(
    ("given", "wanted", "told"),
    [
        (str, int, ["it is a string, and an integer is wanted"]),
        (float, int, ["it is a number, and an integer is wanted"]),
        (int | None, int, ["it may be null, and an integer is wanted"]),
        (int | str | None, int | str, ["it may be null, and an integer or a string is wanted"]),
        (list[str], list[int], ["[] is a string, and an integer is wanted"]),
        (model(a=int), model(b=int), ["b is missing"]),
        (
            model(a=model(b=int)),
            model(a=model(b=str)),
            ["a.b is an integer, and a string is wanted"],
        ),
        (Kind, Literal["card"], ["it may be 'cash', which is none of 'card'"]),
        (str, Kind, ["it may be any string, and one of 'card', 'cash' is wanted"]),
        (Node, TextNode, ["value is an integer, and a string is wanted"]),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(given: Any, wanted: Any, told: list[str]) -> None:
    assert misfits(given, wanted)[: len(told)] == told


def test_a_field_with_a_default_may_be_absent() -> None:
    class Optioned(BaseModel):
        total: int
        note: str = ""

    assert misfits(model(total=int), Optioned) == []
    # What is written has all fields, defaults too.
    assert misfits(Optioned, model(total=int, note=str)) == []
