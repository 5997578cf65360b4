"""What chat programs have in common: a message of somebody, in a thread."""

import json
from datetime import datetime

from intake.gateways.hooks.request import HookContext
from pledge.events import ChatMessageReceived, Contact


def a_message(
    context: HookContext,
    *,
    delivery: tuple[str, ...],
    conversation: str,
    user: str,
    user_id: str,
    name: str,
    line: str,
    text: str,
    occurred_at: datetime,
    is_bot: bool = False,
    is_note: bool = False,
    phone: str | None = None,
) -> ChatMessageReceived:
    """The event of a message. `user` is the sender across providers, `user_id` the provider's: by
    it the desk's own people are known. They stay where they wrote: there is a way to reach them."""
    address = context.hook.agents.get(user_id)
    kind = "requester" if address is None else "agent"
    if is_bot:
        kind = "bot"
    elif is_note:
        kind = "note"
    return ChatMessageReceived(
        desk=context.desk.id,
        occurred_at=occurred_at,
        recorded_at=context.now,
        delivery=context.delivery(*delivery),
        conversation=conversation,
        authentication=context.signed(),
        sender=Contact(name=name or None, email=address, phone=phone, chat=user),
        sender_kind=kind,
        line=line or None,
        text=text,
        has_contact_details=True,
    )


def json_answer(**fields: str) -> str:
    """A JSON object of these texts."""
    return json.dumps(fields, ensure_ascii=False)
