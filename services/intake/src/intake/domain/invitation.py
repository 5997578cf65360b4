"""A meeting as mail programs take it: an iCalendar object (RFC 5545) with a method (RFC 5546)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from icalendar import Calendar, Event, vCalAddress, vText

from intake.domain.desk import Desk
from intake.domain.text import one_line
from intake.domain.ticket import Ticket
from intake.domain.ticket_parts import Meeting
from pledge.events import Contact


class Method(StrEnum):
    """What the mail does to the reader's calendar."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


def invitation(
    ticket: Ticket,
    desk: Desk,
    meeting: Meeting,
    people: Sequence[Contact],
    method: Method,
    now: datetime,
) -> str:
    """The text of an invitation to ``people``, or of its withdrawal. Times are in UTC; each
    calendar shows them in its owner's zone. The same meeting has the same UID in both."""
    calendar = Calendar()
    calendar.add("prodid", "-//Pledge//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", str(method))
    event = Event()
    event.add("uid", f"{meeting.id}@{desk.reply_address.partition('@')[2]}")
    # RFC 5546 §2.1.4: a later message about the same meeting has a higher number.
    event.add("sequence", 0 if method is Method.REQUEST else 1)
    event.add("dtstamp", now)
    event.add("dtstart", meeting.starts_at)
    event.add("dtend", meeting.ends_at)
    event.add("summary", one_line(f"{ticket.number}: {ticket.subject_line}", 200))
    if meeting.place:
        event.add("location", one_line(meeting.place, 500))
    event.add("status", "CONFIRMED" if method is Method.REQUEST else "CANCELLED")
    organizer = vCalAddress(f"mailto:{ticket.reply_to or desk.reply_address}")
    organizer.params["cn"] = vText(desk.name)
    event["organizer"] = organizer
    for person in people:
        attendee = vCalAddress(f"mailto:{person.email}")
        if person.name:
            attendee.params["cn"] = vText(one_line(person.name, 100).replace('"', "'"))
        attendee.params["role"] = vText("REQ-PARTICIPANT")
        attendee.params["partstat"] = vText("ACCEPTED" if person is people[0] else "NEEDS-ACTION")
        event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text.decode()
