"""The base class of task handlers, by which tasks of one workflow are started."""

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

from tasker_core.errors import DeclarationError
from tasker_core.serialization import shown
from tasker_core.task_handler.handle import AsyncTaskHandle, TaskHandle
from tasker_core.type_arguments import type_arguments

if TYPE_CHECKING:
    from typing import Unpack

    from pydantic import BaseModel

    from tasker_core.client import AsyncTaskerClient, Task, TaskerClient
    from tasker_core.client.operations import StartOptions

Context = TypeVar("Context", bound="BaseModel")
Results = TypeVar("Results", bound="BaseModel")


class TaskHandlerBase(Generic[Context, Results]):
    """One version of a workflow: its identity, its context and its results.

        class LinearWorkflowHandler(TaskHandlerBase[EvenNumber, LinearResults]):
            namespace = "linear_workflow_py"
            name = "mathematical_sequence_py"
            version = "1.0.0"

    The template names the class as its `task_handler`; whoever has both at hand, which is the
    worker, a WorkflowTest and the build, refuses a class that says something else than the
    template. No instance is ever made.

    `Context` is the model of the task's context. A field of `Results` is named after a step that no
    other depends on, and its type is the model of what that step returned. One with a default, or
    that may be None, is for a step that a decision may not choose; `list[Model]`, with a default,
    is for a batch worker.
    """

    namespace: ClassVar[str]
    """`namespace_name` of the template."""
    name: ClassVar[str]
    """`name` of the template."""
    version: ClassVar[str]
    """`version` of the template, which the tasks take that the class starts."""

    @overload
    @classmethod
    def start(
        cls, client: "TaskerClient", context: Context, /, **options: "Unpack[StartOptions]"
    ) -> TaskHandle[Results]: ...

    @overload
    @classmethod
    def start(
        cls, client: "AsyncTaskerClient", context: Context, /, **options: "Unpack[StartOptions]"
    ) -> Coroutine[Any, Any, AsyncTaskHandle[Results]]: ...

    @overload
    @classmethod
    def start(cls, client: "TaskerClient", /, **fields: Any) -> TaskHandle[Results]: ...

    @overload
    @classmethod
    def start(
        cls, client: "AsyncTaskerClient", /, **fields: Any
    ) -> Coroutine[Any, Any, AsyncTaskHandle[Results]]: ...

    @classmethod
    def start(
        cls, client: "TaskerClient | AsyncTaskerClient", context: Any = None, /, **given: Any
    ) -> TaskHandle[Results] | Coroutine[Any, Any, AsyncTaskHandle[Results]]:
        """Creates a task of this version, which is durable then; awaited with an async client.

        With a context the keywords are the options of `create_task`, such as `idempotency_key`,
        `priority` or `tags`; without one they are the fields of the context.

        TypeError for a context of another type and for a keyword that is no field; pydantic's
        ValidationError for fields that do not fit; else what `create_task` raises.
        """
        from tasker_core.client import AsyncTaskerClient

        if context is None:
            context, options = cls._context_of(given), {}
        elif isinstance(context, cls.context_model()):
            options = given
        else:
            raise TypeError(
                f"{cls.__qualname__}.start takes a {cls.context_model().__qualname__}, not "
                f"{shown(context)}"
            )
        task = client.create_task(cls.namespace, cls.name, context, version=cls.version, **options)
        if isinstance(client, AsyncTaskerClient):
            return _started(cls, client, cast("Coroutine[Any, Any, Task]", task))
        return TaskHandle(cls, client, cast("Task", task))

    @classmethod
    def context_model(cls) -> type[Context]:
        """The model of the context. DeclarationError when the class does not say it."""
        return cast("type[Context]", cls._models()[0])

    @classmethod
    def results_model(cls) -> type[Results]:
        """The model of the results. DeclarationError as above."""
        return cast("type[Results]", cls._models()[1])

    @classmethod
    def input_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the context, which the template's `input_schema` is held against."""
        return cls.context_model().model_json_schema(mode="validation")

    @classmethod
    def _models(cls) -> tuple[Any, ...]:
        from pydantic import BaseModel

        models = type_arguments(cls, TaskHandlerBase) or ()
        if not models or not all(
            isinstance(model, type) and issubclass(model, BaseModel) for model in models
        ):
            raise DeclarationError(
                f"{cls.__qualname__} does not say its models, each a subclass of pydantic's "
                f"BaseModel: class {cls.__qualname__}(TaskHandlerBase[Context, Results])"
            )
        return models

    @classmethod
    def _context_of(cls, fields: Mapping[str, Any]) -> Context:
        """The context that has these fields.

        TypeError for what is none: pydantic passes it over in silence, and it may have been meant
        for `create_task`.
        """
        model = cls.context_model()
        known = _names(model)
        if model.model_config.get("extra") == "allow":
            known |= fields.keys() - _options()
        if unknown := [name for name in fields if name not in known]:
            raise TypeError(
                f"{cls.__qualname__}.start: {model.__qualname__} has no field "
                f"{', '.join(map(repr, unknown))}; options go with a context: "
                f"start(client, {model.__qualname__}(...), {unknown[0]}=...)"
            )
        return model(**fields)


async def _started(
    handler: type[TaskHandlerBase[Any, Results]],
    client: "AsyncTaskerClient",
    task: Coroutine[Any, Any, "Task"],
) -> AsyncTaskHandle[Results]:
    return AsyncTaskHandle(handler, client, await task)


def _names(model: type["BaseModel"]) -> set[str]:
    """What a model's fields are given by: their names, and the aliases that are read."""
    from pydantic import AliasChoices, AliasPath

    found = set(model.model_fields)
    for field in model.model_fields.values():
        alias = field.validation_alias
        for one in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            first = one.path[0] if isinstance(one, AliasPath) else one
            if isinstance(first, str):
                found.add(first)
    return found


def _options() -> set[str]:
    from tasker_core.client.operations import StartOptions

    return set(StartOptions.__annotations__)
