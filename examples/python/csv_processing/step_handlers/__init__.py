"""The workflow's handlers, under the names that its template gives."""

from csv_processing.step_handlers.aggregate_csv_results_handler import AggregateCsvResultsHandler
from csv_processing.step_handlers.analyze_csv_handler import AnalyzeCsvHandler
from csv_processing.step_handlers.process_csv_batch_handler import ProcessCsvBatchHandler

__all__ = ["AggregateCsvResultsHandler", "AnalyzeCsvHandler", "ProcessCsvBatchHandler"]
