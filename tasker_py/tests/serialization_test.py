"""Values become JSON exactly, or are refused by name and path."""

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from tasker_core.errors import SerializationError
from tasker_core.serialization import (
    allow_integers_of_any_size,
    from_json,
    shown,
    to_json,
    to_utf8,
)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Plain(Enum):
    ONE = 1


class Line(BaseModel):
    price: Decimal
    at: datetime
    amount: int
    weight: float = 0.5


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (6**64, "63340286662973277706162286946811886609896461828096"),
        (-(2**63), "-9223372036854775808"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e22, "1e+22"),
        (5e-324, "5e-324"),
        ("", '""'),
        ('a "quoted" \\ line\n', '"a \\"quoted\\" \\\\ line\\n"'),
        ("\u0000\u001f", '"\\u0000\\u001f"'),
        ("żółw 🐢", '"żółw 🐢"'),
        ([], "[]"),
        ({}, "{}"),
        ((1, [2, {}]), "[1, [2, {}]]"),
        ({"z": 1, "a": {"": None}}, '{"z": 1, "a": {"": null}}'),
        (Decimal("1.50"), '"1.50"'),
        (datetime(2024, 2, 29, 12, 30, 0, 250000, UTC), '"2024-02-29T12:30:00.250000Z"'),
        (
            datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            '"2024-02-29T12:30:00+05:30"',
        ),
        (Colour.RED, '"red"'),
        (Size.LARGE, "3"),
        (
            Line(price=Decimal("9.90"), at=datetime(2024, 1, 1, tzinfo=UTC), amount=6**64),
            (
                '{"price": "9.90", "at": "2024-01-01T00:00:00Z", '
                '"amount": 63340286662973277706162286946811886609896461828096, "weight": 0.5}'
            ),
        ),
    ],
)
def test_a_value_has_this_text(value: Any, text: str) -> None:
    assert to_json(value, "results") == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "results is nan, which JSON cannot hold"),
        ({"a": [0, math.inf]}, "results.a[1] is inf, which JSON cannot hold"),
        (
            {"lines": [Line(price=Decimal(1), at=datetime.now(UTC), amount=1, weight=math.nan)]},
            "results.lines[0].weight is nan, which JSON cannot hold",
        ),
        ({"a": Decimal("NaN")}, "results.a is Decimal NaN, which is not a number"),
        (
            {"a b": {1: 2}},
            "results['a b'] is a mapping with the key 1 of type int; keys must be strings",
        ),
        (
            [datetime(2024, 1, 1)],
            "results[0] is datetime.datetime(2024, 1, 1, 0, 0), a datetime without a time zone",
        ),
        ([{7}], "results[0] is {7} of type set, which JSON cannot hold"),
        (b"x", "results is b'x' of type bytes, which JSON cannot hold"),
        (
            {"k": Plain.ONE},
            f"results.k is <Plain.ONE: 1> of type {__name__}.Plain, which JSON cannot hold",
        ),
        (
            Unshowable(),
            (
                f"results is <a {__name__}.Unshowable whose repr fails> "
                f"of type {__name__}.Unshowable, which JSON cannot hold"
            ),
        ),
    ],
)
def test_what_json_cannot_hold_is_named_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(SerializationError) as raised:
        to_json(value, "results")
    assert str(raised.value) == message


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append({"again": endless})
    with pytest.raises(
        SerializationError, match="results is nested too deeply, or contains itself"
    ):
        to_json(endless, "results")


def test_a_model_that_pydantic_cannot_dump_is_refused() -> None:
    class Holder(BaseModel):
        value: object

    with pytest.raises(SerializationError, match=r"results\.h is a .*Holder that pydantic cannot"):
        to_json({"h": Holder(value=object())}, "results")


def test_integers_of_any_size_are_exact_both_ways() -> None:
    allow_integers_of_any_size()
    number = 7**20_000
    text = to_json({"n": number}, "results")
    assert len(text) == 16_902 + len('{"n": }')
    assert from_json(text) == {"n": number}


def test_half_a_surrogate_pair_becomes_its_escape() -> None:
    text = to_json(["\ud83d", "🐢"], "results")
    assert to_utf8(text) == '["\\ud83d", "🐢"]'.encode()
    assert from_json(to_utf8(text)) == ["\ud83d", "🐢"]


def test_what_is_shown_is_short() -> None:
    assert shown("a" * 1000) == "'" + "a" * 199 + "..."
