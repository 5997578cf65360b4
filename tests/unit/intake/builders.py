"""Builders of what intake's domain works on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from intake.domain.admission.request import Condition, Line
from intake.domain.command_registry import Command, State
from intake.domain.commands import decide
from intake.domain.desk import Customer, Desk, Rule
from intake.domain.reply_address import ReplyAddresses
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket
from pledge.events import Actor, Contact
from pledge.runtime.auth.link_signer import LinkSigner

NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANN = Contact(name="Ann", email="ann@contoso.example")
TOM = Actor(kind="agent", id="tom")
KEY = b"k" * 32
ADDRESSES = ReplyAddresses(LinkSigner([KEY]))
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None


def a_desk(**changes: Any) -> Desk:
    desk = Desk(
        id="vircom",
        name="Vircom",
        ticket_prefix="VIR",
        first_number=10_001,
        reply_address="support@vircom.example",
        severities=("p1", "p2", "p3"),
        priorities=("high", "low"),
        default_severity="p3",
        trial_floor="p2",
        addresses={
            "support@vircom.example": Line("support@vircom.example"),
            "emergency@vircom.example": Line("emergency@vircom.example", is_urgent=True),
            "escalation@vircom.example": Line("escalation@vircom.example", escalates_to="manager"),
        },
        phone_lines={
            "+15550110": Line("main", urgent_menu_choices=frozenset({"1"})),
            "+15550110/501": Line("critical", is_urgent=True),
        },
        rules=(Rule("p1", Condition(subject_starts_with=("[p1]",)), severity="p1"),),
        customers_by_domain={
            "contoso.example": Customer("Contoso", plan="gold"),
            "northwind.example": Customer("Northwind", is_trial=True),
        },
    )
    return replace(desk, **changes)


def a_ticket(**changes: Any) -> Ticket:
    ticket = Ticket(
        id=UUID(int=7),
        desk="vircom",
        number="VIR-10007",
        state=State.OPEN,
        sequence=1,
        subject_line="No mail flow",
        channel="email",
        requester=ANN,
        opened_at=NINE,
        changed_at=NINE,
        severity="p3",
        reply_to="support+x@vircom.example",
        heard_at=NINE,
    )
    return replace(ticket, **changes)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def decided(ticket: Ticket, command: Command, *, minutes: float = 10, now: float = 10) -> Decision:
    decision = attempt(ticket, command, minutes=minutes, now=now)
    assert isinstance(decision, Decision), decision
    return decision


def attempt(
    ticket: Ticket, command: Command, *, minutes: float = 10, now: float = 10
) -> Decision | Refusal:
    return decide(ticket, command, CommandContext(a_desk(), TOM, at(minutes), at(now)))


def kinds(decision: Decision) -> list[str]:
    return [
        each.type.removeprefix("pledge.ticket.").removesuffix(".v1") for each in decision.events
    ]
