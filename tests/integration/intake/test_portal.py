"""The requesters' pages: who gets in, what they see, what they can do."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from integration.intake.harness import DESKS, Intake, a_mail
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.waiting import eventually

SUPPORT = "support@sightcall.example"
TENANT = "Adatum Field Service"
FAULT = "Nobody can sign in to the console since nine o'clock this morning."


def code_of(page: httpx.Response) -> str:
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


async def link(intake: Intake, client: httpx.AsyncClient, email: str) -> str | None:
    """Ask for a link, and find it in what is to be mailed."""
    page = await client.get("/my/sightcall")
    form = {"email": email, "csrf_token": code_of(page)}
    answer = await client.post("/my/sightcall/link", data=form)
    assert "a mail with a link is on its way" in answer.text
    await intake.handled_sign_ins()
    found: str | None = await intake.pool.fetchval(
        "SELECT data->'variables'->>'link' FROM facts WHERE data->>'template' = 'sign_in'"
        " AND data->'to'->0->>'email' = $1 ORDER BY occurred_at DESC LIMIT 1",
        email,
    )
    return found


async def sign_in(intake: Intake, client: httpx.AsyncClient, email: str) -> httpx.Response:
    found = await link(intake, client, email)
    assert found is not None
    page = await client.get(found.removeprefix("http://intake.example"))
    form = {"token": found.partition("token=")[2], "csrf_token": code_of(page)}
    return await client.post("/my/sightcall/enter", data=form)


def browser(intake: Intake) -> httpx.AsyncClient:
    return intake.http(headers={"accept": "text/html"}, follow_redirects=True)


async def test_an_administrator_sees_the_tenants_requests_and_an_end_user_their_own(
    intake: Intake,
) -> None:
    for name, sender in (("one", "Eve <eve@adatum.example>"), ("two", "Abe <abe@adatum.example>")):
        mail = a_mail(f"From {name}", FAULT, sender=sender, to=SUPPORT, message_id=f"<{name}@x.y>")
        await intake.mail(mail, SUPPORT)
    await intake.mail(
        a_mail("Elsewhere", f"{FAULT} Wingtip Insurance", sender="wanda@wingtip.example",
               to=SUPPORT, message_id="<three@x.y>"), SUPPORT,
    )  # fmt: skip
    await intake.tickets(3)
    async with browser(intake) as client:
        page = await sign_in(intake, client, "eve@adatum.example")
        assert "From one" in page.text
        assert "From two" not in page.text
    async with browser(intake) as client:
        # The administrator has no request of their own: the tenant's are known.
        page = await sign_in(intake, client, "ada@adatum.example")
        assert "From one" in page.text
        assert "From two" in page.text
        assert "Elsewhere" not in page.text
        new = await client.get("/my/sightcall/new", params={"form": "ios-sdk"})
        assert "version of the iOS SDK" in new.text
        form = {
            "form": "ios-sdk", "subject": "The camera", "text": FAULT,
            "customer": "Wingtip Insurance", "told.ios_sdk_version": "6.2",
            "csrf_token": code_of(new),
        }  # fmt: skip
        assert "We have your request" in (await client.post("/my/sightcall/new", data=form)).text
        opened = (await intake.tickets(4))[-1]
        assert (opened["entitled"], opened["customer"]) == (True, TENANT), "no tenant but theirs"
        assert (opened["missing"], opened["subject"]) == ([], "The camera")


async def test_an_answer_in_the_portal_reopens_and_needs_the_pages_code(intake: Intake) -> None:
    await intake.mail(
        a_mail("No sign-in", f"{FAULT} {TENANT}", sender="ada@adatum.example", to=SUPPORT), SUPPORT
    )
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as agent:
        assert (await agent.post(f"/tickets/{ticket['id']}/resolve", json={})).is_success
    path = f"/my/sightcall/{ticket['number']}"
    async with browser(intake) as client:
        assert "Mail me a link" in (await client.get(path)).text, "signed out"
        assert (await client.post(f"{path}/reply", data={"text": "x"})).status_code == 403
        await sign_in(intake, client, "ada@adatum.example")
        page = await client.get(path)
        assert "Reopen with an answer" in page.text
        assert re.search(r"<time [^>]+>[^<]+ CES?T</time>", page.text), "in the desk's zone"
        assert (await client.post(f"{path}/reply", data={"text": "x"})).status_code == 403
        empty = {"text": " ", "csrf_token": code_of(page)}
        refused = await client.post(f"{path}/reply", data=empty)
        assert refused.status_code == 422
        assert "Write something, or press Back." in refused.text
        assert 'action="/my/sightcall/leave"' in refused.text, "still signed in"
        assert 'href="/my/sightcall"' in refused.text
        assert 'aria-label="Services"' not in refused.text
        form = {"text": "<b>Still</b> the same", "csrf_token": code_of(page)}
        assert "We have your message" in (await client.post(f"{path}/reply", data=form)).text

        async def is_shown() -> bool:
            return "&lt;b&gt;Still&lt;/b&gt; the same" in (await client.get(path)).text

        await eventually(is_shown, what="the answer on the page")
        assert "At work again" in (await client.get(path)).text
        session = client.cookies["pledge_my"]
        out = {"csrf_token": code_of(page)}
        assert "Mail me a link" in (await client.post("/my/sightcall/leave", data=out)).text
        assert "Mail me a link" in (await client.get(path)).text
    async with browser(intake) as copy:
        copy.cookies.set("pledge_my", session)
        assert "Mail me a link" in (await copy.get(path)).text, "a copy of the cookie is over too"


async def test_an_answer_tells_strangers_nothing_of_who_is_known(intake: Intake) -> None:
    await intake.mail(
        a_mail("No sign-in", f"{FAULT} {TENANT}", sender="ada@adatum.example", to=SUPPORT), SUPPORT
    )
    await intake.tickets(1)
    async with browser(intake) as client:
        code = code_of(await client.get("/my/sightcall"))
        answers = {}
        # What the mail needs is not at context; the answer does not wait for it.
        async with intake.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
            for email in ("ada@adatum.example", "nobody@adatum.example"):
                form = {"email": email, "csrf_token": code}
                answers[email] = await client.post("/my/sightcall/link", data=form)
        known, unknown = (
            (each.status_code, re.sub(r"<time.*</time>", "", each.text), sorted(each.headers))
            for each in answers.values()
        )
        assert known == unknown
    await intake.handled_sign_ins()
    mailed = await intake.pool.fetch(
        "SELECT data->'to'->0->>'email' FROM facts WHERE data->>'template' = 'sign_in'"
    )
    assert [each[0] for each in mailed] == ["ada@adatum.example"]
    kept = await intake.pool.fetch("SELECT address FROM sign_ins ORDER BY address")
    assert [each[0] for each in kept] == ["ada@adatum.example", "nobody@adatum.example"]


async def test_links_that_strangers_ask_for_hide_nothing_of_the_story(intake: Intake) -> None:
    await intake.mail(
        a_mail("No sign-in", f"{FAULT} {TENANT}", sender="ada@adatum.example", to=SUPPORT), SUPPORT
    )
    (ticket,) = await intake.tickets(1)
    async with browser(intake) as client:
        await sign_in(intake, client, "ada@adatum.example")
        await intake.pool.execute(
            "INSERT INTO facts SELECT ticket_id, number, event_id, type, occurred_at, data"
            " FROM facts CROSS JOIN generate_series(100, 700) AS number"
            " WHERE data->>'template' = 'sign_in'"
        )
        await intake.pool.execute("UPDATE tickets SET sequence = 700")
        async with intake.http("agent") as agent:
            said = {"text": "It is mended."}
            assert (await agent.post(f"/tickets/{ticket['id']}/reply", json=said)).is_success
            page = await agent.get(f"/ticket/{ticket['id']}", headers={"accept": "text/html"})
            assert "It is mended." in page.text
        page = await client.get(f"/my/sightcall/{ticket['number']}")
        assert "It is mended." in page.text
        assert "Nobody can sign in" in page.text


async def test_what_signs_in_at_one_desk_opens_no_other(intake: Intake) -> None:
    await intake.mail(
        a_mail("No sign-in", f"{FAULT} {TENANT}", sender="ada@adatum.example", to=SUPPORT), SUPPORT
    )
    await intake.tickets(1)
    async with browser(intake) as client:
        for nowhere in ("/my/nowhere", "/my/demo", "/meetings/sightcall/x"):
            shown = await client.get(nowhere)
            assert shown.status_code == 404, "no desk, a desk without a portal, no meeting"
            assert 'aria-label="Services"' not in shown.text, "what the staff has is not shown"
        page = await client.get("/my/sightcall")
        wrong = {"email": "ada at adatum", "csrf_token": code_of(page)}
        assert (await client.post("/my/sightcall/link", data=wrong)).status_code == 422
        found = await link(intake, client, "ada@adatum.example") or ""
        token = found.partition("token=")[2]
        page = await client.get("/my/infocyte/enter", params={"token": token})
        form = {"token": token, "csrf_token": code_of(page)}
        assert (await client.post("/my/infocyte/enter", data=form)).status_code == 403
        form["token"] = f"{token[:-4]}AAAA"
        assert (await client.post("/my/sightcall/enter", data=form)).status_code == 403
        form["token"] = token
        assert (await client.post("/my/sightcall/enter", data=form)).is_success
        session = client.cookies["pledge_my"]
    async with browser(intake) as other:
        other.cookies.set("pledge_my", session)
        assert "No sign-in" in (await other.get("/my/sightcall")).text
        assert "Mail me a link" in (await other.get("/my/infocyte")).text
        api = await other.get("/tickets", headers={"accept": "application/json"})
        assert api.status_code == 401, "the portal's session is no access token"


REACH = """
matrix:
  impact:
    - {name: everybody, title: Everybody, definition: No session works for anybody.}
    - {name: one, title: One person, definition: One agent is concerned.}
  urgency:
    - {name: high, title: High, definition: A visit waits for it.}
    - {name: low, title: Low, definition: It can wait.}
  table:
    everybody: {high: high, low: normal}
    one: {high: normal, low: normal}
"""


async def test_impact_and_urgency_are_chosen_beside_their_definitions(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    folder = tmp_path / "desks" / "sightcall"
    folder.mkdir(parents=True)
    text = (DESKS / "sightcall" / "intake.yaml").read_text(encoding="utf-8")
    (folder / "intake.yaml").write_text(text + REACH, encoding="utf-8")
    async with Intake(kafka, database("intake"), tmp_path, desks=folder.parent) as intake:
        await intake.mail(a_mail(sender="ada@adatum.example", to=SUPPORT), SUPPORT)
        await intake.tickets(1)
        async with browser(intake) as client:
            await sign_in(intake, client, "ada@adatum.example")
            new = await client.get("/my/sightcall/new", params={"form": "ios-sdk"})
            assert "<dt>High</dt><dd>A visit waits for it.</dd>" in new.text
            assert '<select id="impact" name="impact" aria-describedby="impact-help">' in new.text
            form = {
                "form": "ios-sdk", "subject": "The camera", "text": FAULT,
                "told.ios_sdk_version": "6.2", "impact": "everybody", "urgency": "high",
                "csrf_token": code_of(new),
            }  # fmt: skip
            assert (await client.post("/my/sightcall/new", data=form)).is_success
            opened = (await intake.tickets(2))[-1]
            assert (opened["severity"], opened["origin"]) == ("high", "matrix")
            page = await client.get(f"/my/sightcall/{opened['number']}")
            assert "impact everybody" in page.text
            assert "urgency high" in page.text


async def test_files_are_fetched_by_those_who_may_see_their_ticket(intake: Intake) -> None:
    mail = a_mail("With files", FAULT, sender="Eve <eve@adatum.example>", to=SUPPORT)
    mail.add_attachment(b"log lines", maintype="text", subtype="plain", filename="../../mail.log")
    mail.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="Prüfung 2.svg")
    await intake.mail(mail, SUPPORT)
    other = a_mail("Other", FAULT, sender="Abe <abe@adatum.example>", message_id="<o@x.y>")
    await intake.mail(other, SUPPORT)
    tickets = {each["subject"]: each for each in await intake.tickets(2)}
    number, foreign = tickets["With files"]["number"], tickets["Other"]["number"]
    async with browser(intake) as client:
        await sign_in(intake, client, "eve@adatum.example")
        page = (await client.get(f"/my/sightcall/{number}")).text
        paths = re.findall(rf'href="(/my/sightcall/{number}/files/[0-9]+-[0-9]+)"', page)
        assert len(paths) == 2
        assert "Prüfung 2.svg" in page
        for path, content in zip(paths, (b"log lines", b"<svg/>"), strict=True):
            answer = await client.get(path)
            assert answer.content == content
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"].startswith("attachment; filename*=")
            assert ".." not in answer.headers["content-disposition"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
        assert (await client.get(f"/my/sightcall/{number}/files/{'0' * 64}")).status_code == 404
        assert (await client.get(paths[0].replace(number, foreign))).status_code == 404
    async with browser(intake) as client:
        assert (await client.get(paths[0])).status_code == 403
        await sign_in(intake, client, "abe@adatum.example")
        assert (await client.get(paths[0])).status_code == 404
    token = intake.signer.token(intake.clock.now(), roles=["agent"], desks=["sightcall"])
    async with intake.http(cookies={"pledge_session": token}) as agent:
        page = (await agent.get(f"/ticket/{number}", headers={"accept": "text/html"})).text
        (first, _) = re.findall(r'href="(/tickets/[^"]*/files/[0-9]+-[0-9]+)"', page)
        answer = await agent.get(first.replace("&amp;", "&"))
        assert answer.content == b"log lines"
        assert "mail.log" in answer.headers["content-disposition"]
        assert ".." not in answer.headers["content-disposition"]
