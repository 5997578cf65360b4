"""Mails to customers: acknowledged once, threaded, and never in a loop."""

from __future__ import annotations

from functools import partial

from integration.notify.harness import DESK, IDS, Mailbox, Notify, a_breach, a_ticket, until
from pledge.events import AttachmentRef, Contact, EmailFailed, EmailRequested, EmailSent
from support.waiting import eventually


async def test_a_new_ticket_is_acknowledged_with_number_and_severity(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    await notify.publish(a_ticket(message_id="<m1@customer.example>"))
    await until(lambda: bool(mailbox.mails), "the acknowledgement arrives")

    (mail,) = mailbox.mails
    assert mailbox.recipients == ["rita@customer.example"]
    assert mail["From"] == "Demo support <support@demo.example>"
    assert "DEMO-1" in mail["Subject"]
    assert "critical" in mail.get_content()
    assert "JST (Asia/Tokyo)" in mail.get_content()
    assert mail["Auto-Submitted"] == "auto-replied"
    assert "support+t1@demo.example" in mail["Reply-To"]
    assert mail["In-Reply-To"] == "<m1@customer.example>"
    assert mail["References"] == "<m1@customer.example>"
    assert mail["Message-ID"].endswith("@demo.example>")
    assert mail["Date"]

    async def is_told() -> bool:
        sent = await notify.events(EmailSent)
        return [getattr(event, "mail_message_id", "") for event in sent] == [mail["Message-ID"]]

    await eventually(is_told)


async def test_a_subject_cannot_add_headers(notify: Notify, mailbox: Mailbox) -> None:
    await notify.start()
    subject = "Help\r\nBcc: everybody@customer.example\r\n\r\nBuy this"
    await notify.publish(a_ticket(subject_line=subject))
    await until(lambda: bool(mailbox.mails), "the acknowledgement arrives")

    assert mailbox.mails[0]["Bcc"] is None
    assert mailbox.recipients == ["rita@customer.example"]


async def test_machines_and_our_own_addresses_get_no_mail(notify: Notify, mailbox: Mailbox) -> None:
    await notify.start()
    await notify.publish(
        a_ticket(is_answerable=False),
        a_ticket(requester=Contact(email="support+t9@demo.example")),
        a_ticket(requester=Contact(email="MAILER-DAEMON@customer.example")),
        a_ticket(requester=Contact(email="not an address")),
        a_ticket(requester=Contact(phone="+15550100")),
        a_ticket(requester=Contact(email="marker@customer.example")),
    )
    await until(lambda: "marker@customer.example" in mailbox.recipients, "the marker arrives")
    await notify.stop()

    assert mailbox.recipients == ["marker@customer.example"]


async def test_one_address_gets_only_so_many_automatic_mails(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    flooded = Contact(email="loop@customer.example")
    for number in range(3):
        await notify.publish(a_ticket(requester=flooded))
        await until(partial(_has, mailbox, number + 1), "the first mails arrive")
    await notify.publish(*[a_ticket(requester=flooded) for _ in range(4)], a_ticket())
    await until(lambda: "rita@customer.example" in mailbox.recipients, "others still get theirs")
    await notify.stop()

    assert mailbox.recipients.count("loop@customer.example") == 3


async def test_answers_that_intake_asks_for_stop_at_the_same_bound(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    address = "answering-machine@customer.example"
    for number in range(3):
        await notify.publish(an_answer_to(address))
        await until(partial(_has, mailbox, number + 1), "the first mails arrive")
    await notify.publish(
        *[an_answer_to(address) for _ in range(4)],
        an_answer_to(address, is_automatic=False),
        an_answer_to("rita@customer.example"),
    )
    await until(partial(_has, mailbox, 5), "agents' words and others' mails arrive")

    async def are_told() -> bool:
        failed = await notify.events(EmailFailed)
        return [getattr(event, "reason", "") for event in failed] == ["too_many"] * 4

    await eventually(are_told)
    await notify.stop()

    assert mailbox.recipients.count(address) == 4


def an_answer_to(address: str, **changes: bool) -> EmailRequested:
    opened = a_ticket()
    event = EmailRequested(
        desk=DESK,
        occurred_at=opened.occurred_at,
        recorded_at=opened.occurred_at,
        ticket_id=opened.ticket_id,
        ticket_number="DEMO-1",
        email_id=IDS.new(),
        to=(Contact(email=address),),
        template="question",
        text="What product is it?",
    )
    return event.model_copy(update=changes)


async def test_a_mail_intake_asks_for_is_sent_in_its_words(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    opened = a_ticket()
    event = EmailRequested(
        desk=DESK,
        occurred_at=opened.occurred_at,
        recorded_at=opened.occurred_at,
        ticket_id=opened.ticket_id,
        ticket_number="DEMO-1",
        email_id=IDS.new(),
        to=(Contact(name="Zoë", email="zoe@customer.example"),),
        template="agent_reply",
        subject_line="Re: Mail is down",
        text="We are on it.\n{{ 7 * 7 }}",
        attachments=(
            AttachmentRef(
                name="how to {{ 1 }}.pdf",
                content_type="application/pdf",
                size=1_250_000,
                sha256="a" * 64,
                key="k",
                url="https://tickets.example/shared/demo/x",
            ),
            AttachmentRef(
                name="a.txt", content_type="text/plain", size=1, sha256="b" * 64, key="k"
            ),
        ),
        reply_to="support+t1@demo.example",
        in_reply_to="<m7@customer.example>",
        references=("<m1@customer.example>", "<m7@customer.example>"),
        is_automatic=False,
    )
    await notify.publish(event)
    await until(lambda: bool(mailbox.mails), "the mail arrives")

    (mail,) = mailbox.mails
    assert mail.get_content().replace("\r\n", "\n") == (
        "We are on it.\n{{ 7 * 7 }}\n\n"
        "how to {{ 1 }}.pdf (1.2 MB): https://tickets.example/shared/demo/x\na.txt (1 Byte)\n"
    )
    assert mail["To"] == "Zoë <zoe@customer.example>"
    assert mail["References"] == "<m1@customer.example> <m7@customer.example>"
    assert mail["Auto-Submitted"] == "no"


async def test_a_refused_mail_is_failed_for_good_and_a_busy_server_is_asked_again(
    notify: Notify, mailbox: Mailbox
) -> None:
    mailbox.refuse = "451 try later"
    await notify.start()
    await notify.publish(a_ticket())

    async def is_retried() -> bool:
        found = await notify.get("/deliveries", state="pending")
        return bool(found) and found[0]["attempts"] >= 2

    await eventually(is_retried)
    mailbox.refuse = "550 no such user"

    async def is_failed() -> bool:
        found = await notify.get("/deliveries", state="failed")
        return bool(found) and found[0]["reason"] == "refused"

    await eventually(is_failed)
    (failed,) = await notify.get("/deliveries", state="failed")
    mailbox.refuse = None
    answer = await notify.request("POST", f"/deliveries/{failed['id']}/retry")
    assert answer.status_code == 200
    await until(lambda: len(mailbox.mails) == 1, "the mail arrives after all")


async def test_connections_to_the_mail_server_are_kept(notify: Notify, mailbox: Mailbox) -> None:
    await notify.start()
    for number in range(5):
        await notify.publish(a_ticket(requester=Contact(email=f"c{number}@customer.example")))
        await until(partial(_has, mailbox, number + 1), "the mail arrives")

    assert mailbox.sessions == 1


async def test_an_unknown_desk_is_nobodys_business(notify: Notify, mailbox: Mailbox) -> None:
    await notify.start()
    stranger = a_ticket().model_copy(update={"desk": "elsewhere"})
    await notify.publish(stranger)
    await notify.publish(a_breach().model_copy(update={"desk": "elsewhere"}))
    await notify.publish(a_ticket())
    await until(lambda: bool(mailbox.mails), "the desk we know is served")

    assert await notify.get("/pages") == []


def _has(mailbox: Mailbox, mails: int) -> bool:
    return len(mailbox.mails) == mails
