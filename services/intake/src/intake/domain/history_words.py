"""How an event of a ticket is worded for its requester: what happened, who did it, its text."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Data: TypeAlias = Mapping[str, Any]
Words: TypeAlias = tuple[str, str, str]
"""What happened, who did it ("": not shown), the text that came with it."""
Reader: TypeAlias = Callable[[Data], Words]


def plain(what: str) -> Reader:
    """The same words for each event of the type."""
    return lambda _: (what, "", "")


def step(what: str, text: str = "text") -> Reader:
    """Words with the event's fields in braces; ``text`` names the field that holds its text."""
    return lambda data: (what.format_map(_Fields(data)), "", str(data.get(text) or ""))


def meeting(what: str) -> Reader:
    """Words with the meeting's time, and its place as the text."""

    def read(data: Data) -> Words:
        at = data.get("starts_at")
        when = f" for {at:%Y-%m-%d, %H:%M %Z}" if isinstance(at, datetime) else ""
        return f"{what}{when}", "", str(data.get("place") or "")

    return read


def person(contact: object) -> str:
    """The name of a contact, else how to reach it."""
    if not isinstance(contact, Mapping):
        return ""
    return str(contact.get("name") or contact.get("email") or contact.get("phone") or "")


def said(data: Data) -> str:
    """The event's text."""
    return str(data.get("text") or "")


def joined(parts: Iterable[str]) -> str:
    """The parts, separated by commas."""
    return ", ".join(parts)


class _Fields(dict[str, Any]):
    """The event's fields; one that is not there is left out."""

    def __missing__(self, key: str) -> str:
        return ""
