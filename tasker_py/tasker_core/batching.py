"""How a batchable step's work is split, and the part of it that one batch works on."""

from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """`batch_config` of the batch worker in the template, for what the handler leaves open."""

    batch_size: int | None = None
    """Items in a batch."""
    max_workers: int | None = None
    """The most batches."""


@dataclass(frozen=True)
class Cursor:
    """The part of the work that a batch is for: items `start` to `end`, which is exclusive."""

    start: int
    end: int
    data: Any = None
    """Whatever the batchable step's handler adds: any JSON value."""
    batch_id: str = ""
    """The batch's number as its step's name has it, such as `001`; for a batch that runs."""


NO_BATCH_CONFIG = BatchConfig()

NO_CURSOR = cast("Cursor", None)
"""What a step that is no batch has. Not Optional, so that handlers of batches need no check."""
