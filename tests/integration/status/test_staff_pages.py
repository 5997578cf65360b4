"""Publishers at work in a browser: sign in, open, update, resolve."""

from __future__ import annotations

import re

import httpx

from integration.status.harness import Status
from support.asking import asker


def signed_in(status: Status, *roles: str) -> httpx.AsyncClient:
    token = status.signer.token(
        status.clock.now(), desks=["acme"], roles=list(roles or ["publisher"])
    )
    return asker(status.url, cookies={"pledge_session": token}, headers={"accept": "text/html"})


async def form_of(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    """The hidden fields of the page's own form."""
    text = (await client.get(path)).text
    text = text[text.index("<main") :]
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text)
    return dict(fields)


async def test_a_stranger_is_sent_to_the_sign_in(status: Status) -> None:
    async with status.public() as client:
        answer = await client.get("/staff/acme", headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_an_incident_is_opened_updated_and_resolved_by_form(status: Status) -> None:
    async with signed_in(status) as client:
        assert (await client.get("/staff")).headers["location"] == "/staff/acme"
        form = await form_of(client, "/staff/acme")
        form |= {"name": "Portal down", "body": "We look.", "status": "investigating"}
        form |= {f"component.{await component(status, 'portal')}": "major_outage"}
        answer = await client.post("/staff/acme/incidents", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/acme")
        assert "Portal down" in (await client.get("/staff/acme")).text

        (incident,) = await status.incidents()
        assert incident["impact"] == "critical"
        assert incident["updates"][0]["by"] == "ann"
        path = f"/staff/incidents/{incident['id']}"
        form = await form_of(client, path)
        answer = await client.post(path, data=form | {"body": "Done.", "status": "resolved"})
        assert answer.status_code == 303
        assert "Resolved" in (await client.get(path)).text

    (incident,) = await status.incidents()
    assert incident["status"] == "resolved"


async def test_a_form_sent_twice_publishes_once(status: Status) -> None:
    async with signed_in(status) as client:
        form = await form_of(client, "/staff/acme")
        form |= {"name": "Once", "body": "We look.", "status": "investigating"}
        for _ in range(2):
            assert (await client.post("/staff/acme/incidents", data=form)).status_code == 303

    assert len(await status.incidents()) == 1


async def test_a_wrong_form_comes_back_as_it_was_filled_in(status: Status) -> None:
    async with signed_in(status) as client:
        form = await form_of(client, "/staff/acme")
        form |= {"name": "Kept <name>", "body": "  ", "status": "investigating"}
        answer = await client.post("/staff/acme/incidents", data=form)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "must hold some text" in answer.text
    assert "Kept &lt;name&gt;" in answer.text
    assert await status.incidents() == []


async def test_a_form_of_another_site_is_refused(status: Status) -> None:
    async with signed_in(status) as client:
        form = {"name": "Forged", "body": "x", "status": "investigating"}
        answer = await client.post("/staff/acme/incidents", data=form)
        forged = await client.post("/staff/acme/incidents", data={**form, "csrf_token": "0" * 64})

    assert (answer.status_code, forged.status_code) == (403, 403)
    assert await status.incidents() == []


async def test_a_reader_sees_no_form_and_may_not_post(status: Status) -> None:
    async with signed_in(status, "reader") as client:
        page = await client.get("/staff/acme")
        assert "Open an incident" not in page.text
        form = await form_of(client, "/staff/acme")
        form |= {"name": "x", "body": "x", "status": "investigating"}
        assert (await client.post("/staff/acme/incidents", data=form)).status_code == 403
        for path in ("/staff/bolt", f"/staff/incidents/{'x' * 40}"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/staff/incidents/%00")).status_code == 400


async def component(status: Status, key: str) -> str:
    async with status.staff() as client:
        items = (await client.get("/components")).json()["items"]
    found: str = next(one["id"] for one in items if one["key"] == key)
    return found
