"""What all that the API shows has in common."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, model_validator


class Shown(BaseModel):
    """Something that the API shows; it does not change."""

    model_config = ConfigDict(frozen=True)

    _raw: Any = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_raw(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        shown = handler(value)
        if isinstance(value, Mapping):
            shown._raw = value
        return shown

    @property
    def raw(self) -> Any:
        """The JSON object that this was read from: the API's own, with every field."""
        return self._raw
