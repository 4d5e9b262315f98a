"""The workflow's task handler, under the name that its template gives."""

from csv_processing.handlers.csv_processing_handler import CsvProcessingHandler

__all__ = ["CsvProcessingHandler"]
