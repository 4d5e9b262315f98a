"""The handlers of a workflow with a module of the same name as ../one's."""

from typing import Any

from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase):
    def call(self, task: Any, sequence: Any, step: Any) -> dict[str, int]:
        return {"price": 1}
