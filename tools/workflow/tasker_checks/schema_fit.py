"""Whether all values of one JSON Schema are values of another, as far as that can be told.

Of the schemas that pydantic makes: what is told is certain, what cannot be told is passed over.
Bounds, lengths, patterns and formats are for run time; types, fields and enumerated values are told
here.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

Schema = Any
_NUMBERS = {"integer": {"integer", "number"}}
# Types that have more values than can be listed.
_FREE = ("integer", "number", "string")
# A schema may refer to itself.
DEEPEST = 40


class _Written(GenerateJsonSchema):
    """Schemas of what is written, which has the fields with a default, too."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        if field["type"] in ("model-field", "dataclass-field"):
            return True
        return super().field_is_required(field, total)


def written_schema(given: Any) -> Schema:
    """The schema of the JSON that is written for values of a type.

    PydanticInvalidForJsonSchema when it has none.
    """
    return TypeAdapter(given).json_schema(mode="serialization", schema_generator=_Written)


class Schemas:
    """What is written, and what is read, each with its own definitions."""

    def __init__(self, written: Schema, read: Schema) -> None:
        self.written, self.read = written, read

    def misfits(self) -> list[str]:
        """Each way in which a written value may not be read: the path of a field, and why."""
        found = list(self._misfits(self.written, self.read, "", 0))
        return list(dict.fromkeys(found))

    def _misfits(self, written: Schema, read: Schema, path: str, depth: int) -> Iterator[str]:
        if depth > DEEPEST:
            return
        alternatives = list(_alternatives(written, self.written))
        choices = list(_alternatives(read, self.read))
        is_one = "may be" if len(alternatives) > 1 else "is"
        for each in alternatives:
            reasons = []
            for choice in choices:
                found = list(self._misfits_of_one(each, choice, path, depth, is_one))
                if not found:
                    break
                reasons.append(found)
            else:
                yield from _best(reasons, each, choices, path)

    def _misfits_of_one(
        self, written: Schema, read: Schema, path: str, depth: int, is_one: str
    ) -> Iterator[str]:
        kind, wanted = written.get("type"), read.get("type")
        what = path or "it"
        if kind is not None and wanted is not None and wanted not in _NUMBERS.get(kind, {kind}):
            yield f"{what} {is_one} {_article(kind)}, and {_article(wanted)} is wanted"
            return
        values, allowed = _values(written), _values(read)
        if allowed is not None and (values is not None or kind in _FREE):
            choices = ", ".join(map(repr, allowed))
            for value in values or []:
                if value not in allowed:
                    yield f"{what} may be {value!r}, which is none of {choices}"
            if values is None:
                yield f"{what} may be any {kind}, and one of {choices} is wanted"
        if kind == "object":
            yield from self._misfits_of_fields(written, read, path, depth)
        if kind == "array" and isinstance(read.get("items"), dict) and "items" in written:
            yield from self._misfits(written["items"], read["items"], f"{path}[]", depth + 1)

    def _misfits_of_fields(
        self, written: Schema, read: Schema, path: str, depth: int
    ) -> Iterator[str]:
        fields, wanted = written.get("properties", {}), read.get("properties", {})
        # A mapping of any keys may have these.
        is_open = "properties" not in written
        for name in read.get("required", []):
            if name not in fields and not is_open:
                yield f"{_below(path, name)} is missing"
            elif name in fields and name not in written.get("required", []):
                yield f"{_below(path, name)} may be missing"
        for name, field in fields.items():
            if name in wanted:
                yield from self._misfits(field, wanted[name], _below(path, name), depth + 1)
            elif read.get("additionalProperties") is False:
                yield f"{_below(path, name)} is one field too many"


def _alternatives(schema: Schema, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """The schema with its references followed and its unions taken apart."""
    if depth > DEEPEST or not isinstance(schema, dict):
        yield {}
        return
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        yield from _alternatives(root.get("$defs", {}).get(name, {}), root, depth + 1)
        return
    for word in ("anyOf", "oneOf"):
        if word in schema:
            for each in schema[word]:
                yield from _alternatives(each, root, depth + 1)
            return
    if len(schema.get("allOf", [])) == 1:
        yield from _alternatives(schema["allOf"][0], root, depth + 1)
        return
    yield {} if "allOf" in schema else schema


def _best(reasons: list[list[str]], written: Schema, choices: list[Schema], path: str) -> list[str]:
    """Of the reasons why no choice fits: those of the choice that comes nearest."""
    if len(reasons) == 1:
        return reasons[0]
    kind = written.get("type")
    same = [
        found
        for found, choice in zip(reasons, choices, strict=True)
        if isinstance(choice, dict) and choice.get("type") == kind
    ]
    if same:
        return min(same, key=len)
    wanted = " or ".join(_article(choice.get("type", "value")) for choice in choices)
    return [f"{path or 'it'} may be {_article(kind or 'value')}, and {wanted} is wanted"]


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _article(kind: str) -> str:
    if kind == "null":
        return "null"
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
