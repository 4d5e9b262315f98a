from tasker_core.step_handler import StepHandlerBase

__all__ = ["StepHandlerBase"]
