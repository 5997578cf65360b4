"""Channel events from the bus: once each, threaded, poison kept, nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from integration.intake.harness import ANN, Intake, a_mail, short
from pledge.events import (
    Authentication,
    CallEnded,
    CallReceived,
    ChannelEvent,
    ChatEnded,
    ChatMessageReceived,
    Contact,
    EmailMessageReceived,
    EmailSent,
    ReplySubmitted,
    SilenceElapsed,
    Topic,
    VoicemailLeft,
    VoicemailTranscribed,
    dead_letter,
    keep_instants_within,
)
from pledge.events.instants import EARLIEST, LATEST
from pledge.runtime.config.settings import KafkaSettings
from support import topics
from support.databases import Databases
from support.waiting import eventually

CALLER = Contact(phone="+15550199")


def about(intake: Intake, delivery: str, conversation: str, **more: Any) -> dict[str, Any]:
    now = intake.clock.now()
    return {
        "desk": "vircom",
        "occurred_at": now,
        "recorded_at": now,
        "delivery": delivery,
        "conversation": conversation,
        "authentication": Authentication(result="none"),
        **more,
    }


def a_chat(intake: Intake, number: int, conversation: str, **more: Any) -> ChatMessageReceived:
    return ChatMessageReceived(
        **about(intake, f"chat-{conversation}-{number}", conversation),
        **{"sender": ANN, "text": f"Message {number}", **more},
    )


async def test_a_chat_is_one_ticket_and_its_agent_is_heard(intake: Intake) -> None:
    agent = Contact(name="Tom", email="tom@vircom.example")
    await intake.publish(
        a_chat(intake, 1, "c1", sender=Contact(chat="web:7")),
        a_chat(intake, 2, "c1", sender=Contact(chat="web:7")),
        a_chat(intake, 3, "c1", sender=agent, sender_kind="agent"),
        a_chat(intake, 4, "c1", sender=Contact(chat="bot"), sender_kind="bot"),
        ChatEnded(
            **about(intake, "chat-c1-end", "c1"),
            ended_by="requester",
            requester=Contact(email="ann@contoso.example"),
            has_contact_details=True,
        ),
        a_chat(intake, 1, "c2"),
    )
    first, second = await intake.tickets(2)
    if first["requester"]["chat"] is None:  # two conversations: either may be read first
        first, second = second, first
    assert await intake.types(first["id"]) == [
        "opened", "requester_replied", "agent_replied", "participants_changed",
    ]  # fmt: skip
    assert first["requester"]["email"] == "ann@contoso.example"
    assert first["requester"]["chat"] == "web:7"
    assert await intake.types(second["id"]) == ["opened"]


async def test_a_call_its_voicemail_and_its_text_are_one_ticket_in_any_order(
    intake: Intake,
) -> None:
    def of(call: str, delivery: str) -> dict[str, Any]:
        return {
            **about(intake, f"{call}-{delivery}", call),
            "call_id": call,
            "line": "+15550110",
            # Two callers: the same one would go on with the ticket of the call before.
            "caller": CALLER if call == "one" else Contact(phone="+15550198"),
        }

    def all_of(call: str) -> list[ChannelEvent]:
        return [
            CallReceived(**of(call, "call"), menu_choice="1"),
            VoicemailLeft(**of(call, "voicemail"), duration=timedelta(seconds=42)),
            VoicemailTranscribed(**of(call, "text"), text="Mail is down."),
            CallEnded(**of(call, "end"), duration=timedelta(seconds=60)),
        ]

    await intake.publish(*all_of("one"), *reversed(all_of("two")))
    first, second = await intake.tickets(2)
    if first["is_urgent"] is False:  # two conversations: either may be read first
        first, second = second, first
    assert await intake.types(first["id"]) == [
        "opened", "callback_requested", "noted", "noted",
    ]  # fmt: skip
    assert first["line"] == "support-line"
    assert "callback_requested" in await intake.types(second["id"])


async def test_deliveries_that_come_twice_count_once(intake: Intake) -> None:
    events = [a_chat(intake, n, "twice") for n in range(5)]
    await intake.publish(*events, *events, *reversed(events))
    (ticket,) = await intake.tickets(1)
    assert await intake.types(ticket["id"]) == ["opened"] + ["requester_replied"] * 4
    told = await intake.published()
    assert [each.envelope.sequence for each in told] == [1, 2, 3, 4, 5]


async def test_what_cannot_be_handled_is_kept_and_holds_nothing_up(intake: Intake) -> None:
    good = intake.message(a_chat(intake, 1, "good"))
    nobody = uuid5(intake.ids.new(), "nobody")
    bad = [
        good._replace(value=b"not json"),
        good._replace(value=None),
        good._replace(headers=()),
        good._replace(headers=(*good.headers, ("ce_desk", b"\xff"))),
        good._replace(value=(good.value or b"").replace(b"Message 1", b"nul \\u0000")),
        intake.message(a_chat(intake, 1, "elsewhere", sender=ANN).model_copy(
            update={"desk": "unknown"}
        )),
        intake.message(
            ReplySubmitted(**about(intake, "r1", "r1"), ticket_id=nobody, requester=ANN)
        ),
    ]  # fmt: skip
    unknown_type = tuple(
        (name, b"pledge.chat.waved.v1" if name == "ce_type" else value)
        for name, value in good.headers
    )
    await topics.publish(intake.kafka, [*bad, good._replace(headers=unknown_type), good])
    (ticket,) = await intake.tickets(1)
    assert await intake.types(ticket["id"]) == ["opened"]

    async def kept() -> dict[str, int]:
        reasons: dict[str, int] = {}
        for topic in (Topic.CHANNEL_CHAT, Topic.CHANNEL_PORTAL):
            for record in await topics.read(intake.kafka, dead_letter(topic)):
                reason = dict(record.headers)["dlq_reason"].decode()
                reasons[reason] = reasons.get(reason, 0) + 1
        assert sum(reasons.values()) == len(bad)
        return reasons

    reasons = await eventually(kept)
    assert reasons == {
        "not_json": 1, "null_value": 1, "missing_header": 1, "header_not_utf8": 1,
        "nul_in_text": 1, "unknown_desk": 1, "unknown_ticket": 1,
    }  # fmt: skip


async def test_a_dead_letter_that_is_replayed_is_taken(intake: Intake) -> None:
    await intake.publish(a_chat(intake, 1, "first"))
    (ticket,) = await intake.tickets(1)
    nobody = uuid5(intake.ids.new(), "nobody")
    reply = ReplySubmitted(**about(intake, "r1", "r1"), ticket_id=nobody, requester=ANN)
    await intake.publish(reply)

    async def is_dead() -> bool:
        return bool(await topics.read(intake.kafka, dead_letter(Topic.CHANNEL_PORTAL)))

    await eventually(is_dead)
    await intake.publish(reply.model_copy(update={"ticket_id": UUID(ticket["id"])}))

    async def replied() -> bool:
        return await intake.types(ticket["id"]) == ["opened", "requester_replied"]

    await eventually(replied)


async def test_a_mail_read_after_its_answer_joins_the_answers_ticket(intake: Intake) -> None:
    def mail(number: int, *references: str) -> EmailMessageReceived:
        return EmailMessageReceived(
            **about(intake, f"m{number}", "thread"),
            message_id=f"<{number}@x.example>",
            in_reply_to=references[-1] if references else None,
            references=references,
            sender=ANN,
            recipients=("support@vircom.example",),
            subject_line=f"Mail {number}",
        )

    await intake.publish(mail(2, "<1@x.example>"), mail(1), mail(3, "<1@x.example>"))
    (ticket,) = await intake.tickets(1)
    assert await intake.types(ticket["id"]) == ["opened", "requester_replied", "requester_replied"]


async def test_the_parts_of_a_long_text_that_events_leave_out_are_kept(intake: Intake) -> None:
    await intake.publish(a_chat(intake, 1, "long", text="word " * 10_000))
    (ticket,) = await intake.tickets(1)
    (fact,) = await intake.facts(ticket["id"])
    assert len(fact["text"]) == 50_000
    assert len(fact["data"]["text"]) == 16_000


async def test_a_ticket_silent_for_too_long_is_announced_and_closed(intake: Intake) -> None:
    await intake.publish(a_chat(intake, 1, "silent"))
    (ticket,) = await intake.tickets(1)
    now = intake.clock.now()

    def silence(step: str) -> SilenceElapsed:
        return SilenceElapsed(
            desk="vircom",
            occurred_at=now,
            recorded_at=now,
            ticket_id=ticket["id"],
            ticket_number=ticket["number"],
            rule="five-days",
            step=step,
            silent_since=now,
            attempts=3,
            closes_at=now + timedelta(days=1) if step == "announce" else None,
            conditions=("3 of 3 attempts", "5 of 5 days"),
            policy_version="v1",
        )

    elapsed = intake.message(silence("elapsed"))
    announced = intake.message(silence("announce"))
    await topics.publish(intake.kafka, [announced, announced, elapsed, elapsed])

    async def closed() -> bool:
        return await intake.types(ticket["id"]) == ["opened", "closing_announced", "closed"]

    await eventually(closed)
    told = await intake.published()
    assert [short(each.envelope.type) for each in told][-1] == "closed"
    facts = await intake.facts(ticket["id"])
    assert facts[-1]["data"]["conditions"] == ["3 of 3 attempts", "5 of 5 days"]


async def test_an_answer_to_a_mail_of_ours_belongs_to_its_ticket(intake: Intake) -> None:
    await intake.publish(a_chat(intake, 1, "begun-in-a-chat"))
    (ticket,) = await intake.tickets(1)
    now = intake.clock.now()
    sent = EmailSent(
        desk="vircom",
        occurred_at=now,
        recorded_at=now,
        ticket_id=UUID(ticket["id"]),
        number=ticket["number"],
        message_id=intake.ids.new(),
        recipient="ann@contoso.example",
        mail_message_id="<ours@vircom.example>",
    )
    await topics.publish(intake.kafka, [intake.message(sent)])

    async def remembered() -> bool:
        return bool(await intake.pool.fetchval("SELECT count(*) FROM threads") == 2)

    await eventually(remembered)
    answer = a_mail("Re: x", message_id="<2@x.example>", references=["<ours@vircom.example>"])
    await intake.mail(answer)

    async def joined() -> bool:
        return await intake.types(ticket["id"]) == ["opened", "requester_replied"]

    await eventually(joined)
    await intake.tickets(1)


async def test_bounds_of_instants_are_those_of_the_settings(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    earliest = datetime(2015, 1, 1, tzinfo=UTC)
    before = {"occurred_at": earliest - timedelta(seconds=1)}
    dsn = database("intake")
    try:
        async with Intake(kafka, dsn, tmp_path, earliest_instant=earliest) as intake:
            old = a_chat(intake, 1, "old").model_copy(update=before)
            await intake.publish(old, a_chat(intake, 1, "new"))

            async def reasons() -> list[bytes | None]:
                found = await topics.read(kafka, dead_letter(Topic.CHANNEL_CHAT))
                assert found
                return [dict(each.headers)["dlq_reason"] for each in found]

            assert await eventually(reasons) == [b"instant_out_of_bounds"]
            assert len(await intake.tickets(1)) == 1
    finally:
        keep_instants_within(EARLIEST, LATEST)
