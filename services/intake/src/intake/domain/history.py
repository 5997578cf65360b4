"""What a requester sees of a ticket's history in the portal (INF-08): what was said to them, by
them, and where the ticket stands. Notes, attempts and events without words stay with the desk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from intake.domain.commands import declarations
from intake.domain.history_words import Data, Reader, Words, person, plain, said


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: what happened, who did it if that is shown, the text that came.
    ``sequence`` is the fact's."""

    at: datetime
    what: str
    who: str = ""
    text: str = ""
    sequence: int = 0


def entry(
    type_name: str, at: datetime, data: Data, whole_text: str | None, zone: str = "UTC"
) -> Entry | None:
    """The fact as a requester in the zone sees it, or None: it is not for them. ``whole_text`` is
    the text where the fact repeats only a part of it."""
    reader = _READERS.get(type_name.removeprefix("pledge.ticket.").removesuffix(".v1"))
    if reader is None:
        return None
    if isinstance(starts_at := data.get("starts_at"), str):
        data = {**data, "starts_at": datetime.fromisoformat(starts_at).astimezone(ZoneInfo(zone))}
    what, who, text = reader(data)
    return Entry(at, what, who, whole_text or text if text else "")


def _opened(data: Data) -> Words:
    return "Request taken", person(data.get("requester")), said(data)


_READERS: Final[Mapping[str, Reader]] = {
    # Events that no command causes; the others' words stand with their commands.
    "opened": _opened,
    "closing_announced": plain("Will be closed unless you write"),
    **{
        event: reader
        for declared in declarations().values()
        for event, reader in declared.history.items()
    },
}

TYPES: Final = tuple(f"pledge.ticket.{name}.v1" for name in _READERS)
"""The types of facts that a requester may see."""
