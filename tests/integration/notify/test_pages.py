"""From a breach on the bus to somebody who takes the page."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from standardwebhooks import Webhook

from integration.notify.harness import (
    CLOCK,
    DESK,
    IDS,
    KEY,
    Mailbox,
    Notify,
    Receiver,
    a_breach,
    a_message,
    a_ticket,
    until,
)
from pledge.events import (
    Actor,
    BreachRetracted,
    PageAcknowledged,
    PageDelivered,
    PageEscalated,
    PageResolved,
    PageSent,
    Resolved,
)
from pledge.runtime.auth.key_derivation import webhook_secret
from support import topics
from support.asking import asker
from support.waiting import eventually


async def test_a_breach_pages_once_with_a_valid_signature(
    notify: Notify, receiver: Receiver
) -> None:
    await notify.start()
    breach = a_breach()

    await notify.publish(breach)
    await until(lambda: bool(receiver.pages()), "the page arrives")

    (call,) = receiver.pages()
    Webhook(webhook_secret(KEY, DESK, "pager")).verify(call.body, call.headers)
    assert call.json["breach_id"] == str(breach.breach_id)
    assert call.json["ticket_number"] == "DEMO-1"
    assert call.json["metric"] == "first_response"
    assert call.json["is_late"] is False


async def test_the_same_breach_again_pages_nobody(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    breach, marker = a_breach(), a_breach(number="DEMO-2")
    message = a_message(breach)

    await topics.publish(notify.kafka, [message, message, message])
    await notify.publish(marker)
    await until(lambda: len(receiver.pages()) >= 2, "both pages arrive")
    await notify.stop()

    assert sorted(call.json["ticket_number"] for call in receiver.pages()) == ["DEMO-1", "DEMO-2"]


async def test_a_failing_receiver_gets_the_page_again_under_the_same_id(
    notify: Notify, receiver: Receiver
) -> None:
    receiver.answers = [500, 503]
    await notify.start()

    await notify.publish(a_breach())
    await until(lambda: len(receiver.pages()) == 3, "the third attempt")

    assert len({call.id for call in receiver.pages()}) == 1
    assert len({call.body for call in receiver.pages()}) == 1


async def test_a_redirect_is_a_failure_and_no_request(notify: Notify, receiver: Receiver) -> None:
    receiver.answers = [302]
    await notify.start()

    await notify.publish(a_breach())

    async def is_failed() -> bool:
        found = await notify.get("/deliveries", state="failed")
        return bool(found) and found[0]["reason"] == "redirected"

    await eventually(is_failed)
    assert len(receiver.pages()) == 1


async def test_killed_between_sending_and_recording_it_sends_the_same_id_again(
    notify: Notify, receiver: Receiver
) -> None:
    receiver.hold["pager"] = asyncio.Event()
    await notify.start_process()
    await notify.publish(a_breach())
    await until(lambda: len(receiver.pages()) == 1, "the page is on its way")

    notify.kill_process()
    receiver.hold.pop("pager").set()
    await notify.start()
    await until(lambda: len(receiver.pages()) >= 2, "the page comes again")

    assert len({call.id for call in receiver.pages()}) == 1


async def test_stopping_waits_for_what_is_on_its_way(notify: Notify, receiver: Receiver) -> None:
    gate = receiver.hold["pager"] = asyncio.Event()
    await notify.start()
    await notify.publish(a_breach())
    await until(lambda: len(receiver.pages()) == 1, "the page is on its way")

    stopping = asyncio.create_task(notify.stop())
    await CLOCK.sleep(timedelta(seconds=0.3))
    gate.set()
    await stopping
    del receiver.hold["pager"]
    await notify.start()
    marker = a_breach(number="DEMO-2")
    await notify.publish(marker)
    await until(lambda: len(receiver.pages()) >= 2, "the marker arrives")

    assert [call.json["ticket_number"] for call in receiver.pages()] == ["DEMO-1", "DEMO-2"]


async def test_breaches_during_a_stop_are_paged_once_and_marked_late(
    notify: Notify, receiver: Receiver
) -> None:
    await notify.start()
    await notify.publish(a_breach(number="DEMO-0"))
    await until(lambda: len(receiver.pages()) == 1, "the first page")
    await notify.stop()

    missed = [a_breach(number=f"DEMO-{n}", ago=timedelta(minutes=1)) for n in range(1, 6)]
    await notify.publish(*missed)
    await notify.start()
    await until(lambda: len(receiver.pages()) >= 6, "the missed pages")
    await notify.stop()

    later = receiver.pages()[1:]
    assert sorted(call.json["ticket_number"] for call in later) == [
        f"DEMO-{n}" for n in range(1, 6)
    ]
    assert all(call.json["is_late"] for call in later)


async def test_an_acknowledged_page_does_not_escalate(
    notify: Notify, receiver: Receiver, mailbox: Mailbox
) -> None:
    await notify.start()
    taken, left = a_breach(severity="quick"), a_breach(severity="quick", number="DEMO-2")
    await notify.publish(taken)
    await until(lambda: bool(receiver.pages()), "the page arrives")

    page_id = receiver.pages()[0].json["page_id"]
    answer = await notify.request("POST", f"/pages/{page_id}/acknowledge", roles=["responder"])
    assert answer.json()["state"] == "acknowledged"
    # A slow machine may escalate before the acknowledgement; nothing may follow it.
    before = tickets(mailbox).count("DEMO-1")
    await notify.publish(left)
    await until(lambda: "DEMO-2" in tickets(mailbox), "the page nobody took escalates")

    assert tickets(mailbox).count("DEMO-1") == before
    assert set(mailbox.recipients) == {"anna@demo.example"}


def tickets(mailbox: Mailbox) -> list[str]:
    return [str(mail["X-Pledge-Ticket"]) for mail in mailbox.mails]


async def test_the_link_of_a_page_acknowledges_by_post_and_not_by_looking(
    notify: Notify, receiver: Receiver
) -> None:
    await notify.start()
    await notify.publish(a_breach())
    await until(lambda: bool(receiver.pages()), "the page arrives")
    body = receiver.pages()[0].json

    async with asker() as client:
        shown = await client.get(body["acknowledge_url"])
        assert shown.status_code == 200
        assert "first response missed: Mail is down" in shown.text
        assert "<dd>first response</dd>" in shown.text
        assert (await notify.get("/pages"))[0]["state"] == "triggered"
        for _ in range(2):
            done = await client.post(body["acknowledge_url"])
            assert done.status_code == 200
            assert "Acknowledged" in done.text
        forged = await client.post(body["acknowledge_url"][:-4] + "AAAA")
        assert forged.status_code == 404
    assert "late_link" not in body
    await notify.keeps_nowhere(body["acknowledge_url"].rpartition("/")[2])

    (page,) = await notify.get("/pages")
    assert (page["state"], page["acknowledged_by"]) == ("acknowledged", "pager")
    await notify.stop()
    assert len(await notify.events(PageAcknowledged)) == 1


async def test_a_reader_may_look_but_not_acknowledge(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    await notify.publish(a_breach())
    await until(lambda: bool(receiver.pages()), "the page arrives")
    path = f"/pages/{receiver.pages()[0].json['page_id']}"

    assert (await notify.request("GET", path, roles=["reader"])).status_code == 200
    refused = await notify.request("POST", f"{path}/acknowledge", roles=["reader"])
    assert refused.status_code == 403


async def test_breach_of_what_was_done_long_ago_wakes_nobody_and_is_on_record(
    notify: Notify, receiver: Receiver
) -> None:
    """A correction found it: what was answered after three hours had thirty minutes."""
    await notify.start()
    done, open_still = a_breach(), a_breach()
    await notify.publish(done.model_copy(update={"met_at": done.due_at + timedelta(hours=3)}))
    await notify.publish(open_still)
    await until(lambda: bool(receiver.pages()), "the page of what is still to be done arrives")
    pages = {page["breach_id"]: page for page in await notify.get("/pages")}
    resolved = pages[str(done.breach_id)]
    assert (resolved["state"], resolved["resolution"]) == ("resolved", "met_late")
    assert pages[str(open_still.breach_id)]["state"] == "triggered"
    assert len(receiver.pages()) == 1


async def test_a_retracted_breach_ends_its_page_and_no_other(
    notify: Notify, receiver: Receiver
) -> None:
    await notify.start()
    ticket_id = IDS.new()
    first, second = a_breach(ticket_id=ticket_id), a_breach(ticket_id=ticket_id)
    await notify.publish(first)
    await notify.publish(second, sequence=2)
    await until(lambda: len(receiver.pages()) == 2, "both pages arrive")

    taken_back = BreachRetracted(
        **{name: getattr(first, name) for name in type(first).model_fields if name != "type"},
        reason="reply_before_due",
        retracted_at=first.due_at,
    )
    await notify.publish(taken_back, sequence=3)

    async def states() -> dict[str, str]:
        return {page["breach_id"]: page["state"] for page in await notify.get("/pages")}

    async def is_over() -> bool:
        return (await states())[str(first.breach_id)] == "resolved"

    await eventually(is_over)
    assert (await states())[str(second.breach_id)] == "triggered"


async def test_a_resolved_ticket_ends_its_pages(notify: Notify, receiver: Receiver) -> None:
    await notify.start()
    breach = a_breach(severity="quick")
    assert breach.ticket_id is not None
    await notify.publish(a_ticket(ticket_id=breach.ticket_id))
    await notify.publish(breach)
    await until(lambda: bool(receiver.pages()), "the page arrives")

    resolved = Resolved(
        desk=DESK,
        occurred_at=breach.due_at,
        recorded_at=breach.due_at,
        ticket_id=breach.ticket_id,
        ticket_number="DEMO-1",
        by=Actor(kind="agent", id="ann"),
    )
    await notify.publish(resolved, sequence=2)

    async def is_over() -> bool:
        return bool((await notify.get("/pages"))[0]["state"] == "resolved")

    await eventually(is_over)
    await notify.stop()
    (over,) = await notify.events(PageResolved)
    assert isinstance(over, PageResolved)
    assert over.reason == "resolved"


async def test_every_change_of_a_page_is_published_in_order_without_gaps(
    notify: Notify, receiver: Receiver, mailbox: Mailbox
) -> None:
    await notify.start()
    breach = a_breach(severity="quick")
    await notify.publish(breach)
    await until(lambda: bool(mailbox.mails), "the page escalates")
    page_id = receiver.pages()[0].json["page_id"]
    await notify.request("POST", f"/pages/{page_id}/acknowledge")
    await notify.stop()

    records = await topics.read(notify.kafka, "notify.events.v1")
    sequences = [int(dict(record.headers)["ce_sequence"]) for record in records]
    assert sequences == list(range(1, len(records) + 1))
    kinds = [type(event) for event in await notify.events()]
    assert kinds[:2] == [PageSent, PageDelivered]
    assert PageEscalated in kinds
    assert kinds.count(PageAcknowledged) == 1


async def test_a_slow_receiver_does_not_delay_another(notify: Notify, receiver: Receiver) -> None:
    receiver.hold["slow"] = asyncio.Event()
    await notify.start()
    flood = [a_breach(severity="slow", number=f"DEMO-{n}") for n in range(100)]
    await notify.publish(*flood)
    await until(lambda: bool(receiver.pages("slow")), "the slow receiver is busy")

    await notify.publish(a_breach(number="DEMO-200"))
    await until(lambda: bool(receiver.pages()), "the other page arrives all the same")

    assert len(receiver.pages("slow")) < 100
    receiver.hold.pop("slow").set()
    await until(lambda: len(receiver.pages("slow")) == 100, "the flood drains")
    assert len({call.id for call in receiver.pages("slow")}) == 100


async def test_a_private_address_is_not_called_unless_it_is_allowed(
    notify: Notify, receiver: Receiver
) -> None:
    port = receiver.url.rpartition(":")[2]
    text = notify.desk_file.read_text().replace("${SINK_URL}", f"http://localhost:{port}", 1)
    notify.desk_file.write_text(text)
    await notify.start()
    await notify.publish(a_breach())

    async def is_refused() -> bool:
        found = await notify.get("/deliveries", state="failed")
        return bool(found) and found[0]["reason"] == "forbidden_address"

    await eventually(is_refused)
    assert receiver.calls == []


async def test_a_link_in_an_escalation_mail_leads_to_the_page(
    notify: Notify, mailbox: Mailbox
) -> None:
    await notify.start()
    await notify.publish(a_breach(severity="quick"))
    await until(lambda: bool(mailbox.mails), "the page escalates")

    text = mailbox.mails[0].get_content()
    link = re.search(r"http://\S+/a/\S+", text)
    assert link
    async with asker() as client:
        await client.post(link[0])
    (page,) = await notify.get("/pages")
    assert page["acknowledged_by"] == "anna"
    await notify.keeps_nowhere(link[0].rpartition("/")[2])
