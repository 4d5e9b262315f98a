"""Whether all values of one JSON Schema are values of another, as far as that can be told.

Of the schemas that pydantic makes: what is told is certain, what cannot be told is passed over.
Bounds, lengths, patterns and formats are for run time; types, fields and enumerated values are told
here.
"""

from collections.abc import Iterator
from typing import Any

Schema = Any
_NUMBERS = {"integer": {"integer", "number"}}
# A schema may refer to itself.
DEEPEST = 40


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
        for each in alternatives:
            reasons = []
            for choice in choices:
                found = list(self._misfits_of_one(each, choice, path, depth))
                if not found:
                    break
                reasons.append(found)
            else:
                yield from _best(reasons, each, choices, path)

    def _misfits_of_one(
        self, written: Schema, read: Schema, path: str, depth: int
    ) -> Iterator[str]:
        if not isinstance(written, dict) or not isinstance(read, dict):
            return
        kind, wanted = written.get("type"), read.get("type")
        if kind is not None and wanted is not None and not _NUMBERS.get(kind, {kind}) & {wanted}:
            yield f"{path or 'it'} is {_article(kind)}, and {_article(wanted)} is wanted"
            return
        values, allowed = _values(written), _values(read)
        if values is not None and allowed is not None:
            for value in values:
                if value not in allowed:
                    choices = ", ".join(map(repr, allowed))
                    yield f"{path or 'it'} may be {value!r}, which is none of {choices}"
        elif (
            allowed is not None and kind == wanted and values is None and kind not in (None, "null")
        ):
            yield f"{path or 'it'} may be any {kind}, and one of {', '.join(map(repr, allowed))} is wanted"
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
