"""An answer to an invitation of ours: `text/calendar` with METHOD:REPLY (RFC 5546 §3.2.3)."""

from typing import Final

from icalendar import Calendar, Component

from pledge.events import MeetingAnswer
from pledge.events.addresses import normal_address

MAX_CALENDAR: Final = 65_536
"""Bytes of a calendar part that are read; an answer has a few hundred."""
_MAX_LINES: Final = 2_000
_MAX_UID: Final = 500
_MAX_COMMENT: Final = 2_000
_ANSWERS: Final = frozenset(("ACCEPTED", "DECLINED", "TENTATIVE"))


def meeting_answer(calendar: bytes, sender: str | None = None) -> MeetingAnswer | None:
    """The answer in a calendar part, or None: it is no answer, or can't be read. Of several
    attendees the one who is `sender` counts, else the first."""
    if len(calendar) > MAX_CALENDAR or calendar.count(b"\n") > _MAX_LINES:
        return None
    if b"METHOD:REPLY" not in calendar.upper().replace(b" ", b""):
        return None
    try:
        parsed = Calendar.from_ical(calendar.decode("utf-8-sig", "replace"))
        return _answer(parsed, sender)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        return None


def _answer(calendar: Component, sender: str | None) -> MeetingAnswer | None:
    for event in calendar.walk("VEVENT"):
        uid = str(event.get("UID", "")).strip()
        answers = [each for each in _attendees(event) if each[1] in _ANSWERS]
        if not uid or not answers:
            continue
        address, answer = next((each for each in answers if each[0] == sender), answers[0])
        comment = str(event.get("COMMENT", "")).strip()
        return MeetingAnswer(
            uid=uid[:_MAX_UID],
            answer=answer.lower(),
            attendee=address,
            comment=comment[:_MAX_COMMENT],
        )
    return None


def _attendees(event: Component) -> list[tuple[str | None, str]]:
    """The address and answer of each attendee."""
    found = event.get("ATTENDEE", [])
    every = found if isinstance(found, list) else [found]
    return [
        (
            normal_address(str(each).strip().partition(":")[2] or str(each)),
            str(getattr(each, "params", {}).get("PARTSTAT", "")).upper(),
        )
        for each in every
    ]
