"""Answers to invitations, as calendars send them."""

import pytest

from intake.mail.meeting_answer import meeting_answer


def a_calendar(attendees: str, method: str = "REPLY") -> bytes:
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", f"METHOD:{method}",
             "BEGIN:VEVENT", "UID:meeting-1@desk.example", "DTSTAMP:20261130T100000Z",
             "DTSTART:20261202T100000Z", "ORGANIZER:mailto:support@desk.example",
             *attendees.split("\n"), "COMMENT:Another day\\, please", "END:VEVENT",
             "END:VCALENDAR", "")  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("answer", ["ACCEPTED", "DECLINED", "TENTATIVE"])
def test_an_answer_names_meeting_and_person(answer: str) -> None:
    found = meeting_answer(
        a_calendar(f'ATTENDEE;CN="Ada, A.";PARTSTAT={answer}:MAILTO:Ada@adatum.example')
    )

    assert found is not None
    assert (found.uid, found.answer) == ("meeting-1@desk.example", answer.lower())
    assert found.attendee == "ada@adatum.example"
    assert found.comment == "Another day, please"


def test_of_several_attendees_the_sender_counts() -> None:
    calendar = a_calendar(
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@adatum.example\n"
        "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@adatum.example"
    )

    found = meeting_answer(calendar, "ada@adatum.example")

    assert found is not None
    assert found.answer == "declined"


@pytest.mark.parametrize(
    "calendar",
    [
        b"", b"METHOD:REPLY", b"\xff\xfe", b"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nEND:VCALENDAR\r\n",
        a_calendar("ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.example", "REQUEST"),
        a_calendar("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:a@b.example"),
        a_calendar("X-NONE:1"), b"METHOD:REPLY\r\n" * 5_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_is_none(calendar: bytes) -> None:
    assert meeting_answer(calendar) is None
