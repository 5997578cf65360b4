"""The part of `intake.yaml` about the chat widget: when it offers a chat, and what otherwise."""

from datetime import date, time
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from intake.desk_file.common import Part, WebAddress, Zone
from intake.domain.chat_hours import ChatRules, Window

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(value: object) -> object:
    """`mon-fri`, `sat`, or a list of such."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    found: list[int] = []
    for part in parts:
        first, _, last = str(part).strip().lower().partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise ValueError("is no weekday; write mon-fri, or [mon, wed]")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        found += [(begin + number) % 7 for number in range((end - begin) % 7 + 1)]
    return found


class ChatWindow(Part):
    """Weekly hours in one zone."""

    zone: Zone
    days: Annotated[frozenset[int], BeforeValidator(_days), Field(min_length=1)]
    opens: time = Field(alias="from")
    closes: time = Field(alias="to")

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.closes <= self.opens and self.closes != time(0):
            raise ValueError("`to` must come after `from`; 00:00 is the end of the day")
        return self


class ChatSection(Part):
    """The chat widget. Chat is offered while any of the windows is open."""

    hours: tuple[ChatWindow, ...]
    closed_on: frozenset[date] = frozenset()
    case_form: WebAddress

    @field_validator("hours")
    @classmethod
    def _is_ever_open(cls, value: tuple[ChatWindow, ...]) -> tuple[ChatWindow, ...]:
        if not value:
            raise ValueError("needs a window; a desk without a chat leaves `chat` out")
        return value


def chat_rules_of(section: ChatSection | None) -> ChatRules | None:
    """The rules as the domain's value; None for a desk without a chat."""
    if section is None:
        return None
    return ChatRules(
        windows=tuple(
            Window(ZoneInfo(each.zone), each.days, each.opens, each.closes)
            for each in section.hours
        ),
        case_form=section.case_form,
        closed_on=section.closed_on,
    )
