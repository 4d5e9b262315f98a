"""The client and docs/openapi.json say the same: neither changes without the other."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import tasker_core.client

DOCUMENT = json.loads(Path("docs/openapi.json").read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

Shape = Any


def shape(schema: Any) -> Shape:
    """A JSON Schema without its words, limits and formats of numbers: its type alone."""
    if schema is True or not set(schema) - {"description", "default", "title"}:
        return "any"
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "allOf" in schema:
        (schema,) = schema["allOf"]
        return shape(schema)
    if choices := schema.get("anyOf", schema.get("oneOf")):
        shapes = [shape(choice) for choice in choices]
        words = [choice[1] for choice in shapes if choice[0] == "words"]
        if len(words) == len(shapes):
            return ("words", frozenset().union(*words))
        return frozenset(shapes)
    if "const" in schema:
        return ("words", frozenset({schema["const"]}))
    if "enum" in schema:
        return ("words", frozenset(schema["enum"]))
    if isinstance(schema["type"], list):
        return frozenset(shape({**schema, "type": name}) for name in schema["type"])
    if schema["type"] == "object" and "properties" in schema:
        fields = {(name, shape(field)) for name, field in schema["properties"].items()}
        return ("object", frozenset(fields), frozenset(schema.get("required", ())))
    if schema["type"] == "array":
        return ("array", shape(schema["items"]))
    # Times are `string` in the document; a datetime says more.
    format_ = schema.get("format") if schema["type"] == "string" else None
    return schema["type"] if format_ in (None, "date-time") else (schema["type"], format_)


def client_shapes() -> dict[str, Shape]:
    """The shape of each type of the client that is one of the API's."""
    shapes: dict[str, Shape] = {}
    for name in SCHEMAS:
        found = getattr(tasker_core.client, name, None)
        if found is None:
            continue
        schema = TypeAdapter(found).json_schema(ref_template="#/components/schemas/{model}")
        parts = schema.pop("$defs", {})
        if "anyOf" in schema:
            schema["anyOf"] = [
                parts.get(choice["$ref"].rpartition("/")[2], choice) for choice in schema["anyOf"]
            ]
        shapes[name] = shape(schema)
    return shapes


def differences(schemas: dict[str, Any]) -> list[str]:
    """The types that the document and the client do not describe alike."""
    wanted = {name: shape(schema) for name, schema in schemas.items()}
    found = client_shapes()
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def test_the_types_are_those_of_the_document() -> None:
    assert differences(SCHEMAS) == []


def test_no_type_of_the_client_is_missing_in_the_document() -> None:
    beside = {"JsonText", "StepStateChanged", "TaskStatusChanged", "TaskerClient"}
    names = {
        name
        for name in tasker_core.client.__all__
        if not name.endswith("Error") and not name.startswith("Async")
    }
    assert names - beside == set(SCHEMAS)


def _add_property(schemas: dict[str, Any]) -> None:
    schemas["Step"]["properties"]["colour"] = {"type": "string"}


def _remove_property(schemas: dict[str, Any]) -> None:
    del schemas["Task"]["properties"]["priority"]


def _change_type(schemas: dict[str, Any]) -> None:
    schemas["Worker"]["properties"]["slots"]["type"] = "string"


def _change_item_type(schemas: dict[str, Any]) -> None:
    schemas["Worker"]["properties"]["namespaces"]["items"]["type"] = "integer"


def _make_nullable(schemas: dict[str, Any]) -> None:
    schemas["TaskEvent"]["oneOf"][1]["properties"]["step_name"]["type"] = ["string", "null"]


def _make_optional(schemas: dict[str, Any]) -> None:
    schemas["TaskPage"]["required"].remove("next_cursor")


def _add_word(schemas: dict[str, Any]) -> None:
    schemas["StepState"]["oneOf"].append({"const": "asleep", "type": "string"})


def _remove_word(schemas: dict[str, Any]) -> None:
    schemas["ErrorCode"]["oneOf"].pop()


def _add_schema(schemas: dict[str, Any]) -> None:
    schemas["Weather"] = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_add_property, "Step"),
        (_remove_property, "Task"),
        (_change_type, "Worker"),
        (_change_item_type, "Worker"),
        (_make_nullable, "TaskEvent"),
        (_make_optional, "TaskPage"),
        (_add_word, "StepState"),
        (_remove_word, "ErrorCode"),
        (_add_schema, "Weather"),
    ],
)
def test_a_change_of_either_is_a_difference(change: Any, name: str) -> None:
    schemas = copy.deepcopy(SCHEMAS)
    change(schemas)
    assert differences(schemas) == [name]
