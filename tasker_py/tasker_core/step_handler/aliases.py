"""Reading a model by the names that it is written with, beside those that pydantic reads.

A field may have one name for what is read (`validation_alias`) and another for what is written
(`serialization_alias`). Where the two differ, pydantic does not read what it wrote.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator

Path = list[str | int]

# What holds a user's own values, which are none of pydantic's schemas.
_OPAQUE = frozenset(
    {"metadata", "default", "serialization", "cls", "expected", "custom_error_context"}
)

# What has schemas by names that are the user's, such as `type`, and stand for no key of pydantic's.
_BY_NAME = frozenset({"fields", "choices"})

# What pydantic makes a validator of that it uses wherever the class stands within another.
_MADE = frozenset({"model", "dataclass"})

# What has fields by name.
_WITH_FIELDS = frozenset({"model-fields", "typed-dict"})

_LOCK = threading.Lock()


def reader(schema: CoreSchema, *, written_first: bool) -> SchemaValidator | None:
    """What reads a type's values by all names of its fields; None where pydantic does so itself.

    `written_first`: the names that are written win over those that are read, where one field's are
    another's.
    """
    extended = _extended(schema, written_first)
    if extended is schema:
        return None
    try:
        # Without those that pydantic has made of the models within, which know the old names.
        return SchemaValidator(extended, _use_prebuilt=False)
    except TypeError:  # pydantic before 2.13 has no such argument.
        with _LOCK, _incomplete(list(_classes(extended))):
            return SchemaValidator(extended)


def _classes(node: Any) -> Iterator[type]:
    """The classes in a schema of which pydantic has made validators."""
    if isinstance(node, list):
        for member in node:
            yield from _classes(member)
    elif isinstance(node, dict):
        if node.get("type") in _MADE and vars(node["cls"]).get("__pydantic_complete__"):
            yield node["cls"]
        for key, value in node.items():
            if key in _BY_NAME and isinstance(value, dict):
                yield from _classes(list(value.values()))
            elif key not in _OPAQUE:
                yield from _classes(value)


@contextmanager
def _incomplete(classes: list[Any]) -> Iterator[None]:
    """What pydantic has made of these classes is not used meanwhile; it goes by this mark."""
    for one in classes:
        one.__pydantic_complete__ = False
    try:
        yield
    finally:
        for one in classes:
            one.__pydantic_complete__ = True


def _extended(node: Any, written_first: bool) -> Any:
    """The same schema, with the names that are written among those that are read."""
    if isinstance(node, list):
        members = [_extended(member, written_first) for member in node]
        return members if _differs(members, node) else node
    if not isinstance(node, dict):
        return node
    made = {key: _member(key, value, written_first) for key, value in node.items()}
    kind, fields = made.get("type"), made.get("fields")
    if kind in _WITH_FIELDS and isinstance(fields, dict):
        named = {name: _field(name, field, written_first) for name, field in fields.items()}
        if _differs(named.values(), fields.values()):
            made["fields"] = named
    elif kind == "dataclass-args" and isinstance(fields, list):
        listed = [_field(field["name"], field, written_first) for field in fields]
        if _differs(listed, fields):
            made["fields"] = listed
    return made if _differs(made.values(), node.values()) else node


def _member(key: str, value: Any, written_first: bool) -> Any:
    if key in _OPAQUE:
        return value
    if key in _BY_NAME and isinstance(value, dict):
        named = {name: _extended(member, written_first) for name, member in value.items()}
        return named if _differs(named.values(), value.values()) else value
    return _extended(value, written_first)


def _field(name: str, field: dict[str, Any], written_first: bool) -> dict[str, Any]:
    written: Path = [field.get("serialization_alias", name)]
    paths = _paths(field.get("validation_alias", name))
    if written == paths[0] or (written in paths and not written_first):
        return field
    others = [path for path in paths if path != written]
    names = [written, *others] if written_first else [*others, written]
    return {**field, "validation_alias": names}


def _paths(alias: str | list[Any]) -> list[Path]:
    """The places that a field is looked for at, of any of the forms that a schema may have."""
    if isinstance(alias, str):
        return [[alias]]
    return list(alias) if isinstance(alias[0], list) else [alias]


def _differs(made: Any, before: Any) -> bool:
    return any(one is not other for one, other in zip(made, before, strict=True))
