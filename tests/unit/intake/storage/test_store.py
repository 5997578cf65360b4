"""A ticket's fields survive their row: those without a column are kept in `details` by name."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from intake.domain.matrix import Origin
from intake.domain.misuse import Misuse, MisuseState
from intake.domain.request_details import RequestDetails
from intake.domain.services import Offer, OfferState
from intake.domain.ticket import Ticket
from intake.domain.ticket_parts import (
    AgreedDue,
    Feedback,
    Link,
    LinkKind,
    Meeting,
    MeetingState,
    Milestone,
    Stage,
)
from intake.domain.windows import Window
from intake.storage import store
from pledge.events import Contact
from unit.intake.builders import ANN, NINE, TOM, a_ticket, at

FULL = a_ticket(
    priority="high",
    plan="gold",
    product="Hunt",
    customer="Contoso",
    line="emergency@vircom.example",
    language="fr",
    is_trial=True,
    is_urgent=True,
    missing=("version",),
    participants=(Contact(email="bob@contoso.example"), Contact(phone="+15550100")),
    assignee=TOM,
    team="l2",
    incident_id=UUID(int=9),
    unanswered_attempts=2,
    resolved_at=at(1),
    closed_at=at(2.5),
    message_id="<1@contoso.example>",
    reported_at=at(-5),
    request_details=RequestDetails(
        is_from_machine=True,
        requested_severity="p1",
        requested_priority="low",
        assessed_by=TOM,
        assessed_why="only one user",
        requirement="fault",
        information={"version": "8.1"},
        entitled=True,
        scope="covered",
        scope_rule="supported",
        circumvention="workaround",
        misuse=Misuse("emergency", "emergency@vircom.example", "p3", NINE, MisuseState.DISMISSED),
        impact="department",
        urgency="high",
        origin=Origin.MATRIX,
    ),
    links=(Link(LinkKind.FOLLOWS_UP, UUID(int=8), "VIR-10008"),),
    feedback=(
        Feedback(UUID(int=5), ANN, "email", at(3), complaint_id=UUID(int=6), stage=Stage.FILED),
    ),
    meetings=(Meeting(UUID(int=4), at(60), at(90), "room 1", MeetingState.AGREED),),
    agreed=(AgreedDue("resolution", "Resolution", at(600), TOM, "a spare part"),),
    offers=(
        Offer(
            UUID(int=3),
            "upgrade",
            "An upgrade",
            "180 an hour",
            "From 6 to 7.",
            at(50),
            OfferState.ACCEPTED,
            ANN,
            at(55),
        ),
    ),
    windows=(Window(UUID(int=2), at(600), at(700), "a new switch"),),
    milestones=(Milestone("service_restored", "Service restored", at(40), TOM),),
)


def test_every_field_of_a_ticket_is_read_back_from_its_row() -> None:
    assert _as_default(FULL) == []  # a new field gets a value above
    assert _as_default(FULL.request_details) == []
    assert store.ticket_of(_row(FULL)) == FULL


def test_what_says_nothing_is_not_stored() -> None:
    ticket = a_ticket(reply_to=None, heard_at=None)
    assert store.ticket_of(_row(ticket)) == ticket
    assert _row(ticket)["details"].keys() == {
        "requester", "is_trial", "is_urgent", "unanswered_attempts",
    }  # fmt: skip


def _row(ticket: Ticket) -> dict[str, Any]:
    """The ticket's row of `tickets`, as it comes from the database."""
    row = dict(zip(store.TICKET_COLUMNS, store._values(ticket), strict=True))
    return {**row, "details": json.loads(to_json(row["details"]))}


def _as_default(value: Any) -> list[str]:
    """Fields that have no value of their own."""
    return [
        each.name
        for each in fields(value)
        if getattr(value, each.name)
        == (each.default if each.default_factory is MISSING else each.default_factory())
    ]
