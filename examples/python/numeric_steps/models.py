"""The context of the numeric workflows, and what their steps return, as models."""

from typing import Annotated

from pydantic import BaseModel, Field


class EvenNumber(BaseModel):
    """What they begin with: an even integer of any size."""

    even_number: Annotated[int, Field(multiple_of=2)]


class Number(BaseModel):
    """What each of their steps returns."""

    result: int
