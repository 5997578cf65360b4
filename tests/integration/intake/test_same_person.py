"""The same person on several channels: offered to the agent as one ticket, merged by a click."""

from __future__ import annotations

import re

from integration.intake.harness import Intake, a_mail
from support.waiting import eventually


async def test_who_comes_by_two_channels_is_offered_as_one_ticket_and_others_are_not(
    intake: Intake,
) -> None:
    chat = {
        "type": "pledge.chat.message_received.v1", "desk": "vircom", "delivery": "c1",
        "conversation": "visit-1", "text": "Is mail down?", "has_contact_details": True,
        "sender": {"name": "Ann", "email": "ann@contoso.example"},
    }  # fmt: skip
    async with intake.http("admin") as client:
        assert (await client.post("/channels/chat", json=chat)).is_success
    await intake.tickets(1)
    await intake.mail(a_mail())
    await intake.mail(
        a_mail("Of a colleague", sender="bo@contoso.example", message_id="<2@contoso.example>")
    )
    await intake.mail(
        a_mail("Of a stranger", sender="cy@elsewhere.example", message_id="<3@elsewhere.example>")
    )
    tickets = {each["subject"]: each for each in await intake.tickets(4)}
    chatted, mailed = tickets["Is mail down?"], tickets["No mail flow"]
    colleague, stranger = tickets["Of a colleague"], tickets["Of a stranger"]
    async with intake.http("agent", headers={"accept": "text/html"}) as agent:
        page = (await agent.get(f"/ticket/{mailed['id']}")).text
        assert "The same person came by chat" in page
        assert f"Merge: {chatted['number']} goes on" in page, "the earlier report counts"
        assert stranger["number"] not in page
        assert colleague["number"] not in page, "by the same channel it is another matter"
        theirs = (await agent.get(f"/ticket/{colleague['id']}")).text
        assert "Somebody of the same customer came by chat" in theirs
        assert "came by" not in (await agent.get(f"/ticket/{stranger['id']}")).text
        code = re.findall(r'name="csrf_token" value="([^"]*)"', page)
        form = {"into": chatted["number"], **({"csrf_token": code[0]} if code else {})}
        await agent.post(f"/ticket/{mailed['id']}/merge", data=form)

    async def is_merged() -> bool:
        found = {each["id"]: each["state"] for each in await intake.tickets(4)}
        return bool(found[mailed["id"]] == "closed")

    await eventually(is_merged, what="the merge")
    async with intake.http("agent", headers={"accept": "text/html"}) as agent:
        assert "The same person" not in (await agent.get(f"/ticket/{chatted['id']}")).text
