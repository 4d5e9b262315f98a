"""What handlers are made from: base classes for each type of step."""

from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.step_handler.batch import BatchableHandler, BatchWorkerHandler
from tasker_core.step_handler.decision import DecisionHandler
from tasker_core.step_handler.function import step_handler
from tasker_core.step_handler.typed import TypedStepHandler

__all__ = [
    "BatchWorkerHandler",
    "BatchableHandler",
    "DecisionHandler",
    "StepHandlerBase",
    "TypedStepHandler",
    "step_handler",
]
