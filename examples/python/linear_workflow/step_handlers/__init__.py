"""The workflow's handlers, under the names that its template gives."""

from linear_workflow.step_handlers.linear_step_1_handler import LinearStep1Handler
from linear_workflow.step_handlers.linear_step_2_handler import LinearStep2Handler
from linear_workflow.step_handlers.linear_step_3_handler import LinearStep3Handler
from linear_workflow.step_handlers.linear_step_4_handler import LinearStep4Handler

__all__ = ["LinearStep1Handler", "LinearStep2Handler", "LinearStep3Handler", "LinearStep4Handler"]
