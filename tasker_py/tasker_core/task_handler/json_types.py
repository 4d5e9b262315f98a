"""Which types of JSON values a schema takes."""

from collections.abc import Mapping
from typing import Any


def json_types(schema: Any, root: Mapping[str, Any]) -> set[str] | None:
    """The types, such as `array`, of a schema within `root`; None when it says none."""
    if not isinstance(schema, Mapping):
        return None
    if "$ref" in schema:
        return json_types(resolved(schema["$ref"], root), root)
    declared = schema.get("type")
    if declared is not None:
        return {declared} if isinstance(declared, str) else set(declared)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            each = [json_types(choice, root) for choice in schema[word]]
            known = [types for types in each if types is not None]
            if len(known) == len(each):
                return set().union(*known)
    return None


def resolved(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the schema leads to, such as `#/$defs/Item`; True if to nothing."""
    value: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(value, Mapping) or key not in value:
            return True
        value = value[key]
    return value
