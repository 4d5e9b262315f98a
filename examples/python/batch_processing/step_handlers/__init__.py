"""The workflow's handlers, under the names that its template gives."""

from batch_processing.step_handlers.analyze_items_handler import AnalyzeItemsHandler
from batch_processing.step_handlers.process_items_handler import ProcessItemsHandler
from batch_processing.step_handlers.sum_items_handler import SumItemsHandler

__all__ = ["AnalyzeItemsHandler", "ProcessItemsHandler", "SumItemsHandler"]
