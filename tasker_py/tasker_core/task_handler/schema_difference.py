"""Where two JSON Schemas say different things of a document.

Compared is what the engine enforces, whichever way it is written: references are followed, what
only describes is passed over, and so are `format` and patterns that look around, which the engine
knows nothing of. Of two ways to write one thing that pydantic and people use, one is taken:
`const` is an `enum` of one, `anyOf` with null a list of types.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tasker_core.task_handler.json_types import resolved

Json = Any

_DESCRIBING = frozenset(
    {
        "$comment", "$defs", "$id", "$schema", "contentEncoding", "contentMediaType", "default",
        "definitions", "deprecated", "description", "discriminator", "examples", "format",
        "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
# What each of these says when it says nothing.
_IDLE: Mapping[str, Sequence[Json]] = {
    "additionalProperties": (True, {}),
    "items": (True, {}),
    "minItems": (0,),
    "minLength": (0,),
    "minProperties": (0,),
    "properties": ({},),
    "required": ([],),
    "uniqueItems": (False,),
}
_SCHEMAS_BY_NAME = frozenset({"dependentSchemas", "patternProperties", "properties"})
_CHOICES = frozenset({"allOf", "anyOf", "oneOf"})
_LOOKS_AROUND = ("(?=", "(?!", "(?<=", "(?<!")
_ABSENT: Json = object()


class Place(NamedTuple):
    """A keyword that differs: its path, and what each side has there, as JSON or `nothing`."""

    path: str
    ours: str
    theirs: str


class SchemaDifference:
    """Two schemas, each with its own definitions."""

    def __init__(self, ours: Json, theirs: Json) -> None:
        self._ours, self._theirs = ours, theirs
        # Pairs that are being compared: a schema may lead back to itself.
        self._open: set[tuple[int, int]] = set()

    def places(self, path: str) -> list[Place]:
        """Every place that differs; each path begins with `path`."""
        return list(self._compare(self._ours, self._theirs, path))

    def _compare(self, ours: Json, theirs: Json, path: str) -> Iterator[Place]:
        pair = (id(_target(ours, self._ours)), id(_target(theirs, self._theirs)))
        if pair in self._open:
            return
        self._open.add(pair)
        try:
            yield from self._compare_settled(
                _settled(ours, self._ours), _settled(theirs, self._theirs), path
            )
        finally:
            self._open.discard(pair)

    def _compare_settled(self, ours: Json, theirs: Json, path: str) -> Iterator[Place]:
        if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
            yield from _unlike(path, ours, theirs)
            return
        for word in sorted({*ours, *theirs}):
            one, other = ours.get(word, _ABSENT), theirs.get(word, _ABSENT)
            below = f"{path}.{word}"
            if word in _SCHEMAS_BY_NAME:
                yield from self._compare_by_name(one, other, below)
            elif word in _CHOICES or word == "prefixItems":
                yield from self._compare_lists(one, other, below, in_order=word == "prefixItems")
            elif isinstance(one, Mapping) and isinstance(other, Mapping):
                yield from self._compare(one, other, below)
            else:
                yield from _unlike(below, one, other)

    def _compare_by_name(self, ours: Json, theirs: Json, path: str) -> Iterator[Place]:
        mine = {} if ours is _ABSENT else ours
        others = {} if theirs is _ABSENT else theirs
        for name in {**mine, **others}:
            below = f"{path}.{name}"
            if name in mine and name in others:
                yield from self._compare(mine[name], others[name], below)
            else:
                yield from _unlike(below, mine.get(name, _ABSENT), others.get(name, _ABSENT))

    def _compare_lists(
        self, ours: Json, theirs: Json, path: str, *, in_order: bool
    ) -> Iterator[Place]:
        if ours is _ABSENT or theirs is _ABSENT:
            yield from _unlike(path, ours, theirs)
            return
        mine, others = list(ours), list(theirs)
        if not in_order:
            for choice in ours:
                same = [each for each in others if not list(self._compare(choice, each, path))]
                if same:
                    mine.remove(choice)
                    others.remove(same[0])
        if len(mine) != len(others):
            yield from _unlike(path, ours, theirs)
            return
        for index, (one, other) in enumerate(zip(mine, others, strict=True)):
            yield from self._compare(one, other, f"{path}[{index}]")


def _target(schema: Json, root: Json) -> Json:
    """The definition that a schema refers to, or itself."""
    is_reference = isinstance(schema, Mapping) and "$ref" in schema
    return resolved(schema["$ref"], root) if is_reference else schema


def _settled(schema: Json, root: Json) -> Json:
    """The schema in the one way of writing it that is compared."""
    seen = 0
    while isinstance(schema, Mapping):
        if "$ref" in schema and seen < len(root.get("$defs", ())) + 1:
            seen += 1
            target = resolved(schema["$ref"], root)
        elif len(schema.get("allOf", ())) == 1:
            target = schema["allOf"][0]
        else:
            break
        beside = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", *_DESCRIBING)}
        schema = {**target, **beside} if isinstance(target, Mapping) else target
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        return schema
    made = {word: value for word, value in schema.items() if word not in _DESCRIBING}
    made = {
        word: value
        for word, value in made.items()
        if not any(_same(value, idle) for idle in _IDLE.get(word, ()))
    }
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if "enum" in made:
        made["enum"] = sorted(made["enum"], key=_text)
        if "type" in made and all(_type_of(value) == made["type"] for value in made["enum"]):
            del made["type"]
    if "required" in made:
        made["required"] = sorted(set(made["required"]))
    if isinstance(made.get("pattern"), str) and any(s in made["pattern"] for s in _LOOKS_AROUND):
        del made["pattern"]
    for word in ("anyOf", "oneOf"):
        if set(made) == {word}:
            made = _with_types_together(word, made[word], root)
    if isinstance(made.get("type"), list):
        types = sorted(set(made["type"]))
        made["type"] = types[0] if len(types) == 1 else types
    return made


def _with_types_together(word: str, choices: Sequence[Json], root: Json) -> dict[str, Json]:
    """`anyOf` types alone as a list of types, and so one with null beside another choice."""
    settled = [_settled(choice, root) for choice in choices]
    if all(isinstance(each, Mapping) and set(each) == {"type"} for each in settled):
        types: list[Json] = []
        for each in settled:
            types += [each["type"]] if isinstance(each["type"], str) else each["type"]
        return {"type": types}
    others = [choice for choice in settled if choice != {"type": "null"}]
    if len(others) == 1 and len(settled) == 2:
        (other,) = others
        # These words would hold for null too.
        if (
            isinstance(other, Mapping)
            and isinstance(other.get("type"), str)
            and "enum" not in other
        ):
            return {**other, "type": [other["type"], "null"]}
    return {word: choices}


def _unlike(path: str, ours: Json, theirs: Json) -> Iterator[Place]:
    if ours is not _ABSENT and theirs is not _ABSENT and _same(ours, theirs):
        return
    yield Place(path, _shown(ours), _shown(theirs))


def _same(one: Json, other: Json) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, 1 and true are not, as Python has it."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Json) -> str:
    return "nothing" if value is _ABSENT else _text(value)


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _type_of(value: Json) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return names.get(type(value), "")
