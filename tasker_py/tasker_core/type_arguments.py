"""The types that a class gives to a generic base class of its own."""

import typing
from typing import Any


def type_arguments(handler: type, root: type) -> tuple[Any, ...] | None:
    """The types that a class puts in the places of the root's type variables."""
    for base in handler.__dict__.get("__orig_bases__", handler.__bases__):
        origin = typing.get_origin(base) or base
        if not (isinstance(origin, type) and issubclass(origin, root)):
            continue
        given = typing.get_args(base)
        if origin is root:
            return given or None
        inherited = type_arguments(origin, root)
        if inherited is not None:
            places = dict(zip(getattr(origin, "__parameters__", ()), given, strict=False))
            return tuple(places.get(declared, declared) for declared in inherited)
    return None
