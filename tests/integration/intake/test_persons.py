"""A person's data is exported and erased, all of it, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from intake.application.file_retention import FileRetention
from intake.cli.root import app
from intake.desk_file.load import load_desks
from intake.metrics import IntakeMetrics
from intake.storage.blobs import open_blobs
from integration.intake.harness import Intake, a_mail
from pledge.runtime.clock import SystemClock

ANN = "Ann Example <ann@contoso.example>"
KEY = "ann@contoso.example"
BESIDE = ("outbox", "consumed", "schema_migrations", "erasures", "erased_contents")


class Ahead(SystemClock):
    """The machine's clock, so much later."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


async def asked(intake: Intake, what: str, **body: Any) -> dict[str, Any]:
    async with intake.http("admin") as client:
        answer = await client.post(
            f"/persons/{what}", json={"desk": "vircom", "person": "Ann@Contoso.example", **body}
        )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["after"] is None
    return found


async def rows_with(intake: Intake, words: str) -> list[str]:
    """The tables of which a row has the words, whatever its columns."""
    tables = await intake.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [
        name
        for row in tables
        if (name := row["tablename"]) not in BESIDE
        and await intake.pool.fetchval(
            f"SELECT count(*) FROM {name} AS each WHERE position($1 IN lower(each::text)) > 0",
            words,
        )
    ]


async def written(intake: Intake) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ann's ticket, with a file and an answer; Bob's, whom she is in copy of and answers."""
    mail = a_mail("Secret subject", "My secret words. " * 2_000, sender=ANN)
    mail.add_attachment(b"secret lines", maintype="text", subtype="plain", filename="secret.txt")
    await intake.mail(mail)
    other = a_mail("Bob's", sender="Bob <bob@contoso.example>", message_id="<bob@contoso.example>")
    other["Cc"] = ANN
    other.add_attachment(b"bob's lines", maintype="text", subtype="plain", filename="bob.txt")
    await intake.mail(other)
    tickets = {each["subject"]: each for each in await intake.tickets(2)}
    ann, bob = tickets["Secret subject"], tickets["Bob's"]
    async with intake.http("agent") as client:
        note = {"text": "Ann Example says it is secret."}
        assert (await client.post(f"/tickets/{bob['id']}/note", json=note)).is_success
        reply = {"text": "Your secret is safe, Ann Example."}
        assert (await client.post(f"/tickets/{ann['id']}/reply", json=reply)).is_success
    for ticket in (ann, bob):
        await intake.pool.execute(
            "INSERT INTO mail_states VALUES ('vircom', $1, $2, $3, 'failed', 'refused', $4, now())",
            ticket["id"], intake.ids.new(), KEY, f"550 <{KEY}>: no such user",
        )  # fmt: skip
        await intake.pool.execute(
            "INSERT INTO drafts VALUES ('vircom', $1, 'kim', 'note', $2, now())",
            ticket["id"], f"Ann Example ({KEY}) said a secret",
        )  # fmt: skip
    return ann, bob


async def closed(intake: Intake, *tickets: dict[str, Any]) -> None:
    async with intake.http("agent") as client:
        for each in tickets:
            body = {"resolution": "Done, Ann Example."}
            answer = await client.post(f"/tickets/{each['id']}/resolve", json=body)
            assert answer.is_success, answer.text


async def test_an_export_has_what_is_kept_of_the_person_and_their_words(intake: Intake) -> None:
    ann, bob = await written(intake)
    found = await asked(intake, "exported")
    (own, copied) = found["tickets"]
    assert (own["number"], own["is_theirs"]) == (ann["number"], True)
    assert (copied["number"], copied["is_theirs"]) == (bob["number"], False)
    assert "My secret words." in json.dumps(own["facts"])
    assert own["facts"][0]["text"].count("My secret words.") == 2_000
    assert {each["name"] for each in own["files"]} == {"message.eml", "secret.txt"}
    assert copied["facts"] == [] or "it is secret" not in json.dumps(copied)
    assert [each["subject"] for each in found["beside"]["deliveries"]] == ["Secret subject"]
    assert "90" in found["elsewhere"]


async def test_an_erasure_leaves_nothing_of_the_person_and_all_of_the_others(
    intake: Intake,
) -> None:
    ann, bob = await written(intake)
    shown = await asked(intake, "found")
    assert [each["is_finished"] for each in shown["tickets"]] == [False, False]
    left = await asked(intake, "erased")
    assert left["left"] == [ann["number"], bob["number"]]
    assert "secret" in json.dumps(await intake.facts(ann["id"]))
    await closed(intake, ann, bob)
    before = await intake.facts(ann["id"])
    done = await asked(intake, "erased")
    assert (len(done["tickets"]), done["left"]) == (2, [])

    assert await rows_with(intake, KEY) == []
    assert await rows_with(intake, "ann example") == []
    assert await rows_with(intake, "my secret") == []
    assert await rows_with(intake, "secret subject") == []
    assert await rows_with(intake, "secret.txt") == []
    # What happened, and when, is still known, and so is all of Bob.
    after = await intake.facts(ann["id"])
    times = [(each["type"], each["occurred_at"]) for each in before]
    assert [(each["type"], each["occurred_at"]) for each in after] == times
    assert "bob@contoso.example" in json.dumps(await intake.facts(bob["id"]))
    async with intake.http("agent") as client:
        files = (await client.get(f"/tickets/{bob['id']}/files")).json()["items"]
        file = next(each for each in files if each["name"] == "bob.txt")
        got = await client.get(f"/tickets/{bob['id']}/files/{file['id']}")
        assert got.content == b"bob's lines"
        for words, number in (("secret words", 0), ("bob", 1)):
            hits = (await client.get("/tickets", params={"q": words})).json()["items"]
            assert len(hits) == number, words
        assert (
            await client.get(f"/ticket/{ann['id']}", headers={"accept": "text/html"})
        ).is_success
        shown_ticket = (await client.get(f"/tickets/{ann['id']}")).json()
    assert shown_ticket["requester"]["email"] is None
    audit = await intake.pool.fetch("SELECT by, tickets, files, ended_at FROM erasures"
                                    " ORDER BY began_at")  # fmt: skip
    assert [(row["by"], row["tickets"], row["files"]) for row in audit] == [
        ("ann", 0, 0), ("ann", 2, 2),
    ]  # fmt: skip
    assert all(row["ended_at"] for row in audit)
    # Again, there is nothing left to erase.
    again = await asked(intake, "erased")
    assert (again["tickets"], again["beside"], again["left"]) == ([], {}, [])


async def test_contents_go_when_no_delivery_can_name_them_unless_another_ticket_does(
    intake: Intake,
) -> None:
    ann, bob = await written(intake)
    shared = a_mail("Also", sender="Eve <eve@x.example>", message_id="<eve@x.example>")
    shared.add_attachment(b"same", maintype="text", subtype="plain", filename="same.txt")
    await intake.mail(shared)
    own = a_mail("Hers", sender=ANN, message_id="<hers@x.example>")
    own.add_attachment(b"same", maintype="text", subtype="plain", filename="same.txt")
    await intake.mail(own)
    tickets = {each["subject"]: each for each in await intake.tickets(4)}
    await closed(intake, ann, bob, tickets["Hers"])
    await asked(intake, "erased")
    blobs = open_blobs(intake.settings.blobs)
    root = Path(intake.settings.blobs)

    def contents() -> set[bytes]:
        return {each.read_bytes() for each in root.rglob("*") if each.is_file()}

    for days, is_there in ((7, True), (9, False)):
        clock = Ahead(timedelta(days=days))
        retention = FileRetention(
            load_desks(intake.settings.desks).by_id, blobs, intake.pool, clock,
            IntakeMetrics(CollectorRegistry()),
        )  # fmt: skip
        await retention.delete_old()
        assert (b"secret lines" in contents()) is is_there
        assert any(b"My secret words." in each for each in contents()) is is_there
        assert {b"same", b"bob's lines"} <= contents()
    assert await intake.pool.fetchval("SELECT count(*) FROM erased_contents") == 0


async def test_only_administrators_of_the_desk_ask_for_persons(intake: Intake) -> None:
    for roles, desks, status in (
        (("agent",), ["vircom"], 403), (("reader",), ["vircom"], 403), (("admin",), ["demo"], 404),
    ):  # fmt: skip
        async with intake.http(*roles, desks=desks) as client:
            for what in ("found", "exported", "erased"):
                body = {"desk": "vircom", "person": KEY}
                assert (await client.post(f"/persons/{what}", json=body)).status_code == status


@pytest.mark.parametrize("person", ["", "a", "email", "support", "x" * 400])
async def test_what_is_nobody_is_not_looked_for(intake: Intake, person: str) -> None:
    async with intake.http("admin") as client:
        body = {"desk": "vircom", "person": person}
        assert (await client.post("/persons/erased", json=body)).status_code == 422


async def test_the_commands_show_first_and_then_erase(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await written(intake)
    await closed(intake, ann)
    token = intake.signer.token(intake.clock.now(), roles=["admin"], desks=["vircom"])
    monkeypatch.setenv("PLEDGE_TOKEN", token)
    monkeypatch.setenv("PLEDGE_INTAKE_PUBLIC_URL", f"http://127.0.0.1:{intake.settings.http_port}")
    monkeypatch.setattr("intake.application.person_data.PAGE", 1)
    monkeypatch.setattr("intake.application.person_data.FOR", timedelta(0))
    asked_for = ["--desk", "vircom", "--person", KEY]
    out = tmp_path / "ann.json"

    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words])
        return done.exit_code, f"{done.output}{done.exception or ''}"

    code, said = await run("export-person", *asked_for, "--out", str(out))
    # The service of the test logs to the same output.
    assert (code, said.endswith(f"2 tickets are in {out}\n")) == (0, True)
    assert out.stat().st_mode & 0o077 == 0
    assert [each["number"] for each in json.loads(out.read_text())["tickets"]] == [
        ann["number"], bob["number"],
    ]  # fmt: skip
    code, said = await run("erase-person", *asked_for)
    assert code == 0
    assert f"{ann['number']}: their ticket" in said
    assert f"{bob['number']}: names them" in said
    assert "nothing was erased" in said
    assert "secret" in json.dumps(await intake.facts(ann["id"]))
    code, said = await run("erase-person", *asked_for, "--yes")
    assert (code, f"erased from 1 tickets: {ann['number']}" in said) == (1, True)
    assert f"not finished, so left: {bob['number']}" in said
    assert "Kafka" in said
    assert "secret" not in json.dumps(await intake.facts(ann["id"]))
    await closed(intake, bob)
    code, said = await run("erase-person", *asked_for, "--name", "Ann Example", "--yes")
    assert (code, f"erased from 1 tickets: {bob['number']}" in said) == (0, True)
    assert await rows_with(intake, KEY) == []
    assert await rows_with(intake, "ann example") == []
