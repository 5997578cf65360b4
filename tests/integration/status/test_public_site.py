"""What anybody sees: pages, the v2 API, feeds; with and without a database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import asyncpg

from integration.status.harness import Gate, Status, Ticket, an_incident, instant
from pledge.runtime.config.settings import KafkaSettings
from status.public import statuspage_v2
from support.databases import Databases
from support.waiting import eventually


async def open_incident(status: Status, **changes: object) -> str:
    async with status.staff() as client:
        answer = await client.post("/incidents", json=an_incident(**changes))
        answer.raise_for_status()
        incident_id: str = answer.json()["id"]

    async def is_shown() -> bool:
        return incident_id in str((await status.summary())["incidents"])

    await eventually(is_shown, what="the incident on the page")
    return incident_id


async def test_the_api_is_for_every_site(status: Status) -> None:
    async with status.public() as client:
        answer = await client.get("/acme/api/v2/summary.json", headers={"origin": "https://x"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        preflight = await client.options("/acme/api/v2/summary.json")
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "*"
        missing = await client.get("/acme/api/v2/nothing.json")
        assert missing.status_code == 404
        assert missing.headers["access-control-allow-origin"] == "*"
        assert (await client.get("/nobody/api/v2/summary.json")).status_code == 404


async def test_what_is_not_there_is_told_in_the_public_layout(status: Status) -> None:
    browser = {"accept": "text/html"}
    async with status.public() as client:
        missing = await client.get("/acme/incidents/nothing", headers=browser)
        assert missing.status_code == 404
        assert '<a href="/acme/">The status of Acme</a>' in missing.text
        unknown = await client.get("/nobody/", headers=browser)
        for answer in (missing, unknown):
            assert "There is no" in answer.text
            assert "Services" not in answer.text, "the staff's navigation is not for the public"
        signed_out = await client.get("/sign-in", headers=browser)
        assert "Services" in signed_out.text


async def test_every_v2_path_answers_with_the_page_first(status: Status) -> None:
    async with status.public() as client:
        for path in statuspage_v2.PATHS:
            body = (await client.get(f"/acme/api/v2/{path}")).json()
            assert next(iter(body)) == "page"
            assert body["page"]["time_zone"] == "America/Toronto"
            assert body["page"]["url"] == f"{status.url}/acme"
            offset = instant(body["page"]["updated_at"]).utcoffset()
            assert offset in (timedelta(hours=-5), timedelta(hours=-4))


async def test_an_unchanged_answer_is_not_sent_again(status: Status) -> None:
    async with status.public() as client:
        for path in ("/acme/api/v2/summary.json", "/acme/", "/acme/history.atom"):
            first = await client.get(path)
            by_tag = await client.get(path, headers={"if-none-match": first.headers["etag"]})
            by_time = await client.get(
                path, headers={"if-modified-since": first.headers["last-modified"]}
            )
            assert (first.status_code, by_tag.status_code, by_time.status_code) == (200, 304, 304)
            assert by_tag.content == b""
        before = first.headers["etag"]
    await open_incident(status)
    async with status.public() as client:
        after = await client.get("/acme/history.atom", headers={"if-none-match": before})
        assert after.status_code == 200


async def test_pages_are_found_by_desk_and_by_host(status: Status) -> None:
    incident_id = await open_incident(status, name="Under <any> host")
    async with status.public() as client:
        host = {"host": "status.acme.example"}
        for path, headers in (
            (f"/acme/incidents/{incident_id}", {}),
            (f"/incidents/{incident_id}", host),
        ):
            page = await client.get(path, headers=headers)
            assert "Under &lt;any&gt; host" in page.text
        assert (await client.get("/", headers=host)).status_code == 200
        assert (await client.get("/api/v2/status.json", headers=host)).status_code == 200
        assert (await client.get("/history", headers=host)).status_code == 200
        body = (await client.get(f"/acme/incidents/{incident_id}.json")).json()
        assert body["id"] == incident_id
        assert (await client.get("/api/v2/status.json")).status_code == 404
        assert (await client.get("/")).headers["location"] == "/staff"
        assert (await client.get("/acme")).headers["location"] == "/acme/"
        assert f"{status.url}/acme/api/v2/summary.json" in (await client.get("/acme/api")).text
        # Another desk's page does not show it.
        assert (await client.get(f"/bolt/incidents/{incident_id}")).status_code == 404


async def test_who_asks_for_what_is_not_there_leaves_the_database_to_others(
    status: Status,
) -> None:
    async def waiting() -> int:
        # Of this test's database only: others run on the same server, and so does its autovacuum.
        query = """SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND datname = current_database() AND backend_type = 'client backend'"""
        return int(await status.connection.fetchval(query))

    async def are_waiting() -> bool:
        return await waiting() >= 2

    locking = await asyncpg.connect(status.dsn)
    async with status.public() as client, status.staff() as staff:
        async with locking.transaction():
            # A slow table, as it were: who reads it holds a connection for long.
            await locking.execute("LOCK TABLE incidents")
            paths = [f"/acme/incidents/{number:012}" for number in range(12)]
            requests = [asyncio.create_task(client.get(path)) for path in paths]
            await eventually(are_waiting, what="readers that wait")
            assert (await staff.get("/components")).is_success
            assert await waiting() == 2
        answers = await asyncio.gather(*requests)
    await locking.close()
    assert {answer.status_code for answer in answers} == {404}


async def test_odd_headers_do_no_harm(status: Status) -> None:
    odd = [
        ("host", "["),
        ("host", "status.acme.example:99999999"),
        ("if-modified-since", "yesterday"),
        ("if-modified-since", "Mon, 01 Jan 0001 00:00:00 +2359"),
        ("if-none-match", 'W/"x", , "'),
    ]
    async with status.public() as client:
        for name, value in odd:
            for path in ("/acme/", "/acme/api/v2/summary.json", "/", "/history"):
                answer = await client.get(path, headers={name: value})
                assert answer.status_code < 500, (name, value, path)


async def test_a_second_instance_shows_what_the_first_one_changed(
    status: Status, tmp_path: Path
) -> None:
    # Far apart, so that only the database's announcement can show it in time.
    rarely: dict[str, Any] = {"refresh_every": timedelta(minutes=5)}
    folder = tmp_path / "second"
    folder.mkdir()
    async with Status(status.kafka, status.dsn, folder, **rarely) as second:
        incident_id = await open_incident(status)

        async def is_shown() -> bool:
            return incident_id in str((await second.summary())["incidents"])

        await eventually(is_shown, what="the incident at the second instance")


async def test_the_page_is_harmless_and_tells_nothing_private(status: Status) -> None:
    ticket = Ticket(number="ACM-SECRET")
    await status.publish_and_settle(ticket.opened(), ticket.triaged())

    async def page() -> str:
        async with status.public() as client:
            answer = await client.get("/acme/")
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "Mail is not delivered" in answer.text
        return answer.text

    text = await eventually(page, what="the incident on the page")
    assert "&lt;b&gt;about&lt;/b&gt;" in text
    for private in ("ACM-SECRET", str(ticket.id), "rule:", "Ada", "bob"):
        assert private not in text


async def test_feeds_have_an_entry_for_every_update(status: Status) -> None:
    incident_id = await open_incident(status)
    async with status.staff() as client:
        for body in ("One.", "Two."):
            await client.post(f"/incidents/{incident_id}/updates", json={"body": body})

    async def has_all() -> bool:
        async with status.public() as client:
            atom = ElementTree.fromstring((await client.get("/acme/history.atom")).content)
            rss = ElementTree.fromstring((await client.get("/acme/history.rss")).content)
        dates = [one.text for one in rss.iter("pubDate")][1:]
        assert len(set(dates)) == len(dates)
        ids = {one.text for one in atom.iter("{http://www.w3.org/2005/Atom}id")}
        return len(ids) == 4 and len(dates) == 3

    await eventually(has_all, what="all updates in the feeds")


async def test_the_page_survives_the_loss_of_its_database(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    soon: dict[str, Any] = {
        "refresh_every": timedelta(milliseconds=200),
        "stale_after": timedelta(seconds=1),
    }
    async with (
        Gate(database("status")) as gate,
        Status(kafka, gate.dsn, tmp_path, **soon) as status,
    ):
        incident_id = await open_incident(status)
        await gate.shut()

        async def says_so() -> bool:
            async with status.public() as client:
                page = await client.get("/acme/")
                body = await client.get("/acme/api/v2/summary.json")
                probes = [await client.get(path) for path in ("/livez", "/readyz")]
            assert all(one.is_success for one in (page, body, *probes))
            assert incident_id in body.text
            return "may be out of date" in page.text and "pledge-stale-since" in body.headers

        await eventually(says_so, what="the warning on the page")
        await gate.open()

        async def is_fresh() -> bool:
            async with status.public() as client:
                return "may be out of date" not in (await client.get("/acme/")).text

        await eventually(is_fresh, what="the page up to date again")
        await status.publish(Ticket().triaged())

        async def are_both_shown() -> bool:
            return len((await status.summary())["incidents"]) == 2

        await eventually(are_both_shown, what="what came after the outage")
