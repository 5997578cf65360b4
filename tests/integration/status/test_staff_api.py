"""Publishers open, update and resolve; what they may see and what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from xml.etree import ElementTree

from integration.status.harness import Status, an_incident, instant, names
from pledge.runtime.postgres.pool import open_pool
from status.desk_file.load import load_policies
from status.storage import store
from support.waiting import eventually

JSON = {"content-type": "application/json"}


async def test_an_incident_from_opening_to_resolution(status: Status) -> None:
    async with status.staff() as client:
        answer = await client.post("/incidents", json=an_incident())
        assert answer.status_code == 201
        opened = answer.json()
        assert opened["impact"] == "minor"
        assert opened["created_at"].endswith("Z")
        path = f"/incidents/{opened['id']}/updates"
        update = {"body": "It is the index.", "status": "identified"}
        assert (await client.post(path, json=update)).status_code == 201
        path = f"/incidents/{opened['uid']}/updates"  # the bus knows no other id
        done = await client.post(path, json={"body": "Fixed.", "status": "resolved"})
        assert done.json()["resolved_at"] is not None

        components = (await client.get("/components")).json()["items"]
        assert {one["status"] for one in components} == {"operational"}

    async def is_told() -> bool:
        return len(await status.events()) == 5

    await eventually(is_told, what="the events")
    events = await status.events()
    assert names(events) == [
        "component.changed.v1",
        "component.changed.v1",
        "incident.opened.v1",
        "incident.resolved.v1",
        "incident.updated.v1",
    ]
    counted = [each.envelope.sequence for each in events if "incident" in each.event.type]
    assert counted == [1, 2, 3]


async def test_an_incident_told_when_it_is_over_ends_on_the_bus_too(status: Status) -> None:
    began = status.clock.now() - timedelta(hours=5)
    body = an_incident(status="resolved", started_at=began.isoformat(), components={})
    async with status.staff() as client:
        incident = (await client.post("/incidents", json=body)).json()
    assert instant(incident["started_at"]) < instant(incident["resolved_at"])

    async def is_told() -> bool:
        return len(await status.events()) == 2

    await eventually(is_told, what="the events")
    events = await status.events()
    assert names(events) == ["incident.opened.v1", "incident.resolved.v1"]
    assert [each.envelope.sequence for each in events] == [1, 2]
    # Whoever counts from the opening on finds nothing missed between it and the end.
    assert events[0].event.occurred_at == events[1].event.occurred_at


async def test_an_incident_of_a_desk_without_a_page_is_not_found(status: Status) -> None:
    async with status.staff() as client:
        incident = (await client.post("/incidents", json=an_incident())).json()
    # As it is when the desk's file was taken away.
    await status.connection.execute("INSERT INTO pages VALUES ('gone', 0, now())")
    await status.connection.execute("UPDATE incidents SET desk = 'gone'")
    async with status.staff(desks=["gone"]) as client:
        path = f"/incidents/{incident['id']}/updates"
        assert (await client.post(path, json={"body": "x"})).status_code == 404
        assert (await client.get(f"/staff/incidents/{incident['id']}")).status_code == 404


async def test_the_same_idempotency_key_publishes_once(status: Status) -> None:
    async with status.staff() as client:
        headers = {"idempotency-key": "k1"}
        answers = await asyncio.gather(
            *(client.post("/incidents", json=an_incident(), headers=headers) for _ in range(5))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        other = an_incident(name="Another")
        assert (await client.post("/incidents", json=other, headers=headers)).status_code == 422

    assert len(await status.incidents()) == 1


async def test_a_component_is_set_by_hand(status: Status) -> None:
    async with status.staff() as client:
        items = (await client.get("/components", params={"desk": "acme"})).json()["items"]
        mail = next(one for one in items if one["key"] == "mail")
        group = next(one for one in items if one["is_group"])
        change = {"status": "partial_outage"}
        answer = await client.patch(f"/components/{mail['id']}", json=change)
        assert answer.json()["status"] == "partial_outage"
        assert (await client.patch(f"/components/{mail['id']}", json=change)).is_success
        refused = await client.patch(f"/components/{group['id']}", json=change)
        assert refused.status_code == 422

    async def is_shown() -> bool:
        return bool((await status.summary())["status"]["indicator"] == "minor")

    await eventually(is_shown, what="the component on the page")

    async def is_told() -> bool:
        return names(await status.events()) == ["component.changed.v1"]

    await eventually(is_told, what="one event")


async def test_a_component_that_comes_back_is_as_open_incidents_say(status: Status) -> None:
    policy = load_policies(status.folder / "desks", status.url)["acme"]
    async with status.staff() as client:
        items = (await client.get("/components")).json()["items"]
        (mail,) = [one for one in items if one["key"] == "mail"]
        await client.patch(f"/components/{mail['id']}", json={"status": "major_outage"})
        await client.post("/incidents", json=an_incident())
        pool = await open_pool(status.dsn, application_name="test", size=1)
        async with pool.acquire() as connection, connection.transaction():
            for defined in ((), policy.components):  # out of the desk's file, and in again
                await store.sync_components(connection, "acme", defined, status.clock.now())
        await pool.close()
        items = (await client.get("/components")).json()["items"]
    shown = {one["key"]: one["status"] for one in items}
    assert (shown["mail"], shown["search"]) == ("operational", "degraded_performance")


async def test_a_token_sees_and_changes_its_desks_alone(status: Status) -> None:
    async with status.staff() as client:
        incident = (await client.post("/incidents", json=an_incident())).json()
    async with status.staff(desks=["bolt"]) as client:
        assert (await client.get("/incidents")).json() == {"items": [], "next": None}
        assert {one["desk"] for one in (await client.get("/components")).json()["items"]} == {
            "bolt"
        }
        assert (await client.get("/incidents", params={"desk": "acme"})).status_code == 404
        assert (await client.post("/incidents", json=an_incident())).status_code == 404
        path = f"/incidents/{incident['id']}/updates"
        assert (await client.post(path, json={"body": "x"})).status_code == 404


async def test_publishing_needs_the_publisher(status: Status) -> None:
    async with status.public() as client:
        assert (await client.post("/incidents", json=an_incident())).status_code == 401
        assert (await client.get("/incidents")).status_code == 401
    async with status.staff("agent") as client:
        assert (await client.get("/incidents")).status_code == 200
        assert (await client.post("/incidents", json=an_incident())).status_code == 403


WRONG: list[tuple[dict[str, object], str]] = [
    ({"name": " "}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "\u0007"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"body": ""}, "body"),
    ({"status": "scheduled"}, "status"),
    ({"impact": "huge"}, "impact"),
    ({"components": {"search": "broken"}}, "components"),
    ({"components": {"nowhere": "major_outage"}}, "nowhere"),
    ({"components": {"\ud800": "major_outage"}}, "components"),
    ({"started_at": "2026-01-01T00:00:00"}, "started_at"),
    ({"started_at": "0001-01-01T00:00:00+23:59"}, "started_at"),
    ({"extra": 1}, "extra"),
]


async def test_what_is_wrong_is_named(status: Status) -> None:
    async with status.staff() as client:
        for changes, field in WRONG:
            # httpx cannot write half a surrogate pair, JSON can.
            body = json.dumps(an_incident(**changes))
            answer = await client.post("/incidents", content=body, headers=JSON)
            assert answer.status_code == 422, changes
            assert answer.headers["content-type"] == "application/problem+json"
            assert any(field in error["field"] for error in answer.json()["errors"]), changes

    assert await status.incidents() == []


async def test_a_resolved_incident_does_not_come_back(status: Status) -> None:
    async with status.staff() as client:
        incident = (await client.post("/incidents", json=an_incident())).json()
        path = f"/incidents/{incident['id']}/updates"
        await client.post(path, json={"body": "Done.", "status": "resolved"})
        answer = await client.post(path, json={"body": "Again.", "status": "investigating"})
        assert answer.status_code == 409
        assert (await client.post("/incidents/000000000000/updates", json={"body": "x"})).is_error


async def test_an_incident_cannot_begin_in_the_future(status: Status) -> None:
    later = (status.clock.now() + timedelta(hours=1)).isoformat()
    async with status.staff() as client:
        answer = await client.post("/incidents", json=an_incident(started_at=later))

    assert answer.status_code == 422
    assert "later than now" in answer.json()["detail"]


async def test_odd_text_is_kept_or_cleaned_but_breaks_nothing(status: Status) -> None:
    odd = "a\u0000bc\ufffe\u202e<script>alert(1)</script>]]>&amp;\U0001f469\u200d\U0001f680"
    async with status.staff() as client:
        body = json.dumps(an_incident(name=odd, body=f"{odd}\n\n{odd}"))
        answer = await client.post("/incidents", content=body, headers=JSON)
        assert answer.status_code == 201
        incident_id = answer.json()["id"]

    async def is_shown() -> bool:
        return incident_id in str((await status.summary())["incidents"])

    await eventually(is_shown, what="the incident on the page")
    async with status.public() as client:
        for path in ("/acme/", f"/acme/incidents/{incident_id}", "/acme/history"):
            page = await client.get(path)
            assert page.is_success
            assert "<script>alert" not in page.text
        for path in ("/acme/history.atom", "/acme/history.rss"):
            ElementTree.fromstring((await client.get(path)).content)


async def test_lists_come_in_parts(status: Status) -> None:
    async with status.staff() as client:
        for number in range(5):
            body = an_incident(name=f"Number {number}", components={})
            assert (await client.post("/incidents", json=body)).is_success
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            part = (await client.get("/incidents", params=params)).json()
            seen += [one["name"] for one in part["items"]]
            cursor = part["next"]
            if cursor is None:
                break
        assert seen == [f"Number {number}" for number in (4, 3, 2, 1, 0)]
        for wrong in ("x", "0001-01-01T00:00:00+23:59~0", f"{cursor}\0", "~"):
            answer = await client.get("/incidents", params={"cursor": wrong})
            assert answer.status_code == 400


async def test_a_maintenance_begins_and_ends_by_its_window(status: Status) -> None:
    start = status.clock.now() + timedelta(seconds=1)
    body = {
        "desk": "acme",
        "name": "New index",
        "body": "Search will pause.",
        "components": ["search"],
        "scheduled_for": start.isoformat(),
        "scheduled_until": (start + timedelta(seconds=1)).isoformat(),
    }
    async with status.staff() as client:
        answer = await client.post("/maintenances", json=body)
        assert answer.status_code == 201
        assert (answer.json()["kind"], answer.json()["status"]) == ("maintenance", "scheduled")
        wrong = await client.post(
            "/maintenances", json={**body, "scheduled_until": body["scheduled_for"]}
        )
        assert wrong.status_code == 422

    async def is_over() -> bool:
        return bool((await status.incidents())[0]["status"] == "completed")

    await eventually(is_over, what="the end of the maintenance")

    async def is_told() -> bool:
        return names(await status.events()) == [
            "component.changed.v1",
            "component.changed.v1",
            "maintenance.completed.v1",
            "maintenance.scheduled.v1",
            "maintenance.started.v1",
        ]

    await eventually(is_told, what="the events")
