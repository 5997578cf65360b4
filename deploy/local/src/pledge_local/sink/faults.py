"""Failing on request: a receiver that answers wrongly, or not at all, for the next few calls."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """How the next calls fail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(1, ge=0, le=1_000_000, description="how many calls fail; 0 for none")
    answer: int | Literal["timeout"] = Field(
        500, description="the HTTP status or SMTP code to answer, or `timeout`: never answer"
    )
    keeps: bool = Field(
        default=False, description="keep the message all the same: an answer lost on its way back"
    )
    retry_after: int | None = Field(None, ge=0, description="seconds, as Retry-After")


class Faults:
    """The faults by receiver; `smtp` is the mail server's."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def set(self, name: str, fault: Fault) -> None:
        """From now on, `name` fails like this, `fault.count` times."""
        self._faults[name] = fault

    def next(self, name: str) -> Fault | None:
        """The fault for this call, counted; None when it goes well."""
        fault = self._faults.get(name)
        if fault is None or fault.count == 0:
            return None
        self._faults[name] = fault.model_copy(update={"count": fault.count - 1})
        return fault
