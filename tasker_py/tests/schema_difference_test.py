"""Two JSON Schemas: what differs is named, and how one thing is written is no difference."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, RootModel

from tasker_core.task_handler.schema_difference import SchemaDifference


def places(ours: Any, theirs: Any) -> list[tuple[str, str, str]]:
    found = SchemaDifference(ours, theirs).places("s")
    return [(place.path, place.ours, place.theirs) for place in found]


class Item(BaseModel):
    sku: Annotated[str, Field(min_length=1, description="which product")]
    parts: "list[Item]" = []


class Order(BaseModel):
    items: Annotated[list[Item], Field(min_length=1)]
    note: str | None = None
    way: Literal["air", "ground"] = "ground"
    kind: Literal["order"] = "order"
    discount: Annotated[int, Field(ge=0, le=10)] | None = None


# The same by hand, the other way wherever there is one.
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["sku"],
    "properties": {
        "sku": {"type": "string", "minLength": 1},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 0},
    },
    "additionalProperties": True,
}
ORDER: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "description": "What is ordered",
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {"type": "array", "minItems": 1.0, "items": {"$ref": "#/$defs/item"}},
        "note": {"type": ["null", "string"]},
        "way": {"enum": ["ground", "air"]},
        "kind": {"enum": ["order"]},
        "discount": {"type": ["integer", "null"], "minimum": 0, "maximum": 10},
    },
    "$defs": {"item": ITEM},
}


def test_a_schema_that_is_written_another_way_is_the_same() -> None:
    assert places(Order.model_json_schema(), ORDER) == []


def test_each_difference_has_its_path_and_both_sides() -> None:
    theirs = {
        **ORDER,
        "additionalProperties": False,
        "required": ["items", "note"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            "note": {"type": "string"},
            "way": {"enum": ["ground", "sea"]},
            "kind": {"const": "order"},
            "price": {"type": "number"},
        },
        "$defs": {
            "item": {**ITEM, "properties": {**ITEM["properties"], "sku": {"type": "integer"}}}
        },
    }
    assert sorted(places(Order.model_json_schema(), theirs)) == [
        ("s.additionalProperties", "nothing", "false"),
        (
            "s.properties.discount",
            (
                '{"anyOf": [{"maximum": 10, "minimum": 0, "type": "integer"}, {"type": "null"}], '
                '"default": null, "title": "Discount"}'
            ),
            "nothing",
        ),
        ("s.properties.items.items.properties.sku.minLength", "1", "nothing"),
        ("s.properties.items.items.properties.sku.type", '"string"', '"integer"'),
        ("s.properties.items.minItems", "1", "nothing"),
        ("s.properties.note.type", '["null", "string"]', '"string"'),
        ("s.properties.price", "nothing", '{"type": "number"}'),
        ("s.properties.way.enum", '["air", "ground"]', '["ground", "sea"]'),
        ("s.required", '["items"]', '["items", "note"]'),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, True),
        ({"format": "date-time", "type": "string"}, {"type": "string"}),
        ({"pattern": "^(?!x)", "type": "string"}, {"type": "string"}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"type": ["string", "integer"]}),
        (
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
            {"anyOf": [{"type": "string"}, {"minimum": 1, "type": "integer"}]},
        ),
        ({"allOf": [{"type": "integer"}], "title": "N"}, {"type": "integer"}),
        ({"maximum": 10}, {"maximum": 10.0}),
    ],
)
def test_what_says_the_same_is_no_difference(ours: Any, theirs: Any) -> None:
    assert places(ours, theirs) == []
    assert places(theirs, ours) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "path"),
    [
        ({}, False, "s"),
        ({"enum": [1]}, {"enum": [True]}, "s.enum"),
        ({"pattern": "^x"}, {"pattern": "^y"}, "s.pattern"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {}]}, {"type": "integer"}, "s.anyOf"),
        ({"items": {"type": "integer"}}, {"items": {"type": "string"}}, "s.items.type"),
        (
            {"prefixItems": [{}, True]},
            {"prefixItems": [{}, {"type": "null"}]},
            "s.prefixItems[1].type",
        ),
        ({"$ref": "#/$defs/gone"}, {"type": "integer"}, "s.type"),
    ],
)
def test_what_says_something_else_is_one(ours: Any, theirs: Any, path: str) -> None:
    assert path in [place[0] for place in places(ours, theirs)]
    assert path in [place[0] for place in places(theirs, ours)]


def test_what_pydantic_makes_of_decimals_may_be_copied_without_the_pattern_that_looks_around() -> (
    None
):
    class Price(RootModel[Decimal]):
        pass

    ours = Price.model_json_schema()
    theirs = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    assert places(ours, theirs) == []


def test_a_schema_that_leads_to_itself_alone_ends() -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert [place[0] for place in places(loop, {"type": "integer"})] != []
