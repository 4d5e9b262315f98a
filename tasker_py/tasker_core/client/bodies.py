"""What is sent to the API, and its JSON: written by the same rules as handlers' results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from tasker_core.client.states import StepAction, TemplateAction
from tasker_core.serialization import integers_of_any_size, to_json, to_utf8


@dataclass(frozen=True)
class JsonText:
    """A JSON text that is sent as it is written, where a value is to be sent."""

    text: str


class Body(BaseModel):
    """A body, or a part of one: what is not given, or is None, is not sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sent_as_null: ClassVar[frozenset[str]] = frozenset()
    """Fields that are sent even if they are None."""

    def encode(self) -> bytes:
        """SerializationError for a value that JSON cannot hold, with its path."""
        with integers_of_any_size():
            return to_utf8(self.json_text())

    def json_text(self) -> str:
        """The JSON object."""
        members = (
            f'"{name}": {_text(value, name)}'
            for name, value in self
            if name in self.model_fields_set and (value is not None or name in self.sent_as_null)
        )
        return "{" + ", ".join(members) + "}"


class CreateTask(Body):
    """A task to be created."""

    sent_as_null = frozenset({"context"})

    namespace: str
    name: str
    context: Any
    """What the handlers work on; JsonText to have a text sent as it is."""
    version: str | None = None
    """None: the default, as a rule the highest release."""
    initiator: str | None = None
    source_system: str | None = None
    reason: str | None = None
    tags: tuple[str, ...] = ()
    priority: int = 0
    """From -100 to 100; higher first."""
    correlation_id: str | None = None
    parent_correlation_id: str | None = None
    idempotency_key: str | None = None
    """1 to 255 characters: a second creation with the same key and body gives the first task."""


class CreateTasks(Body):
    """Tasks to be created in one commit, at most 1,000; each is created or refused for itself."""

    tasks: tuple[CreateTask, ...]


def _list_of(kind: str) -> WithJsonSchema:
    """What the API takes; it is the engine that says what is wrong with anything else."""
    return WithJsonSchema({"type": ["array", "null"], "items": {"type": kind}})


class ActOnStep(Body):
    """What an operator has done to a step that is in error, or waits for its next attempt."""

    action: StepAction
    reason: str
    by: str
    results: Any = None
    create_steps: Annotated[Any, _list_of("string")] = None
    batches: Annotated[Any, _list_of("object")] = None


class ActOnTemplate(Body):
    """What an operator has done to a version of a template."""

    action: TemplateAction
    reason: str
    by: str


def _text(value: Any, name: str) -> str:
    if isinstance(value, JsonText):
        return value.text
    if isinstance(value, Body):
        return value.json_text()
    if isinstance(value, Sequence) and value and isinstance(value[0], Body):
        return "[" + ", ".join(body.json_text() for body in value) + "]"
    return to_json(value, name)
