"""What an attempt produced: StepHandlerCallResult."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasker_core.errors import InvalidResultError
from tasker_core.serialization import shown, type_name


@dataclass(frozen=True, kw_only=True)
class StepHandlerCallResult:
    """What an attempt produced. Made by `success` or `failure`."""

    is_success: bool
    results: Any = None
    metadata: Mapping[str, Any] | None = None
    error: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    retryable: bool = False
    retry_after: float | None = None
    create_steps: tuple[str, ...] | None = None
    """The steps that a decision creates; None if the step is no decision."""
    batches: tuple[Mapping[str, Any], ...] | None = None
    """The cursors of a batchable step, `{"start", "end", "data"?}`; None if it is not batchable."""
    none_is_null: bool = field(default=False, repr=False, compare=False)
    """Whether results of None are `null`, as those of a typed handler are; else they are `{}`."""

    @classmethod
    def success(
        cls,
        results: Any = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        create_steps: Iterable[str] | None = None,
        batches: Iterable[Mapping[str, Any]] | None = None,
    ) -> "StepHandlerCallResult":
        """The step is done. `results` is any JSON value; the steps behind it see exactly that.

        None stands for no results, and is `{}`. `create_steps` and `batches` are for decisions and
        batchable steps, whose base classes have methods that make them.
        """
        return cls(
            is_success=True,
            results=results,
            metadata=metadata,
            create_steps=None if create_steps is None else _names(create_steps),
            batches=None if batches is None else tuple(batches),
        )

    @classmethod
    def failure(
        cls,
        error: str,
        error_type: str = "handler_error",
        error_code: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> "StepHandlerCallResult":
        """The attempt failed, for good unless `retryable`.

        `retry_after`, in seconds, wins over the back-off.
        """
        return cls(
            is_success=False,
            error=error,
            error_type=error_type,
            error_code=error_code,
            retryable=retryable,
            retry_after=retry_after,
            metadata=metadata,
        )


def _names(create_steps: object) -> tuple[str, ...]:
    if isinstance(create_steps, str):
        # It would be taken for the names of its letters.
        raise InvalidResultError(
            f"create_steps takes a list of names, not one string: [{create_steps!r}]"
        )
    if not isinstance(create_steps, Iterable):
        raise InvalidResultError(
            f"create_steps is {shown(create_steps)} of type {type_name(create_steps)}, not a list "
            "of names"
        )
    names = tuple(create_steps)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise InvalidResultError(
                f"create_steps[{index}] is {shown(name)} of type {type_name(name)}, not a name"
            )
    return names
