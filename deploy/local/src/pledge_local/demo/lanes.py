"""The five contacts of the demo, each from its beginning to what Pledge makes of it."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pledge.events import (
    IncidentOpened,
    PageAcknowledged,
    PromiseBreached,
    TicketOpened,
    TimerMet,
    TimerStarted,
)
from pledge_local.demo.teller import NotHappened
from pledge_local.demo.world import DESK, SOON, World

FIRST_RESPONSE = "first_response"


async def urgent_mail(world: World) -> None:
    """A critical mail that nobody answers: breach, page, acknowledgement, incident."""
    lane = "urgent mail"
    ticket = await _mailed(
        world, lane, "critical@demo.example", "Nobody can sign in", "It began a minute ago."
    )
    await _timers(world, lane, ticket.ticket_id)
    breach = await _breached(world, lane, ticket.ticket_id)
    page = await _paged(world, lane, ticket.ticket_id, breach.due_at)
    await _acknowledged(world, lane, page)
    await _on_the_status_page(world, lane, ticket)


async def mail(world: World) -> None:
    """A question by mail that is answered in time: the promise is kept."""
    lane = "mail"
    ticket = await _mailed(
        world, lane, "support@demo.example", "How do I export my data?", "I need it as CSV."
    )
    await _timers(world, lane, ticket.ticket_id)
    began = world.clock.now()
    await world.post(
        lane,
        "an agent answers",
        f"{world.urls['intake']}/tickets/{ticket.ticket_id}/reply",
        {"text": "Choose Settings, then Export.", "is_initial_response": True},
    )
    met, at = await world.teller.expect(
        lane,
        "first response kept",
        world.observer.event(
            TimerMet, lambda one: one.ticket_id == ticket.ticket_id and one.metric == FIRST_RESPONSE
        ),
        SOON,
    )
    world.teller.happened(
        lane, f"an agent answers: {met.metric} promise kept", at - began, "the answer"
    )
    reply = await world.teller.expect(
        lane,
        "the answer reaches the requester's mailbox",
        world.observer.arrival("email", lambda one: _is_answer(one, world.mark)),
        SOON,
    )
    world.teller.happened(
        lane, "the answer is in the requester's mailbox", reply.at - began, "the answer"
    )


async def voicemail(world: World) -> None:
    """A voicemail, and then its text."""
    lane = "voicemail"
    began = world.clock.now()
    call = {
        "desk": DESK,
        "conversation": f"call-{world.mark}",
        "call_id": f"call-{world.mark}",
        "line": "+15550101",
        "caller": {"phone": "+15550188", "name": f"Carla Caller {world.mark}"},
    }
    told = await world.post(
        lane,
        "a voicemail is left",
        f"{world.urls['intake']}/channels/phone",
        {
            **call,
            "type": "pledge.phone.voicemail_left.v1",
            "delivery": f"voicemail-{world.mark}",
            "duration": "PT21S",
        },
    )
    await _opened(world, lane, "a voicemail is left", str(told["delivery"]), began)


async def chat(world: World) -> None:
    """A message in the chat."""
    lane = "chat"
    began = world.clock.now()
    told = await world.post(
        lane,
        "a chat begins",
        f"{world.urls['intake']}/channels/chat",
        {
            "type": "pledge.chat.message_received.v1",
            "desk": DESK,
            "conversation": f"chat-{world.mark}",
            "delivery": f"chat-{world.mark}-1",
            "sender": {"name": "Chris Chatter", "email": "chris@customer.example"},
            "text": f"Is there a phone number? ({world.mark})",
            "has_contact_details": True,
        },
    )
    await _opened(world, lane, "a chat begins", str(told["delivery"]), began)


async def portal(world: World) -> None:
    """A case from the portal's form."""
    lane = "portal"
    began = world.clock.now()
    told = await world.post(
        lane,
        "a case is submitted",
        f"{world.urls['intake']}/cases",
        {
            "desk": DESK,
            "subject": f"A wish for dark mode ({world.mark})",
            "text": "My eyes hurt at night.",
            "requester": {"name": "Paula Portal", "email": "paula@customer.example"},
        },
    )
    await _opened(world, lane, "a case is submitted", str(told["delivery"]), began)


async def _mailed(world: World, lane: str, to: str, subject: str, text: str) -> TicketOpened:
    began = world.clock.now()
    sender = f"Cora Customer <cora.{world.mark}@customer.example>"
    try:
        accepted = await world.mail(sender, to, subject, text)
    except (OSError, smtplib.SMTPException) as error:
        world.teller.failed(lane, f"mail to {to} is not accepted: {error}")
        raise NotHappened(lane) from error
    world.teller.happened(lane, f"mail to {to} accepted by SMTP", accepted - began, "sending")
    ticket, at = await world.teller.expect(
        lane,
        "mail becomes a ticket",
        world.observer.event(
            TicketOpened, lambda one: world.mark in one.subject_line and one.line == to
        ),
        SOON,
    )
    world.teller.happened(
        lane, f"ticket {ticket.number} opened, {ticket.severity}", at - accepted, "the mail"
    )
    return ticket


async def _opened(world: World, lane: str, what: str, delivery: str, began: datetime) -> None:
    ticket, at = await world.teller.expect(
        lane,
        f"{what} and becomes a ticket",
        world.observer.event(TicketOpened, lambda one: one.delivery == delivery),
        SOON,
    )
    world.teller.happened(
        lane, f"{what}: ticket {ticket.number} opened, {ticket.severity}", at - began, "sending"
    )
    await _timers(world, lane, ticket.ticket_id)


async def _timers(world: World, lane: str, ticket_id: UUID) -> None:
    began = world.clock.now()
    timer, at = await world.teller.expect(
        lane,
        "timers start",
        world.observer.event(TimerStarted, lambda one: one.ticket_id == ticket_id),
        SOON,
    )
    due = f", due {timer.due_at:%H:%M:%S}" if timer.due_at else ""
    world.teller.happened(
        lane, f"promised: {timer.metric} within {timer.target}{due}", max(at - began, timedelta(0)),
        "the ticket",
    )  # fmt: skip


async def _breached(world: World, lane: str, ticket_id: UUID) -> PromiseBreached:
    breach, at = await world.teller.expect(
        lane,
        "the promise breaks",
        world.observer.event(PromiseBreached, lambda one: one.ticket_id == ticket_id),
        SOON + timedelta(seconds=60),
    )
    world.teller.happened(
        lane, f"nobody answers: {breach.metric} breached", breach.detected_at - breach.due_at, "due"
    )
    world.teller.happened(lane, "the breach is read from Kafka", at - breach.due_at, "due")
    return breach


async def _paged(world: World, lane: str, ticket_id: UUID, due_at: datetime) -> dict[str, Any]:
    page = await world.teller.expect(
        lane,
        "somebody is paged",
        world.observer.arrival(
            "webhook", lambda one: (one["body"] or {}).get("ticket_id") == str(ticket_id)
        ),
        SOON,
    )
    signed = ", signature right" if page.content["is_signed"] else ""
    world.teller.happened(
        lane, f"page accepted by {page.content['to']}{signed}", page.at - due_at, "due"
    )
    body: dict[str, Any] = page.content["body"]
    return body


async def _acknowledged(world: World, lane: str, page: dict[str, Any]) -> None:
    began = world.clock.now()
    await world.click(lane, "the page is acknowledged", page["acknowledge_url"])
    acknowledged, at = await world.teller.expect(
        lane,
        "the page is acknowledged",
        world.observer.event(PageAcknowledged, lambda one: str(one.page_id) == page["page_id"]),
        SOON,
    )
    who = acknowledged.by.name or acknowledged.by.id
    world.teller.happened(lane, f"page acknowledged by {who}", at - began, "the click")


async def _on_the_status_page(world: World, lane: str, ticket: TicketOpened) -> None:
    began = world.clock.now()
    await world.post(
        lane,
        "an agent confirms a known critical incident",
        f"{world.urls['intake']}/tickets/{ticket.ticket_id}/triage",
        {"known_incident": True, "why": "the sign-in service is down"},
    )
    incident, at = await world.teller.expect(
        lane,
        "an incident opens on the status page",
        world.observer.event(IncidentOpened, lambda one: ticket.ticket_id in one.ticket_ids),
        SOON,
    )
    world.teller.happened(
        lane, f"incident “{incident.title}” opened", at - began, "the confirmation"
    )


def _is_answer(mail: dict[str, Any], mark: str) -> bool:
    return f"cora.{mark}@" in mail["to"] and "Export" in mail["text"]
