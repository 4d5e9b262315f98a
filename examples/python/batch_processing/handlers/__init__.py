"""The workflow's task handler, under the name that its template gives."""

from batch_processing.handlers.batch_processing_handler import BatchProcessingHandler

__all__ = ["BatchProcessingHandler"]
