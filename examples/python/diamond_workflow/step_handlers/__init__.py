"""The workflow's handlers, under the names that its template gives."""

from diamond_workflow.step_handlers.diamond_branch_b_handler import DiamondBranchBHandler
from diamond_workflow.step_handlers.diamond_branch_c_handler import DiamondBranchCHandler
from diamond_workflow.step_handlers.diamond_end_handler import DiamondEndHandler
from diamond_workflow.step_handlers.diamond_start_handler import DiamondStartHandler

__all__ = [
    "DiamondBranchBHandler",
    "DiamondBranchCHandler",
    "DiamondEndHandler",
    "DiamondStartHandler",
]
