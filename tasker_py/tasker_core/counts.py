"""Whole numbers as users give them: whatever Python takes for an index, as numpy's integers are."""

import operator

from tasker_core.errors import InvalidResultError, TaskerError
from tasker_core.serialization import shown, type_name

# What the engine keeps a number of items in.
MOST = 2**64 - 1


def count(
    value: object, name: str, *, least: int = 0, error: type[TaskerError] = InvalidResultError
) -> int:
    """The value as an int. The error, with the value's name, when it is none, or out of range."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or number < least:
        wanted = f"a whole number, {least} or more, is wanted"
    elif number > MOST:
        wanted = f"at most {MOST} is possible"
    else:
        return number
    raise error(f"{name} is {shown(value)} of type {type_name(value)}; {wanted}")
