"""Work between tickets, feedback and meetings on a running service: once, together, in bounds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from integration.intake.harness import ANN, Intake, a_mail, short
from integration.intake.test_portal import browser, code_of, sign_in
from pledge.events import Authentication, Contact, FormSubmitted

NO_PROOF = Authentication(result="none")


async def do(
    intake: Intake, ticket: str, action: str, key: str | None = None, **body: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    async with intake.http("agent", headers=headers) as client:
        return await client.post(f"/tickets/{ticket}/{action}", json=body)


async def opened(intake: Intake, *subjects: str) -> list[dict[str, Any]]:
    """A ticket for each subject, the oldest first."""
    for place, subject in enumerate(subjects, 1):
        await intake.mail(a_mail(subject, message_id=f"<{place}@contoso.example>"))
        await intake.tickets(place)
    return await intake.tickets(len(subjects))


async def show(intake: Intake, ticket: dict[str, Any]) -> dict[str, Any]:
    async with intake.http("reader") as client:
        found: dict[str, Any] = (await client.get(f"/tickets/{ticket['id']}")).json()
    return found


async def test_tickets_merged_in_a_chain_are_one_conversation(intake: Intake) -> None:
    first, second, third, fourth = await opened(intake, "One", "Two", "Three", "Four")
    assert (await do(intake, third["number"], "merge", into=second["number"])).is_success
    # Asked for again under the same key it is done once, and answers the same.
    for _ in range(2):
        merged = await do(intake, second["number"], "merge", key="k", into=first["id"])
        assert (merged.status_code, merged.json()["id"]) == (200, first["id"])
    again = await do(intake, second["number"], "merge", into=first["id"])
    assert again.status_code == 409
    for address, references in ((third["reply_to"], ()), ("", ["<3@contoso.example>"])):
        reply = a_mail("Re: Three", "More.", message_id=f"<{address}r@x.y>", references=references)
        await intake.mail(reply, address or "support@vircom.example")
    await intake.recorded(
        first["id"], "opened", "absorbed", "requester_replied", "requester_replied"
    )
    assert await intake.types(third["id"]) == ["opened", "merged"]
    assert await intake.types(second["id"]) == ["opened", "absorbed", "merged"]
    late = await do(intake, fourth["id"], "merge", into=third["id"])
    assert late.status_code == 409
    assert f"{third['number']} was merged; merge into {first['number']}" in late.json()["detail"]
    refused = await do(intake, third["id"], "reopen")
    assert refused.status_code == 409
    assert second["number"] in refused.json()["detail"]
    told = await intake.published()
    for ticket in (first, second, third):
        own = [each.envelope.sequence for each in told if each.envelope.subject == ticket["id"]]
        assert own == list(range(1, len(own) + 1))


async def test_merges_at_the_same_time_leave_one_ticket_and_no_deadlock(intake: Intake) -> None:
    first, second = await opened(intake, "One", "Two")
    answers = await asyncio.gather(
        *(do(intake, second["id"], "merge", into=first["id"]) for _ in range(4)),
        *(do(intake, first["id"], "merge", into=second["id"]) for _ in range(4)),
        *(do(intake, first["id"], "note", text="meanwhile") for _ in range(4)),
    )
    assert sorted(each.status_code for each in answers) == [200] * 5 + [409] * 7
    assert (await show(intake, first))["state"] == "open"
    assert (await show(intake, second))["state"] == "closed"


async def test_a_split_asked_for_twice_under_one_key_is_one_ticket(intake: Intake) -> None:
    (ticket,) = await opened(intake, "Two issues")
    answers = await asyncio.gather(
        *(do(intake, ticket["id"], "split", key="k", subject="The other") for _ in range(4))
    )
    assert {each.status_code for each in answers} == {200}
    (made,) = {each.json()["id"] for each in answers}
    assert await intake.types(ticket["id"]) == ["opened", "split_off"]
    # The key belongs to what was asked for with it.
    other = await do(intake, ticket["id"], "split", key="k", subject="Something else")
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert other.json()["type"] == "urn:pledge:problem:key_reused"
    assert (await do(intake, ticket["id"], "note", key="k", text="Once.")).is_success
    other = await do(intake, ticket["id"], "note", key="k", text="Twice.")
    assert other.json()["type"] == "urn:pledge:problem:key_reused"
    assert await intake.types(ticket["id"]) == ["opened", "split_off", "noted"]
    # What was refused can be asked for again under its key.
    wrong = await do(intake, ticket["id"], "split", key="l", subject="x", severity="p9")
    assert (wrong.status_code, "p1, p2, p3" in wrong.json()["detail"]) == (422, True)
    assert (await do(intake, ticket["id"], "split", key="l", subject="x")).is_success
    event = next(
        each.event.model_dump() for each in await intake.published()
        if each.envelope.subject == made
    )  # fmt: skip
    assert str(event["split_from"]) == ticket["id"]
    reported_at = event["reported_at"].replace(microsecond=0)
    assert reported_at == datetime.fromisoformat(ticket["opened_at"]).replace(microsecond=0)


async def test_a_client_s_ticket_is_opened_once_and_answered_to_like_any_other(
    intake: Intake,
) -> None:
    body = {
        "desk": "vircom",
        "subject": "Told on the phone",
        "requester": {"name": "Ann", "email": "Ann@Contoso.example"},
        "participants": [{"email": "bo@contoso.example"}],
        "channel": "phone",
        "occurred_at": (intake.clock.now() - timedelta(hours=1)).isoformat(),
    }
    async with intake.http("agent", headers={"Idempotency-Key": "k"}) as client:
        answers = await asyncio.gather(*(client.post("/tickets", json=body) for _ in range(3)))
    assert {each.status_code for each in answers} == {201}
    (made,) = await intake.tickets(1)
    assert {each.json()["id"] for each in answers} == {made["id"]}
    assert (made["customer"], made["requester"]["email"]) == ("Contoso", "ann@contoso.example")
    await intake.mail(a_mail("Re: it", message_id="<r@x.y>"), made["reply_to"])
    await intake.recorded(made["id"], "opened", "requester_replied")
    async with intake.http("agent", headers={"Idempotency-Key": "k"}) as client:
        other = await client.post("/tickets", json={**body, "subject": "Another call"})
        assert other.json()["type"] == "urn:pledge:problem:key_reused"
    async with intake.http("agent", desks=["demo"]) as client:
        assert (await client.post("/tickets", json=body)).status_code == 422
    async with intake.http("reader") as client:
        assert (await client.post("/tickets", json=body)).status_code == 403
    async with intake.http("agent") as client:
        old = (intake.clock.now() - timedelta(days=400)).isoformat()
        wrongs: tuple[dict[str, Any], ...] = (
            {"occurred_at": old}, {"desk": "none"}, {"requester": {"email": "a b"}},
            {"occurred_at": "9999-12-31T23:59:59-12:00"}, {"participants": [{}] * 51},
            {"subject": ""}, {"text": "x" * 16_001}, {"severity": "p9"},
        )  # fmt: skip
        for wrong in wrongs:
            answer = await client.post("/tickets", json={**body, **wrong})
            assert answer.status_code == 422, wrong


async def test_a_form_follows_up_an_old_ticket_of_its_own_requester_only(intake: Intake) -> None:
    (old,) = await opened(intake, "Old")
    assert (await do(intake, old["id"], "close")).is_success
    now = intake.clock.now()
    for who in (ANN, Contact(email="eve@elsewhere.example")):
        form = FormSubmitted(
            desk="vircom", occurred_at=now, recorded_at=now, delivery=f"f-{who.email}",
            conversation=f"f-{who.email}", authentication=NO_PROOF, form="case", requester=who,
            subject_line="Again", text="Again", follows_up=old["id"],
        )  # fmt: skip
        await intake.publish(form, form)
    _, *new = await intake.tickets(3)
    mine = next(each for each in new if each["requester"]["email"] == ANN.email)
    assert [each["kind"] for each in mine["links"]] == ["follows_up"]
    assert await intake.types(old["id"]) == ["opened", "closed", "followed_up"]
    theirs = next(each for each in new if each is not mine)
    assert theirs["links"] == []


async def test_feedback_comes_by_address_form_and_agent_and_each_is_its_own(
    intake: Intake,
) -> None:
    sender = "ann@contoso-security.example"
    mail = a_mail("Too slow", "Far too slow.", sender=sender, to="complaints@infocyte.example")
    for _ in range(2):  # delivered twice
        await intake.mail(mail, "complaints@infocyte.example", sender=sender)
    await intake.tickets(1)
    async with intake.http("gateway") as client:
        case = {"desk": "infocyte", "form": "feedback", "subject": "Nice", "text": "Thank you.",
                "requester": {"email": sender}}  # fmt: skip
        assert (await client.post("/cases", json=case)).status_code == 202
    complaint, praise = await intake.tickets(2)
    assert await intake.types(complaint["id"]) == ["opened", "feedback_received", "complaint_filed"]
    assert await intake.types(praise["id"]) == ["opened", "feedback_received"]
    assert complaint["missing"] == [], "nothing is required of a complaint"
    # The sender goes on with it in the thread: that is no further complaint.
    more = a_mail("Re: Too slow", "Hello?", sender=sender, message_id="<2@x.y>",
                  references=["<one@contoso.example>"])  # fmt: skip
    await intake.mail(more, "complaints@infocyte.example", sender=sender)
    await intake.recorded(
        complaint["id"], "opened", "feedback_received", "complaint_filed", "requester_replied"
    )
    ids = []
    for _ in range(2):
        said = await do(intake, praise["id"], "feedback", text="And rude.", is_complaint=True)
        ids = [each["id"] for each in said.json()["feedback"]]
    ambiguous = await do(intake, praise["id"], "open-review")
    assert (ambiguous.status_code, "complaint_id" in ambiguous.text) == (409, True)
    assert (await do(intake, praise["id"], "open-review", complaint_id=ids[1])).is_success
    assert (await do(intake, praise["id"], "conclude-review", outcome="Sorry.")).is_success
    late = (intake.clock.now() + timedelta(days=400)).isoformat()
    wrong = await do(intake, praise["id"], "update-review", text="x", next_update_by=late)
    assert wrong.status_code == 409, "nothing is under review"
    assert (await do(intake, praise["id"], "open-review", complaint_id=ids[2])).is_success
    wrong = await do(intake, praise["id"], "update-review", text="x", next_update_by=late)
    assert wrong.status_code == 422


async def test_a_meeting_s_link_answers_that_meeting_and_nothing_else(intake: Intake) -> None:
    (ticket,) = await opened(intake, "Let us talk")
    starts_at = intake.clock.now() + timedelta(days=1)
    body = {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
    }
    for wrong in (
        {"ends_at": body["starts_at"]}, {"starts_at": "2020-01-01T00:00:00Z"},
        {"ends_at": (starts_at + timedelta(days=2)).isoformat()}, {"place": "x" * 501},
        {"starts_at": "9999-12-31T23:59:59-12:00"},
    ):  # fmt: skip
        refused = await do(intake, ticket["id"], "propose-meeting", **{**body, **wrong})
        assert refused.status_code == 422, wrong
    for _ in range(5):
        assert (await do(intake, ticket["id"], "propose-meeting", **body)).is_success
    assert (await do(intake, ticket["id"], "propose-meeting", **body)).status_code == 422
    shown = [each["data"] for each in await intake.facts(ticket["id"])][1:]
    assert not any("answer_url" in each for each in shown), "who reads can't answer for them"
    proposed = [
        each.event.model_dump()["answer_url"] for each in await intake.published()
        if short(each.event.type) == "meeting_proposed"
    ]  # fmt: skip
    one, other = (each.partition("example")[2] for each in proposed[:2])
    async with intake.http() as client:
        assert (await client.post(one, data={"answer": "perhaps"})).status_code == 422
        assert (await client.get(one.replace("vircom", "demo"))).status_code == 404
        assert (await client.get(one.replace("vircom", "%00"))).status_code == 400
        assert "Accept" in (await client.get(one)).text
        assert "agreed" in (await client.post(one, data={"answer": "accept"})).text
        twice = await client.post(other, data={"answer": "accept"})
        assert "agreed already" in twice.text
        assert "will not be" in (await client.post(other, data={"answer": "decline"})).text
    states = [each["state"] for each in (await show(intake, ticket))["meetings"]]
    assert states == ["agreed", "cancelled", "proposed", "proposed", "proposed"]
    agreed = next(
        each for each in await intake.published()
        if short(each.event.type) == "meeting_agreed"
    )  # fmt: skip
    assert agreed.event.model_dump()["by"]["kind"] == "requester"
    assert agreed.event.model_dump()["starts_at"].astimezone(UTC) == starts_at


async def test_the_ticket_s_page_offers_case_work_and_takes_it(intake: Intake) -> None:
    (ticket,) = await opened(intake, "Two issues")
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks="*")
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"}
    path = f"/ticket/{ticket['id']}"
    async with intake.http(headers=headers) as client:
        page = (await client.get(path)).text
        assert "split" in page
        assert "propose-meeting" in page
        assert "open-review" not in page, "there is no complaint"
        made = await client.post(f"{path}/split", data={"subject": "The other", "severity": ""})
        assert made.status_code == 303
        assert made.headers["location"] != path
        # A form's times are in the desk's zone, as the page's are; clocks change at no noon.
        starts_at = (intake.clock.now() + timedelta(days=2)).replace(hour=17, minute=0, second=0)
        here = starts_at.astimezone(ZoneInfo("America/Toronto"))
        times = {
            "starts_at": f"{here:%Y-%m-%dT%H:%M}",
            "ends_at": f"{here + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        }
        await client.post(f"{path}/propose-meeting", data=times)
        assert f"{here:%Y-%m-%d %H:%M:00 %Z}</time>" in (await client.get(path)).text
        await client.post(f"{path}/feedback", data={"text": "Bad", "is_complaint": "true"})
        page = (await client.get(path)).text
        for words in ("split into", "proposed", "Complaint", "agree-meeting", "open-review"):
            assert words in page
        await client.post(f"{path}/open-review", data={})
        page = (await client.get(path)).text
        assert "conclude-review" in page
        assert "review opened" in page
        told = {"text": "We look into it", "next_update_by": times["starts_at"]}
        await client.post(f"{path}/update-review", data=told)
        page = (await client.get(path)).text
        assert "next update by: <time" in page
        twisted = {"starts_at": times["ends_at"], "ends_at": times["starts_at"]}
        refused = await client.post(f"{path}/propose-meeting", data=twisted)
        assert "must come after" in refused.text
        assert "Go back in your browser" in refused.text
        for action in ticket["allowed"]:
            assert action not in refused.text.partition("<main")[2]


async def test_a_requester_follows_up_and_complains_in_the_portal(intake: Intake) -> None:
    support, ada = "support@sightcall.example", "ada@adatum.example"
    text = "Nobody can sign in to the console since nine o'clock this morning."
    await intake.mail(a_mail("No sign-in", text, sender=ada, to=support), support, sender=ada)
    (ticket,) = await intake.tickets(1)
    assert (await do(intake, ticket["id"], "close")).is_success
    path = f"/my/sightcall/{ticket['number']}"
    async with browser(intake) as client:
        await sign_in(intake, client, ada)
        page = await client.get(path)
        form = {"csrf_token": code_of(page), "rating": "1", "is_complaint": "true"}
        forged = await client.post(f"{path}/feedback", data={**form, "csrf_token": "x"})
        assert forged.is_error
        assert (await client.post(f"{path}/feedback", data={**form, "rating": "6"})).is_error
        assert "We have your message" in (await client.post(f"{path}/feedback", data=form)).text
        new = await client.get("/my/sightcall/new", params={"follows_up": ticket["number"]})
        assert f"It follows up {ticket['number']}" in new.text
        form = {
            "csrf_token": code_of(new), "form": "fault", "subject": "Again", "text": text,
            "follows_up": ticket["number"], "told.use_case": "Administration", "told.device": "any",
        }  # fmt: skip
        other = await client.post("/my/sightcall/new", data={**form, "follows_up": "SIG-99999"})
        assert other.status_code == 404
        assert (await client.post("/my/sightcall/new", data=form)).is_success
        _, following = await intake.tickets(2)
        assert [each["number"] for each in following["links"]] == [ticket["number"]]
        closed = await show(intake, ticket)
        assert (closed["state"], closed["feedback"][0]["stage"]) == ("closed", "filed")
        story = (await client.get(path)).text
        assert f"Followed up by {following['number']}" in story
        assert "A complaint, to be reviewed" in story
