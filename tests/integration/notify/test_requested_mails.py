"""Mails that status requests, and records that can't be decoded."""

from __future__ import annotations

from datetime import timedelta

from integration.notify.harness import (
    CLOCK,
    DESK,
    IDS,
    Mailbox,
    Notify,
    Receiver,
    a_breach,
    a_message,
    until,
)
from pledge.events import (
    ConfirmationRequested,
    EmailSent,
    Recipient,
    TimerAtRisk,
    UpdateAddressed,
)
from pledge.runtime.records import Message
from support import topics
from support.waiting import eventually


def a_recipient(address: str, **changes: str) -> Recipient:
    return Recipient.model_validate(
        {
            "subscriber_id": IDS.new(),
            "method": "email",
            "address": address,
            "unsubscribe_url": f"https://status.example/u/{address}",
            **changes,
        }
    )


async def test_an_addressed_update_reaches_each_subscriber_once(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    now = CLOCK.now()
    addresses = [f"s{number}@customer.example" for number in range(20)]
    update = UpdateAddressed(
        desk=DESK,
        occurred_at=now,
        recorded_at=now,
        update_id=IDS.new(),
        incident_id=IDS.new(),
        subject_line="Mail is delayed",
        body="We are looking into it.",
        page_url="https://status.example/demo",
        recipients=tuple(a_recipient(address) for address in addresses),
    )
    await notify.publish(update)
    await notify.publish(update, sequence=2)
    await until(lambda: len(mailbox.recipients) >= 20, "all mails arrive")

    async def is_told() -> bool:
        return len(await notify.events(EmailSent)) == 20

    await eventually(is_told)
    assert sorted(mailbox.recipients) == sorted(addresses)
    mail = mailbox.mails[0]
    assert mail["Subject"] == "Mail is delayed"
    assert mail["List-Unsubscribe"].startswith("<https://status.example/u/")
    assert "We are looking into it." in mail.get_content()


async def test_a_new_subscriber_is_asked_to_confirm(notify: Notify, mailbox: Mailbox) -> None:
    await notify.start()
    now = CLOCK.now()
    event = ConfirmationRequested(
        desk=DESK,
        occurred_at=now,
        recorded_at=now,
        recipient=a_recipient("new@customer.example"),
        confirm_url="https://status.example/confirm/secret",
        page_name="Demo status",
    )
    await notify.publish(event)
    await until(lambda: bool(mailbox.mails), "the mail arrives")

    assert "https://status.example/confirm/secret" in mailbox.mails[0].get_content()


async def test_a_promise_at_risk_is_posted_to_the_chat(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    now = CLOCK.now()
    warning = TimerAtRisk(
        desk=DESK,
        occurred_at=now,
        recorded_at=now,
        ticket_id=IDS.new(),
        ticket_number="DEMO-1",
        metric="resolution",
        target="4 hours",
        due_at=now + timedelta(hours=1),
        policy_version="1",
        reason="percent_used",
        percent=75,
    )
    await notify.publish(warning)
    await until(lambda: bool(receiver.calls), "the message arrives")

    body = receiver.calls[0].json
    assert body["type"] == "pledge.message.v1"
    assert body["text"].startswith("DEMO-1 resolution ")
    assert body["text"].endswith("(UTC)")


async def test_what_cannot_be_read_is_kept_and_the_rest_goes_on(
    notify: Notify, receiver: Receiver
) -> None:
    await notify.start()
    good = a_message(a_breach())
    broken = [
        Message(good.topic, good.key, b"not json", good.headers),
        Message(good.topic, good.key, None, good.headers),
        Message(good.topic, good.key, b"{}", ()),
        Message(good.topic, good.key, good.value, (("ce_type", None),)),
        Message(good.topic, good.key, good.value, (("ce_type", b"\xff"),)),
        Message(good.topic, good.key, b"{}", (("ce_type", b"pledge.new.thing.v9"),)),
    ]
    await topics.publish(notify.kafka, [*broken, good])
    await until(lambda: bool(receiver.pages()), "the good one arrives")

    async def are_kept() -> bool:
        return len(await topics.read(notify.kafka, f"{good.topic}.dlq")) == 5

    await eventually(are_kept)
    assert len(receiver.pages()) == 1
