"""The workflow's typed face: its context, its results, and how its tasks are started."""

from typing import Annotated

from pydantic import BaseModel, Field

from tasker_core.task_handler import TaskHandlerBase


class Items(BaseModel):
    """How many items there are, from 0."""

    total_items: Annotated[int, Field(ge=0)]


class Sum(BaseModel):
    """What sum_items returns."""

    total_processed: int
    total: int
    worker_count: int


class BatchProcessingResults(BaseModel):
    """What the last step returns."""

    sum_items: Sum


class BatchProcessingHandler(TaskHandlerBase[Items, BatchProcessingResults]):
    """Adds up the numbers from 1 to total_items in batches of 1,000."""

    namespace = "batch_processing_py"
    name = "large_batch_py"
    version = "1.0.0"
