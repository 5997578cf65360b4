"""The five contacts of the demo, each from its beginning to what Pledge makes of it."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any
from uuid import UUID

from pledge.events import (
    IncidentOpened,
    IncidentResolved,
    PageAcknowledged,
    PromiseBreached,
    Resolved,
    TicketOpened,
    TimerMet,
    TimerStarted,
)
from pledge_local.demo.reporter import NotHappened
from pledge_local.demo.world import DESK, SOON, World

FIRST_RESPONSE = "first_response"
CALLBACK = "callback"
TO_LOOK = timedelta(seconds=5)


async def urgent_mail(world: World) -> None:
    """A critical mail that nobody answers: breach, page, acknowledgement, incident, the end."""
    lane = "urgent mail"
    ticket = await _mailed(
        world, lane, "critical@demo.example", "Nobody can sign in", "It began a minute ago."
    )
    world.reporter.ticket = ticket.number
    await _promised(world, lane, ticket.ticket_id)
    breach = await _breached(world, lane, ticket.ticket_id)
    page = await _paged(world, lane, breach)
    await _acknowledged(world, lane, page)
    incident = await _on_the_status_page(world, lane, ticket)
    # So that a viewer can look at the page before it is over.
    await world.clock.sleep(TO_LOOK)
    await _resolved(world, lane, ticket, "A certificate had run out; it is renewed.")
    await _over(world, lane, incident)


async def mail(world: World) -> None:
    """A question by mail that is answered in time: the promise is kept, and the mail goes out."""
    lane = "mail"
    ticket = await _mailed(
        world, lane, "support@demo.example", "How do I export my data?", "I need it as CSV."
    )
    await _promised(world, lane, ticket.ticket_id)
    began = world.clock.now()
    answer = {"text": "Choose Settings, then Export.", "is_initial_response": True}
    await _acted(world, lane, ticket, "reply", answer, FIRST_RESPONSE)
    reply = await world.reporter.expect(
        lane,
        "the answer reaches the requester's mailbox",
        world.observer.arrival("email", lambda one: _is_answer(one, world.mark)),
        SOON,
    )
    world.reporter.happened(
        lane, "the answer is in the requester's mailbox", reply.at - began, "the answer"
    )
    await _resolved(world, lane, ticket, "The export was shown.")


async def voicemail(world: World) -> None:
    """A voicemail: somebody calls back in time."""
    lane = "voicemail"
    call = f"call-{world.mark}"
    ticket = await _sent(
        world,
        lane,
        "a voicemail is left",
        "channels/phone",
        {
            "type": "pledge.phone.voicemail_left.v1",
            "desk": DESK,
            "conversation": call,
            "delivery": f"{call}-voicemail",
            "call_id": call,
            "line": "+15550101",
            "caller": {"phone": "+15550188", "name": "Carla Caller"},
            "duration": "PT21S",
        },
    )
    await _promised(world, lane, ticket.ticket_id, CALLBACK)
    attempt = {"channel": "phone", "reached": True, "note": "She only wanted the opening hours."}
    await _acted(world, lane, ticket, "contact-attempts", attempt, CALLBACK)
    await _resolved(world, lane, ticket, "Told the opening hours.")


async def chat(world: World) -> None:
    """A message in the chat, answered there."""
    lane = "chat"
    ticket = await _sent(
        world,
        lane,
        "a chat begins",
        "channels/chat",
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
    await _promised(world, lane, ticket.ticket_id)
    answer = {"text": "Yes: +1 555 0101.", "channel": "chat"}
    await _acted(world, lane, ticket, "reply", answer, FIRST_RESPONSE)
    await _resolved(world, lane, ticket, "Told the number.")


async def portal(world: World) -> None:
    """A case from the portal's form."""
    lane = "portal"
    ticket = await _sent(
        world,
        lane,
        "a case is submitted",
        "cases",
        {
            "desk": DESK,
            "subject": f"A wish for dark mode ({world.mark})",
            "text": "My eyes hurt at night.",
            "requester": {"name": "Paula Portal", "email": "paula@customer.example"},
        },
    )
    await _promised(world, lane, ticket.ticket_id)
    answer = {"text": "We have noted it, thank you."}
    await _acted(world, lane, ticket, "reply", answer, FIRST_RESPONSE)
    await _resolved(world, lane, ticket, "Noted for the next release.")


async def _mailed(world: World, lane: str, to: str, subject: str, text: str) -> TicketOpened:
    began = world.clock.now()
    sender = f"Cora Customer <cora.{world.mark}@customer.example>"
    try:
        accepted = await world.mail(sender, to, subject, text)
    except (OSError, smtplib.SMTPException) as error:
        world.reporter.failed(lane, f"mail to {to} is not accepted: {error}")
        raise NotHappened(lane) from error
    world.reporter.happened(lane, f"mail to {to} accepted by SMTP", accepted - began, "sending")
    ticket, at = await world.reporter.expect(
        lane,
        "mail becomes a ticket",
        world.observer.event(
            TicketOpened, lambda one: world.mark in one.subject_line and one.line == to
        ),
        SOON,
    )
    world.reporter.happened(
        lane, f"ticket {ticket.number} opened, {ticket.severity}", at - accepted, "the mail"
    )
    return ticket


async def _sent(
    world: World, lane: str, what: str, path: str, body: dict[str, Any]
) -> TicketOpened:
    began = world.clock.now()
    answer = await world.post(lane, what, f"{world.urls['intake']}/{path}", body)
    ticket, at = await world.reporter.expect(
        lane,
        f"{what} and becomes a ticket",
        world.observer.event(TicketOpened, lambda one: one.delivery == answer["delivery"]),
        SOON,
    )
    world.reporter.happened(
        lane, f"{what}: ticket {ticket.number} opened, {ticket.severity}", at - began, "sending"
    )
    return ticket


async def _promised(world: World, lane: str, ticket_id: UUID, metric: str = FIRST_RESPONSE) -> None:
    began = world.clock.now()
    timer, at = await world.reporter.expect(
        lane,
        f"the promise {metric} starts",
        world.observer.event(
            TimerStarted, lambda one: one.ticket_id == ticket_id and one.metric == metric
        ),
        SOON,
    )
    due = f", due {timer.due_at:%H:%M:%S}" if timer.due_at else ""
    # It may have been read before the ticket was: then nobody waited.
    waited = max(at - began, timedelta(0))
    world.reporter.happened(
        lane, f"promised: {metric} within {timer.target}{due}", waited, "the ticket"
    )


async def _acted(
    world: World, lane: str, ticket: TicketOpened, action: str, body: dict[str, Any], metric: str
) -> None:
    began = world.clock.now()
    url = f"{world.urls['intake']}/tickets/{ticket.ticket_id}/{action}"
    await world.post(lane, f"an agent: {action}", url, body)
    _, at = await world.reporter.expect(
        lane,
        f"the promise {metric} is kept",
        world.observer.event(
            TimerMet, lambda one: one.ticket_id == ticket.ticket_id and one.metric == metric
        ),
        SOON,
    )
    world.reporter.happened(
        lane, f"an agent acts ({action}): {metric} kept", at - began, "the agent's click"
    )


async def _resolved(world: World, lane: str, ticket: TicketOpened, how: str) -> None:
    began = world.clock.now()
    url = f"{world.urls['intake']}/tickets/{ticket.ticket_id}/resolve"
    await world.post(lane, "an agent resolves the ticket", url, {"resolution": how})
    _, at = await world.reporter.expect(
        lane,
        "the ticket is resolved",
        world.observer.event(Resolved, lambda one: one.ticket_id == ticket.ticket_id),
        SOON,
    )
    world.reporter.happened(lane, f"{ticket.number} resolved", at - began, "the agent's click")


async def _breached(world: World, lane: str, ticket_id: UUID) -> PromiseBreached:
    breach, at = await world.reporter.expect(
        lane,
        "the promise breaks",
        world.observer.event(
            PromiseBreached, lambda one: one.ticket_id == ticket_id and one.metric == FIRST_RESPONSE
        ),
        SOON + timedelta(seconds=60),
    )
    world.reporter.happened(
        lane,
        f"nobody answers: {breach.metric} breached, detected",
        breach.detected_at - breach.due_at,
        "due",
    )
    world.reporter.happened(lane, "the breach is read from Kafka", at - breach.due_at, "due")
    return breach


async def _paged(world: World, lane: str, breach: PromiseBreached) -> dict[str, Any]:
    page = await world.reporter.expect(
        lane,
        "somebody is paged",
        world.observer.arrival(
            "webhook", lambda one: (one["body"] or {}).get("breach_id") == str(breach.breach_id)
        ),
        SOON,
    )
    signed = ", its signature is right" if page.content["is_signed"] else ""
    world.reporter.happened(
        lane, f"page accepted by {page.content['to']}{signed}", page.at - breach.due_at, "due"
    )
    body: dict[str, Any] = page.content["body"]
    return body


async def _acknowledged(world: World, lane: str, page: dict[str, Any]) -> None:
    began = world.clock.now()
    await world.click(lane, "the page is acknowledged", page["acknowledge_url"])
    acknowledged, at = await world.reporter.expect(
        lane,
        "the page is acknowledged",
        world.observer.event(PageAcknowledged, lambda one: str(one.page_id) == page["page_id"]),
        SOON,
    )
    who = acknowledged.by.name or acknowledged.by.id
    world.reporter.happened(lane, f"page acknowledged by {who}", at - began, "the click")


async def _on_the_status_page(world: World, lane: str, ticket: TicketOpened) -> IncidentOpened:
    began = world.clock.now()
    await world.post(
        lane,
        "an agent confirms a known critical incident",
        f"{world.urls['intake']}/tickets/{ticket.ticket_id}/triage",
        {"known_incident": True, "why": "all customers are affected"},
    )
    incident, at = await world.reporter.expect(
        lane,
        "an incident opens",
        world.observer.event(IncidentOpened, lambda one: ticket.ticket_id in one.ticket_ids),
        SOON,
    )
    world.reporter.happened(
        lane, f"incident “{incident.title}” opened", at - began, "the confirmation"
    )
    seen = await world.reporter.expect(
        lane, "it stands on the public status page", world.on_status_page(incident.title), SOON
    )
    world.reporter.happened(
        lane, f"it stands on {world.status_page} (look now)", seen - began, "the confirmation"
    )
    return incident


async def _over(world: World, lane: str, incident: IncidentOpened) -> None:
    began = world.clock.now()
    await world.resolve_incidents(lane)
    _, at = await world.reporter.expect(
        lane,
        "the incident is resolved",
        world.observer.event(IncidentResolved, lambda one: one.incident_id == incident.incident_id),
        SOON,
    )
    world.reporter.happened(
        lane, "incident resolved, all components work", at - began, "the update"
    )


def _is_answer(mail: dict[str, Any], mark: str) -> bool:
    return f"cora.{mark}@" in mail["to"] and "Export" in mail["text"]
