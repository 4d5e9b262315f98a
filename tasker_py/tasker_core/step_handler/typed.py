"""Handlers over models: the context, the ancestors' results and the own results are typed."""

import inspect
from collections.abc import Awaitable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

if TYPE_CHECKING:
    from tasker_core.step_handler.declaration import Declaration

Context = TypeVar("Context")
Result = TypeVar("Result")


class TypedStepHandler(StepHandlerBase, Generic[Context, Result]):
    """A handler whose `run` is given models, and gives one.

        class Charge(TypedStepHandler[OrderContext, Payment]):
            def run(self, context, step, validate_order: ValidatedOrder) -> Payment: ...

    A further parameter of `run` is an ancestor's results: its name is the step's, its annotation
    the model. `Model | None`, or a default, is for a step that may not have run;
    `list[Model | None]` for a batch worker. Parameters annotated `Task` and `Sequence` are given
    those. `run` may be `async def`, and may return a StepHandlerCallResult, for its metadata.
    Whatever pydantic can validate is a model here.

    Input that does not fit is a permanent failure (InvalidInputError) before `run` is called, and
    a result that does not fit another (InvalidResultError).
    """

    def run(
        self, context: Context, step: Step, *args: Any, **kwargs: Any
    ) -> Result | StepHandlerCallResult | Awaitable[Result | StepHandlerCallResult]:
        """Makes one attempt of the step."""
        raise NotImplementedError(f"{type(self).__qualname__} does not define run")

    def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Runs `run` on what the models make of context and results.

        To be awaited where `run` is `async def`: a `call` that is put around this one is, too.
        """
        call = _call_async if inspect.iscoroutinefunction(self.run) else _call
        return call(self, task, sequence, step)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Without `run` it is a base of others, whose kind is not known yet; and what a base class
        # puts around `call` stays.
        has_run = cls.run is not TypedStepHandler.run
        if has_run and cls.call in (TypedStepHandler.call, _call, _call_async):
            is_async = inspect.iscoroutinefunction(cls.run)
            cls.call = _call_async if is_async else _call  # type: ignore[method-assign]

    @classmethod
    def context_model(cls) -> Any:
        """The type of the context. DeclarationError when the class does not say it."""
        return cls._declaration().context.type

    @classmethod
    def input_models(cls) -> Mapping[str, Any]:
        """The types of the ancestors' results that `run` takes, by step name.

        DeclarationError when what `run` takes cannot be read.
        """
        return {name: model.type for name, model in cls._declaration().ancestors.items()}

    @classmethod
    def needs(cls) -> Collection[str]:
        """The steps without whose results `run` cannot be called. DeclarationError as above."""
        return cls._declaration().needed()

    @classmethod
    def output_model(cls) -> Any:
        """The type of the results. DeclarationError when the class does not say it."""
        return cls._declaration().result.type

    @classmethod
    def asks_for(cls) -> Collection[str] | None:
        """Those that `run` takes, unless it takes the sequence itself."""
        declaration = cls._declaration()
        return None if declaration.takes_sequence else declaration.ancestors.keys()

    @classmethod
    def _declaration(cls) -> "Declaration":
        # Not that of a base class, which declares other models.
        found: Declaration | None = cls.__dict__.get("_declared")
        if found is None:
            # Not at the top: this takes pydantic, which other handlers need not wait for.
            from tasker_core.step_handler import declaration

            found = cls._declared = declaration.Declaration(cls, TypedStepHandler)
        return found

    _declared: "Declaration | None" = None


def _call(
    self: TypedStepHandler[Any, Any], task: Task, sequence: Sequence, step: Step
) -> StepHandlerCallResult:
    """Runs `run` on what the models make of context and results."""
    declaration = self._declaration()
    context = declaration.context_of(task)
    arguments = declaration.arguments(task, sequence)
    return declaration.result_of(self.run(context, step, **arguments))


async def _call_async(
    self: TypedStepHandler[Any, Any], task: Task, sequence: Sequence, step: Step
) -> StepHandlerCallResult:
    """The same for a `run` that is `async def`."""
    declaration = self._declaration()
    context = declaration.context_of(task)
    arguments = declaration.arguments(task, sequence)
    returned: Any = self.run(context, step, **arguments)
    return declaration.result_of(await returned)
