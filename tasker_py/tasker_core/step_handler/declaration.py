"""The models that a typed handler declares, and how values are held against them."""

import dataclasses
import inspect
import typing
from functools import partial
from typing import Any

import pydantic_core
from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from tasker_core.errors import DeclarationError, InvalidInputError, InvalidResultError
from tasker_core.model_json import json_value
from tasker_core.serialization import shown, type_name
from tasker_core.step_handler import aliases
from tasker_core.type_arguments import type_arguments
from tasker_core.types import Sequence, StepHandlerCallResult, Task

MOST_VIOLATIONS = 50

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Model:
    """A type that values are held against."""

    def __init__(self, declared: Any, *, returned_by_step: bool) -> None:
        """`returned_by_step`: what is read was written with the model, and not by a client."""
        self.type = declared
        try:
            self.adapter: TypeAdapter[Any] = TypeAdapter(declared)
        except PydanticUserError as error:
            raise DeclarationError(
                f"pydantic cannot validate {self.name}: {error.message}"
            ) from None
        if not self.adapter.pydantic_complete:
            raise DeclarationError(
                f"{self.name} is not fully defined: one of its annotations cannot be resolved"
            )
        reader = aliases.reader(self.adapter.core_schema, written_first=returned_by_step)
        self._reader: SchemaValidator | TypeAdapter[Any] = reader or self.adapter

    @property
    def name(self) -> str:
        """The type as one writes it."""
        return self.type.__name__ if isinstance(self.type, type) else str(self.type)

    @property
    def takes_none(self) -> bool:
        """Whether None is a value of the type."""
        try:
            self.adapter.validate_python(None)
        except Exception:  # a validator of the user's, which expects something else.
            return False
        return True

    def read(self, value: Any, path: str) -> Any:
        """What the model makes of a JSON value.

        InvalidInputError with all that does not fit.
        """
        try:
            # As JSON, which the value was: what strict models take depends on it.
            return self._reader.validate_json(pydantic_core.to_json(value))
        except ValidationError as error:
            message, violations = _listed(error, path)
            raise InvalidInputError(
                f"{path} does not fit {self.name}: {message}",
                error_code="INVALID_INPUT",
                metadata={"violations": violations},
            ) from None
        except pydantic_core.PydanticSerializationError as error:
            # Half a surrogate pair, which no model takes either.
            raise InvalidInputError(
                f"{path} cannot be read as {self.name}: {error}", error_code="INVALID_INPUT"
            ) from None

    def written(self, value: Any) -> Any:
        """A JSON value for what a handler returned.

        InvalidResultError with all that does not fit the model.
        """
        try:
            valid = self.adapter.validate_python(value)
        except ValidationError as error:
            message, violations = _listed(error, "results")
            raise InvalidResultError(
                f"{shown(value)} of type {type_name(value)} does not fit {self.name}: {message}",
                error_code="INVALID_RESULT",
                metadata={"violations": violations},
            ) from None
        return json_value(partial(self.adapter.dump_python, valid))


class Declaration:
    """What a subclass of TypedStepHandler takes and gives."""

    def __init__(self, handler: Any, root: type) -> None:
        """Reads a subclass of `root`, which is TypedStepHandler.

        DeclarationError when it does not say enough.
        """
        types = type_arguments(handler, root)
        if types is None or any(isinstance(declared, typing.TypeVar) for declared in types):
            raise DeclarationError(
                f"{handler.__qualname__} does not say its models: class "
                f"{handler.__qualname__}(TypedStepHandler[Context, Result])"
            )
        self.context = Model(types[0], returned_by_step=False)
        self.result = Model(types[1], returned_by_step=True)
        self.ancestors: dict[str, Model] = {}
        # Parameters that are given task or sequence themselves.
        self._task: list[str] = []
        self._sequence: list[str] = []
        self._defaults: dict[str, Any] = {}
        if handler.run is not root.run:  # type: ignore[attr-defined]
            self._read_parameters(handler.run)

    def _read_parameters(self, run: Any) -> None:
        parameters = list(inspect.signature(run).parameters.values())
        if len(parameters) < 3 or any(one.kind not in _POSITIONAL for one in parameters[:3]):
            raise DeclarationError(
                f"run takes {inspect.signature(run)}; wanted: run(self, context, step, ...)"
            )
        try:
            hints = typing.get_type_hints(run, include_extras=True)
        except NameError as error:
            raise DeclarationError(
                f"an annotation of run cannot be read: {error}; is it imported for type checking "
                "alone?"
            ) from None
        for parameter in parameters[3:]:
            name, declared = parameter.name, hints.get(parameter.name)
            if parameter.kind not in (*_POSITIONAL[1:], inspect.Parameter.KEYWORD_ONLY):
                raise DeclarationError(
                    f"the parameter {parameter} of run names no step: each of them is one, by name"
                )
            if declared is None:
                raise DeclarationError(
                    f"the parameter {name} of run has no annotation; it is the model of what the "
                    f"step {name!r} returned"
                )
            if declared is Task:
                self._task.append(name)
            elif declared is Sequence:
                self._sequence.append(name)
            else:
                self.ancestors[name] = Model(declared, returned_by_step=True)
                if parameter.default is not parameter.empty:
                    self._defaults[name] = parameter.default

    def needed(self) -> list[str]:
        """The ancestors whose results have neither a default nor may be None."""
        return [
            name
            for name, model in self.ancestors.items()
            if name not in self._defaults and not model.takes_none
        ]

    @property
    def takes_sequence(self) -> bool:
        """Whether `run` can ask for any ancestor's results."""
        return bool(self._sequence)

    def context_of(self, task: Task) -> Any:
        """The context as its model. InvalidInputError when it does not fit."""
        return self.context.read(task.context, "context")

    def arguments(self, task: Task, sequence: Sequence) -> dict[str, Any]:
        """What `run` is given beside context and step, by parameter.

        InvalidInputError when an ancestor's results do not fit, or it did not run.
        """
        arguments: dict[str, Any] = dict.fromkeys(self._task, task)
        arguments.update(dict.fromkeys(self._sequence, sequence))
        for name, model in self.ancestors.items():
            if name in sequence:
                arguments[name] = model.read(sequence[name], name)
            elif sequence.has_batches(name):
                arguments[name] = _read_batches(sequence.batch(name), name, model)
            elif name in self._defaults:
                arguments[name] = self._defaults[name]
            else:
                arguments[name] = self._absent(name, model)
        return arguments

    def _absent(self, name: str, model: Model) -> Any:
        try:
            return model.adapter.validate_python(None)
        except Exception:  # a validator of the user's again.
            raise InvalidInputError(
                f"the step {name!r} did not run before this one, whose run takes its results: is "
                "it a step before this one in the template? If it is, and may not run, annotate "
                f"{name}: {model.name} | None",
                error_code="INVALID_INPUT",
                metadata={"violations": [{"path": name, "message": "missing", "type": "missing"}]},
            ) from None

    def result_of(self, returned: Any) -> StepHandlerCallResult:
        """The outcome of an attempt whose `run` returned this.

        InvalidResultError when it does not fit the model.
        """
        if not isinstance(returned, StepHandlerCallResult):
            results = self.result.written(returned)
            return StepHandlerCallResult(is_success=True, results=results, none_is_null=True)
        if not returned.is_success:
            return returned
        results = self.result.written(returned.results)
        return dataclasses.replace(returned, results=results, none_is_null=True)


def _read_batches(results: list[Any], name: str, model: Model) -> Any:
    try:
        return model.read(results, name)
    except InvalidInputError as error:
        if None not in results:
            raise
        # Most likely not foreseen: nothing but an operator makes a batch without results.
        raise InvalidInputError(
            f"{error}; a batch that was resolved by hand, or returned None, is None in the list: "
            f"annotate {name}: list[... | None]",
            error_code=error.error_code,
            metadata=error.metadata,
        ) from None


def _listed(error: ValidationError, path: str) -> tuple[str, list[dict[str, str]]]:
    """What does not fit, as a sentence and for programs."""
    violations = [
        {
            "path": path + "".join(_part(part) for part in found["loc"]),
            "message": found["msg"],
            "type": found["type"],
        }
        for found in error.errors(include_url=False, include_context=False)
    ]
    sentences = [f"{violation['path']}: {violation['message']}" for violation in violations]
    if len(sentences) > MOST_VIOLATIONS:
        sentences[MOST_VIOLATIONS:] = [f"and {len(sentences) - MOST_VIOLATIONS} more"]
    return "; ".join(sentences), violations[:MOST_VIOLATIONS]


def _part(part: int | str) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if part.isidentifier() else f"[{part!r}]"
