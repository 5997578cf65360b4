"""Files from their sender to those who may see the ticket, and to nobody else."""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry

from intake.application.documentation import keep, read_documentation
from intake.application.file_retention import FileRetention
from intake.desk_file.load import load_desks
from intake.domain.file_links import FileLinks
from intake.metrics import IntakeMetrics
from intake.storage.blobs import BlobUnknown, Kind, open_blobs
from intake.storage.files import Upload, add_uploads
from integration.intake.harness import DESKS, KEY, Intake, a_mail
from integration.intake.test_portal import SUPPORT, browser, code_of, sign_in
from integration.intake.test_queue_pages import agent
from pledge.events import AgentReplied, AttachmentRef, EmailRequested
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.waiting import eventually

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'
HTML = b"<!doctype html><script>1</script>"
SCRIPTS = {"drawing.svg": (SVG, "image/svg+xml"), "page.html": (HTML, "text/html")}
EICAR_LIKE = b"a harmless stand-in that the fake scanner names"


def a_mail_with(*files: tuple[str, bytes, str], **options: Any) -> EmailMessage:
    mail = a_mail(**options)
    for name, content, kind in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail


async def files_of(intake: Intake, ref: str, **options: Any) -> list[dict[str, Any]]:
    async with intake.http("reader", **options) as client:
        answer = await client.get(f"/tickets/{ref}/files")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def fetched(intake: Intake, ref: str, file: str, **options: Any) -> httpx.Response:
    async with intake.http("reader", **options) as client:
        return await client.get(f"/tickets/{ref}/files/{file}")


@pytest.mark.promise("SIG-06")
async def test_every_file_of_a_mail_is_on_its_ticket_and_so_is_the_message_itself(
    intake: Intake,
) -> None:
    mail = a_mail_with(
        ("Bericht für März.pdf", b"%PDF-1.7 first", "application/pdf"),
        ("config.xml", b"<a/>", "text/xml"),
        ("screen.png", PNG, "image/png"),
    )
    await intake.mail(mail)
    (ticket,) = await intake.tickets(1)
    message, *found = await files_of(intake, ticket["number"])
    assert [(each["name"], each["size"], each["is_message"]) for each in found] == [
        ("Bericht für März.pdf", 14, False),
        ("config.xml", 4, False),
        ("screen.png", 28, False),
    ]
    opened = (await intake.facts(ticket["id"]))[0]["data"]
    assert [each["name"] for each in opened["attachments"]] == [each["name"] for each in found]
    report = await fetched(intake, ticket["id"], found[0]["id"])
    assert report.content == b"%PDF-1.7 first"
    assert (
        "filename*=UTF-8''Bericht%20f%C3%BCr%20M%C3%A4rz.pdf"
        in (report.headers["content-disposition"])
    )
    # The whole message, byte for byte, to be saved.
    raw = await fetched(intake, ticket["id"], message["id"])
    assert raw.content.rstrip() == mail.as_bytes().rstrip()
    assert raw.headers["content-type"] == "message/rfc822"
    assert raw.headers["content-disposition"].startswith("attachment")
    assert message["is_message"]


async def test_the_message_is_kept_before_its_sender_hears_of_it(intake: Intake) -> None:
    await intake.mail(a_mail())
    kept = [each for each in Path(intake.settings.blobs).rglob("*") if each.is_file()]
    assert [each.parent.parent.name for each in kept] == ["messages"]
    assert b"Nothing comes in since nine." in kept[0].read_bytes()


async def test_what_can_not_be_kept_is_not_taken(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    async with Intake(kafka, database("intake"), tmp_path, blobs=str(in_the_way)) as intake:
        with pytest.raises(smtplib.SMTPDataError) as deferred:
            await intake.mail(a_mail())
        assert deferred.value.smtp_code == 451
        await intake.tickets(0)


async def test_an_answers_files_stand_on_the_answer(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    again = a_mail_with(
        ("log.txt", b"lines", "text/plain"),
        message_id="<two@contoso.example>",
        references=["<one@contoso.example>"],
    )
    await intake.mail(again)
    await intake.recorded(ticket["id"], "opened", "requester_replied")
    found = [each for each in await files_of(intake, ticket["id"]) if not each["is_message"]]
    assert [(each["id"], each["name"]) for each in found] == [("2-0", "log.txt")]


async def test_scripts_in_files_are_saved_and_never_opened_here(intake: Intake) -> None:
    files = [(name, content, kind) for name, (content, kind) in SCRIPTS.items()]
    await intake.mail(a_mail_with(*files, ("fake.png", HTML, "image/png")))
    (ticket,) = await intake.tickets(1)
    found = [each for each in await files_of(intake, ticket["id"]) if not each["is_message"]]
    for each in found:
        answer = await fetched(intake, ticket["id"], each["id"])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        shown = await fetched(intake, ticket["id"], f"{each['id']}/preview")
        assert shown.status_code == 415, each["name"]
    assert [each["has_preview"] for each in found] == [False, False, True]


async def test_a_picture_is_shown_as_what_its_bytes_are(intake: Intake) -> None:
    await intake.mail(a_mail_with(("screen.jpg", PNG, "image/jpeg")))
    (ticket,) = await intake.tickets(1)
    (file,) = (each for each in await files_of(intake, ticket["id"]) if not each["is_message"])
    shown = await fetched(intake, ticket["id"], f"{file['id']}/preview")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["content-security-policy"].startswith("sandbox")


@pytest.mark.parametrize("name", [
    "../../../etc/cron.d/x", "C:\\Windows\\x.exe", "a/../b.txt", ".\u202egnp.exe", "\"quoted\";x",
])  # fmt: skip
async def test_a_path_in_a_files_name_leads_nowhere(intake: Intake, name: str) -> None:
    await intake.mail(a_mail_with((name, b"x", "application/octet-stream")))
    (ticket,) = await intake.tickets(1)
    (file,) = (each for each in await files_of(intake, ticket["id"]) if not each["is_message"])
    assert not set('/\\\u202e"') & set(file["name"])
    assert not file["name"].startswith(".")
    answer = await fetched(intake, ticket["id"], file["id"])
    header = answer.headers["content-disposition"]
    assert answer.content == b"x"
    assert ".." not in header
    assert '"' not in header
    root = Path(intake.settings.blobs)
    assert {each.relative_to(root).parts[0] for each in root.rglob("*")} == {"vircom"}


async def test_nobody_of_another_desk_gets_a_file_by_any_of_its_names(intake: Intake) -> None:
    await intake.mail(a_mail_with(("screen.png", PNG, "image/png")))
    (ticket,) = await intake.tickets(1)
    found = await files_of(intake, ticket["id"])
    async with intake.http("admin", desks=["demo"]) as client:
        for each in found:
            place = f"/tickets/{ticket['id']}/files/{each['id']}"
            for path in (place, f"{place}/preview", f"/attachments/vircom/{each['sha256']}",
                         f"/attachments/demo/{each['sha256']}"):  # fmt: skip
                assert (await client.get(path)).status_code == 404, path
        assert (await client.get(f"/tickets/{ticket['id']}/files")).status_code == 404
        files = {"files": ("x.txt", b"x")}
        for path in (f"/uploads/tickets/{ticket['id']}", "/uploads/desks/vircom"):
            assert (await client.post(path, files=files)).status_code == 404
    for wrong in ("9-0", "1-9", "1-x", "x", "1-0-0", "-1--1"):
        assert (await fetched(intake, ticket["id"], wrong)).status_code == 404
    async with intake.http() as client:
        answer = await client.get(f"/tickets/{ticket['id']}/files/1-0")
        assert answer.status_code == 401


async def test_a_mails_html_is_read_again_from_the_message_and_made_safe(intake: Intake) -> None:
    mail = a_mail()
    mail.add_alternative(
        '<p onclick="x()">Hello <b>you</b><script>x()</script><img src="cid:pic@x">'
        '<img src="https://elsewhere.example/a.png"></p>',
        subtype="html",
    )
    mail.add_attachment(
        PNG, maintype="image", subtype="png", filename="p.png", disposition="inline", cid="<pic@x>"
    )
    await intake.mail(mail)
    await intake.mail(a_mail("Without", message_id="<two@x.example>"))
    ticket, plain = await intake.tickets(2)
    async with intake.http("reader") as client:
        place = f"/tickets/{ticket['id']}/messages"
        html = (await client.get(f"{place}/1/html")).json()
        assert html["remote_pictures"] == 1
        assert "<b>you</b>" in html["markup"]
        assert f'src="/tickets/{ticket["id"]}/files/1-0/preview"' in html["markup"]
        assert not [each for each in ("script", "onclick", "elsewhere") if each in html["markup"]]
        remote = (await client.get(f"{place}/1/html?remote=true")).json()
        assert "https://elsewhere.example/a.png" in remote["markup"]
        assert (await client.get(f"{place}/9/html")).status_code == 404
        assert (await client.get(f"/tickets/{plain['id']}/messages/1/html")).status_code == 404
    async with intake.http("admin", desks=["demo"]) as client:
        assert (await client.get(f"{place}/1/html")).status_code == 404
        assert (await client.get(f"/ticket/{ticket['id']}/message/1")).status_code == 404
    async with agent(intake, role="reader") as client:
        way = f"/ticket/{ticket['id']}/message/1"
        assert f'href="{way}"' in (await client.get(f"/ticket/{ticket['id']}")).text
        page = await client.get(way)
        assert "<b>you</b>" in page.text
        assert "1 picture from elsewhere is left out" in page.text
        assert not [
            each for each in ("<script", "onclick", "elsewhere.example") if each in page.text
        ]
        policy = page.headers["content-security-policy"]
        assert "script-src" not in policy, "nothing is allowed but what is named"
        assert "img-src 'self' data:;" in policy
        assert "sandbox" in policy
        assert "allow-scripts" not in policy
        assert "allow-forms" not in policy
        page = await client.get(f"{way}?remote=true")
        assert 'src="https://elsewhere.example/a.png"' in page.text
        assert "https:" in page.headers["content-security-policy"]
        page = await client.get(f"/ticket/{plain['id']}/message/1")
        assert (page.status_code, "has no HTML" in page.text) == (200, True)
        assert (await client.get(f"/ticket/{plain['id']}/message/9")).status_code == 404


# ---- sizes ----


@pytest.fixture
def desks(tmp_path: Path) -> Callable[[str, str], Path]:
    """The desks with a section of a desk's file added."""

    def made(desk: str, section: str) -> Path:
        folder = tmp_path / "desks" / desk
        folder.mkdir(parents=True)
        text = (DESKS / desk / "intake.yaml").read_text()
        (folder / "intake.yaml").write_text(f"{text}\n{section}")
        return folder.parent

    return made


async def test_a_desks_size_rule_answers_what_to_do(
    kafka: KafkaSettings,
    database: Databases,
    tmp_path: Path,
    desks: Callable[[str, str], Path],
) -> None:
    rule = "files: {largest: 1 kB, most: 2, advice: 'Upload it at https://share.example'}"
    folder = desks("vircom", rule)
    async with Intake(kafka, database("intake"), tmp_path, desks=folder) as intake:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await intake.mail(a_mail_with(("big.bin", b"x" * 2_000, "application/octet-stream")))
        assert refused.value.smtp_code == 552
        assert b"Upload it at https://share.example" in refused.value.smtp_error
        small = [(f"{n}.txt", b"x", "text/plain") for n in range(3)]
        with pytest.raises(smtplib.SMTPDataError, match="3 files are too many"):
            await intake.mail(a_mail_with(*small))
        await intake.mail(a_mail_with(*small[:2]))
        (ticket,) = await intake.tickets(1)
        place = f"/uploads/tickets/{ticket['id']}"
        async with intake.http("agent") as client:
            answer = await client.post(place, files={"files": ("big.bin", b"x" * 2_000)})
            assert answer.status_code == 413
            assert "Upload it at https://share.example" in answer.json()["detail"]


async def test_uploads_are_bounded_in_size_and_number(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    bounds = {"upload_max_bytes": 70_000, "upload_max_files": 3}
    async with Intake(kafka, database("intake"), tmp_path, **bounds) as intake:
        await intake.mail(a_mail())
        (ticket,) = await intake.tickets(1)
        place = f"/uploads/tickets/{ticket['id']}"
        async with intake.http("agent") as client:
            small = [("files", (f"{n}.txt", b"x")) for n in range(3)]
            assert (await client.post(place, files=small)).status_code == 201
            for files in ([*small, small[0]], [("files", ("a", b"x" * 80_000))]):
                assert (await client.post(place, files=files)).status_code == 413
            assert (await client.post(place, data={"files": "no file"})).status_code == 422
        assert len(await files_of(intake, ticket["id"])) == 1


# ---- agents' files ----


async def test_an_agents_files_go_with_the_reply_and_by_link_with_its_mail(intake: Intake) -> None:
    await intake.mail(a_mail())
    (ticket,) = await intake.tickets(1)
    place = f"/tickets/{ticket['id']}"
    async with intake.http("agent") as client:
        answer = await client.post(
            f"/uploads/tickets/{ticket['id']}",
            files=[("files", ("how to.pdf", b"%PDF steps")), ("files", ("a.txt", b"a"))],
        )
        ids = [each["id"] for each in answer.json()["items"]]
        reply = {"text": "See the files.", "files": ids}
        assert (await client.post(f"{place}/reply", json=reply)).status_code == 200
        unknown = {"text": "x", "files": ["00000000-0000-7000-8000-000000000000"]}
        assert (await client.post(f"{place}/note", json=unknown)).status_code == 422
    events = [each.event for each in await intake.published()]
    (said,) = (each for each in events if isinstance(each, AgentReplied))
    (mail,) = (each for each in events if isinstance(each, EmailRequested)
               and each.template == "agent_reply")  # fmt: skip
    assert [each.name for each in said.attachments] == ["how to.pdf", "a.txt"]
    assert [each.url for each in said.attachments] == [None, None]
    link = (mail.attachments[0].url or "").removeprefix("http://intake.example")
    async with intake.http() as client:
        fetched = await client.get(link)
        assert (fetched.status_code, fetched.content) == (200, b"%PDF steps")
        assert fetched.headers["content-disposition"].startswith("attachment")
        for wrong in (link[:-1] + ("A" if link[-1] != "A" else "B"),
                      link.replace("/vircom/", "/demo/")):  # fmt: skip
            assert (await client.get(wrong)).status_code == 404
    facts = await intake.facts(ticket["id"])
    assert all("url" not in file for fact in facts for file in fact["data"].get("attachments", ()))


async def test_an_upload_for_one_ticket_is_none_for_another(intake: Intake) -> None:
    for n in range(2):
        await intake.mail(a_mail(f"Mail {n}", message_id=f"<{n}@contoso.example>"))
    one, other = await intake.tickets(2)
    async with intake.http("agent") as client:
        answer = await client.post(
            f"/uploads/tickets/{one['id']}", files={"files": ("a.txt", b"a")}
        )
        ids = [each["id"] for each in answer.json()["items"]]
        body = {"text": "x", "files": ids}
        refused = await client.post(f"/tickets/{other['id']}/reply", json=body)
        assert refused.status_code == 422


async def test_a_link_ends(kafka: KafkaSettings, database: Databases, tmp_path: Path) -> None:
    lasts = {"file_links_last": timedelta(minutes=1)}
    async with Intake(kafka, database("intake"), tmp_path, **lasts) as intake:
        await intake.mail(a_mail())
        (ticket,) = await intake.tickets(1)
        async with intake.http("agent") as client:
            answer = await client.post(
                f"/uploads/tickets/{ticket['id']}", files={"files": ("a.txt", b"a")}
            )
            ids = [each["id"] for each in answer.json()["items"]]
            await client.post(f"/tickets/{ticket['id']}/reply", json={"text": "x", "files": ids})
        (mail,) = (each.event for each in await intake.published()
                   if isinstance(each.event, EmailRequested)
                   and each.event.template == "agent_reply")  # fmt: skip
    link = (mail.attachments[0].url or "").rpartition("/")[2]
    links = FileLinks(LinkSigner([KEY.encode()]), "x", timedelta(0))
    assert links.read("vircom", link, intake.clock.now()) is not None
    assert links.read("vircom", link, intake.clock.now() + timedelta(minutes=2)) is None


# ---- the portal ----


async def test_a_requester_attaches_files_and_sees_those_of_the_conversation_only(
    intake: Intake,
) -> None:
    mail = a_mail_with(
        ("screen.png", PNG, "image/png"), sender="Ada <ada@adatum.example>", to=SUPPORT,
        subject="Broken",
    )  # fmt: skip
    await intake.mail(mail, SUPPORT)
    (ticket,) = await intake.tickets(1)
    async with intake.http("agent") as agent:
        up = f"/uploads/tickets/{ticket['id']}"
        note = (await agent.post(up, files={"files": ("inner.txt", b"ours")})).json()["items"]
        await agent.post(
            f"/tickets/{ticket['id']}/note",
            json={"text": "For us.", "files": [each["id"] for each in note]},
        )
    async with browser(intake) as client:
        await sign_in(intake, client, "ada@adatum.example")
        place = f"/my/sightcall/{ticket['number']}"
        page = await client.get(place)
        answer = await client.post(
            f"{place}/reply",
            data={"text": "Here is the log.", "csrf_token": code_of(page)},
            files=[("files", ("../my log.txt", b"lines"))],
        )
        assert answer.status_code == 200

        async def is_there() -> bool:
            return "my log.txt" in (await client.get(place)).text

        await eventually(is_there, what="the file on the page")
        page = await client.get(place)
        assert 'src="' + f"{place}/files/1-0/preview" in page.text
        assert "inner.txt" not in page.text
        listed = {each["name"]: each["id"] for each in await files_of(intake, ticket["id"])}
        mine = await client.get(f"{place}/files/{listed['my log.txt']}")
        assert mine.content == b"lines"
        assert (await client.get(f"{place}/files/1-0/preview")).headers["content-type"] == (
            "image/png"
        )
        for hidden in (listed["inner.txt"], "1-message"):
            assert (await client.get(f"{place}/files/{hidden}")).status_code == 404
    async with browser(intake) as nobody:
        assert (await nobody.get(f"{place}/files/1-0")).status_code == 403
    async with browser(intake) as stranger:
        await intake.mail(
            a_mail("Other", sender="wanda@wingtip.example", to=SUPPORT, message_id="<w@x.y>"),
            SUPPORT,
        )
        await intake.tickets(2)
        await sign_in(intake, stranger, "wanda@wingtip.example")
        assert (await stranger.get(f"{place}/files/1-0")).status_code == 404


async def test_a_new_request_of_the_portal_brings_its_files_past_the_offered_articles(
    intake: Intake,
) -> None:
    desk = load_desks(DESKS).by_id["sightcall"]
    assert desk.documentation is not None
    articles = await read_documentation(desk.documentation, DESKS / "sightcall")
    await keep(intake.pool, desk, articles, intake.clock.now())
    await intake.mail(a_mail("First", sender="ada@adatum.example", to=SUPPORT), SUPPORT)
    await intake.tickets(1)
    form = {"form": "account", "subject": "Nobody can sign in", "text": "Signing in fails for all."}
    async with browser(intake) as client:
        await sign_in(intake, client, "ada@adatum.example")
        form["csrf_token"] = code_of(await client.get("/my/sightcall/new"))
        offered = await client.post(
            "/my/sightcall/new",
            data=form,
            files=[("files", ("a.txt", b"a")), ("files", ("b.txt", b"b"))],
        )
        assert "Is it answered already?" in offered.text
        kept = re.findall('name="kept" value="([^"]+)"', offered.text)
        assert len(kept) == 2
        other = {**form, "read": "yes", "kept": "00000000-0000-7000-8000-000000000000"}
        assert (await client.post("/my/sightcall/new", data=other)).status_code == 422
        sent = await client.post("/my/sightcall/new", data={**form, "read": "yes", "kept": kept})
        assert sent.url.params["sent"] == "yes"
    _, second = await intake.tickets(2)
    assert [each["name"] for each in await files_of(intake, second["id"])] == ["a.txt", "b.txt"]


async def test_what_stands_in_facts_and_in_the_database_from_before_is_still_there(
    intake: Intake,
) -> None:
    mail = a_mail_with(("a.txt", b"words", "text/plain"), sender="ada@adatum.example", to=SUPPORT)
    await intake.mail(mail, SUPPORT)
    (ticket,) = await intake.tickets(1)
    (_, file) = await files_of(intake, ticket["id"])
    await intake.pool.execute("DELETE FROM ticket_files")
    await intake.pool.execute(
        "UPDATE facts SET data = jsonb_set(data::jsonb, '{attachments,0,key}', $1)",
        file["sha256"],
    )
    await intake.pool.execute(
        "INSERT INTO attachments (desk, sha256, content_type, size, content, stored_at)"
        " VALUES ('sightcall', $1, 'text/plain', 5, 'words', now())",
        file["sha256"],
    )
    (old,) = await files_of(intake, ticket["id"])
    assert old == file
    assert (await fetched(intake, ticket["id"], old["id"])).content == b"words"
    async with intake.http("reader") as client:
        answer = await client.get(f"/attachments/sightcall/{file['sha256']}?name=../b.txt")
    assert (answer.content, answer.headers["content-disposition"]) == (
        b"words",
        "attachment; filename*=UTF-8''b.txt",
    )  # fmt: skip
    async with browser(intake) as client:
        await sign_in(intake, client, "ada@adatum.example")
        place = f"/my/sightcall/{ticket['number']}/files"
        assert (await client.get(f"{place}/{file['sha256']}")).content == b"words"
        assert (await client.get(f"{place}/{'0' * 64}")).status_code == 404


# ---- what is over ----


async def test_what_no_ticket_names_is_deleted_when_it_came_to_nothing(intake: Intake) -> None:
    blobs = open_blobs(intake.settings.blobs)
    long_ago = intake.clock.now() - timedelta(days=200)
    retention = FileRetention(
        load_desks(intake.settings.desks).by_id,
        blobs,
        intake.pool,
        intake.clock,
        IntakeMetrics(CollectorRegistry()),
    )
    mail = a_mail_with(("a.txt", b"words", "text/plain"))
    await intake.mail(mail)
    (ticket,) = await intake.tickets(1)
    named, _ = await blobs.put("vircom", Kind.FILES, b"words", long_ago)
    unnamed, _ = await blobs.put("vircom", Kind.FILES, b"nobody's", long_ago)
    recent, _ = await blobs.put("vircom", Kind.FILES, b"nobody's yet", intake.clock.now())
    cut_short = Path(intake.settings.blobs, unnamed).with_name(".new-abc_12")
    cut_short.write_bytes(b"nob")
    await intake.pool.execute("UPDATE ticket_files SET key = $1 WHERE position = 0", named)
    uploaded = Upload(UUID(int=1), "vircom", None, "ada", AttachmentRef(
        name="a", content_type="", size=1, sha256="a" * 64, key="k"))  # fmt: skip
    async with intake.pool.acquire() as connection:
        await add_uploads(connection, [uploaded], long_ago)
    for _ in range(2):
        await retention.delete_old()
    assert await blobs.get("vircom", recent) == b"nobody's yet"
    assert (await fetched(intake, ticket["id"], "1-0")).content == b"words"
    with pytest.raises(BlobUnknown):
        await blobs.get("vircom", unnamed)
    assert not cut_short.exists()
    assert await intake.pool.fetchval("SELECT count(*) FROM uploads") == 0
    # A day is swept once: what is put there by hand later stays.
    again, _ = await blobs.put("vircom", Kind.FILES, b"nobody's", long_ago)
    await retention.delete_old()
    assert await blobs.get("vircom", again) == b"nobody's"


async def test_messages_and_files_past_their_time_are_gone_and_say_so(
    kafka: KafkaSettings, database: Databases, tmp_path: Path, desks: Callable[[str, str], Path]
) -> None:
    folder = desks("vircom", "files: {keep_messages: 30d, keep_files: 300d}")
    async with Intake(kafka, database("intake"), tmp_path, desks=folder) as intake:
        blobs = open_blobs(intake.settings.blobs)
        retention = FileRetention(
            load_desks(intake.settings.desks).by_id,
            blobs,
            intake.pool,
            intake.clock,
            IntakeMetrics(CollectorRegistry()),
        )
        await intake.mail(a_mail_with(("a.txt", b"words", "text/plain")))
        (ticket,) = await intake.tickets(1)
        root = Path(intake.settings.blobs, "vircom")
        old = f"{intake.clock.now() - timedelta(days=31):%Y-%m-%d}"
        for kind in ("messages", "files"):
            (day,) = (root / kind).iterdir()
            day.rename(day.with_name(old))
        await intake.pool.execute("UPDATE ticket_files SET key = regexp_replace(key,"
            " '[0-9]{4}-[0-9-]{5}', $1)", old)  # fmt: skip
        await retention.delete_old()
        gone = await fetched(intake, ticket["id"], "1-message")
        assert (gone.status_code, "not kept any more" in gone.json()["detail"]) == (410, True)
        assert (await fetched(intake, ticket["id"], "1-0")).content == b"words"


# ---- the virus scanner ----


class FakeClamd:
    """Speaks clamd's INSTREAM as the real one does: length and chunk, a length of nothing at the
    end, one answer; it finds the stand-in, and can be slow to come up."""

    def __init__(self) -> None:
        self.address = ""
        self.seen: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(size)
        self.seen.append(content)
        found = b"Test.Stand-In FOUND" if EICAR_LIKE in content else b"OK"
        writer.write(b"stream: " + found + b"\0")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def clamd(path: Path) -> AsyncIterator[FakeClamd]:
    fake = FakeClamd()
    server = await asyncio.start_unix_server(fake.answer, str(path))
    try:
        yield fake
    finally:
        server.close()


async def test_an_infected_file_is_kept_aside_and_given_to_nobody(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    socket = tmp_path / "clamd.ctl"
    scanned = {"clamd": f"unix:{socket}"}
    async with Intake(kafka, database("intake"), tmp_path, **scanned) as intake:
        await intake.mail(
            a_mail_with(("bad.exe", EICAR_LIKE, "application/octet-stream"),
                        ("good.txt", b"fine", "text/plain"))
        )  # fmt: skip
        (ticket,) = await intake.tickets(1)
        # The scanner is away: nothing is given out, and the reader hears why.
        early = await fetched(intake, ticket["id"], "1-1")
        assert (early.status_code, early.headers["retry-after"]) == (503, "15")
        async with clamd(socket) as fake:
            good = await fetched(intake, ticket["id"], "1-1")
            assert (good.status_code, good.content) == (200, b"fine")
            assert b"fine" in fake.seen  # what waited is scanned meanwhile, too
            bad = await fetched(intake, ticket["id"], "1-0")
            assert bad.status_code == 403
            assert "Test.Stand-In" in bad.json()["detail"]
        # What was scanned once is known, whether or not the scanner is there.
        assert (await fetched(intake, ticket["id"], "1-1")).status_code == 200
        assert (await fetched(intake, ticket["id"], "1-0")).status_code == 403
        found = {
            each["name"]: each["infected_with"] for each in await files_of(intake, ticket["id"])
        }
        assert (found["bad.exe"], found["good.txt"]) == ("Test.Stand-In", None)


async def test_what_comes_in_is_scanned_before_anybody_asks(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    socket = tmp_path / "clamd.ctl"
    async with (
        clamd(socket) as fake,
        Intake(kafka, database("intake"), tmp_path, clamd=f"unix:{socket}") as intake,
    ):
        await intake.mail(a_mail_with(("a.bin", b"x" * 200_000, "application/octet-stream")))
        (ticket,) = await intake.tickets(1)

        async def is_scanned() -> bool:
            return bool(await intake.pool.fetchval("SELECT count(*) = 2 FROM file_scans"))

        await eventually(is_scanned, what="the scanner seeing message and file")
        assert b"x" * 200_000 in fake.seen
        assert (await fetched(intake, ticket["id"], "1-0")).status_code == 200
        assert len(fake.seen) == 2
