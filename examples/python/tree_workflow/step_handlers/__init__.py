"""The workflow's handlers, under the names that its template gives."""

from tree_workflow.step_handlers.tree_branch_left_handler import TreeBranchLeftHandler
from tree_workflow.step_handlers.tree_branch_right_handler import TreeBranchRightHandler
from tree_workflow.step_handlers.tree_final_convergence_handler import TreeFinalConvergenceHandler
from tree_workflow.step_handlers.tree_leaf_d_handler import TreeLeafDHandler
from tree_workflow.step_handlers.tree_leaf_e_handler import TreeLeafEHandler
from tree_workflow.step_handlers.tree_leaf_f_handler import TreeLeafFHandler
from tree_workflow.step_handlers.tree_leaf_g_handler import TreeLeafGHandler
from tree_workflow.step_handlers.tree_root_handler import TreeRootHandler

__all__ = [
    "TreeBranchLeftHandler",
    "TreeBranchRightHandler",
    "TreeFinalConvergenceHandler",
    "TreeLeafDHandler",
    "TreeLeafEHandler",
    "TreeLeafFHandler",
    "TreeLeafGHandler",
    "TreeRootHandler",
]
