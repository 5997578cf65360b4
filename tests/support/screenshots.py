"""`python -m support.screenshots [FOLDER]`: the pictures of the documents, made again.

Run it from the repository with PYTHONPATH=tests; it needs a browser (see `support.browser`). It
starts the services on their own topics and databases, with the desks that come with Pledge, lets
some time pass, and takes their pages as a person would see them. FOLDER is docs/screenshots.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from integration.sla.harness import Sla
from integration.sla.stories import AGENT, MONDAY, Story
from pledge.events import Contact, CustomerUnavailable, RequesterReplied
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.testing import VirtualClock
from support import topics
from support.browser import DESKTOP, PHONE, Visitor, open_browser, visit
from support.cluster import ROOT, open_cluster
from support.databases import Databases
from support.world import World

NAME = "screenshots"
HOURS = 3


def stories() -> list[Story]:
    """A Monday morning on several desks."""
    found = [
        _ticket("vircom", 41, 0, "No mail flow since the update", severity="p1").replied(9),
        _ticket("vircom", 42, 20, "Quarantine digest arrives twice", severity="p2"),
        _ticket("vircom", 43, 65, "Sender is blocked by mistake", severity="p3"),
        _ticket("vircom", 44, 140, "Outbound queue grows", severity="p1").replied(151),
        _ticket("vircom", 45, 171, "Directory sync stopped", severity="p2"),
        _ticket("vircom", 46, -60 * 66, "License key is not accepted", severity="p3"),
        _ticket("sign-in-solutions", 207, 30, "Kiosk shows a blank page", severity="serious"),
        _ticket("sign-in-solutions", 208, 100, "تقرير الزوار لا يفتح", severity="critical"),
        _ticket("infocyte", 12, 15, "Scan ends with error 1603", severity="s2", plan="patrol"),
        _ticket("infocyte", 13, 150, "How do I export a report?", severity="s4"),
        _ticket("smartsimple", 88, 90, "Applicants cannot submit the form", severity="tier1"),
    ]
    found[1].add(CustomerUnavailable, 34, by=AGENT).add(
        RequesterReplied, 79, by=Contact(name="Eve"), text="I am back.", channel="email"
    )
    found[5].add(CustomerUnavailable, -120, by=AGENT).add(
        RequesterReplied, -75, by=Contact(name="Kim"), text="Here I am.", channel="email"
    )
    return found


def _ticket(desk: str, number: int, after: float, subject: str, **fields: Any) -> Story:
    story = Story(number, desk=desk)
    story.number = f"{desk[:3].upper()}-{10_000 + number}"
    return story.opened(after, subject_line=subject, **fields)


@asynccontextmanager
async def a_cluster(folder: Path) -> AsyncIterator[tuple[KafkaSettings, Databases]]:
    """Topics and databases of our own on the tests' broker and server."""
    cluster = open_cluster()
    kafka = KafkaSettings(
        bootstrap_servers=cluster.bootstrap_servers, topic_prefix=f"{NAME}{folder.name}."
    )
    databases = Databases(cluster, f"{NAME}{folder.name}".lower())
    await topics.create(kafka)
    try:
        yield kafka, databases
    finally:
        databases.drop()
        await topics.delete(kafka)
        cluster.close()


@asynccontextmanager
async def a_morning(folder: Path) -> AsyncIterator[Sla]:
    """The sla service with the morning's tickets, some hours later."""
    clock = VirtualClock(MONDAY)
    async with (
        a_cluster(folder) as (kafka, databases),
        Sla(
            kafka,
            databases("sla"),
            folder,
            clock=clock,
            desks=ROOT / "deploy" / "desks",
            intake_public_url="https://tickets.example",
            notify_public_url="https://pages.example",
            status_public_url="https://status.example",
        ) as sla,
    ):
        clock.advance_to(MONDAY + timedelta(hours=HOURS))
        await sla.deliver(*stories())
        yield sla


async def an_outage(world: World) -> dict[str, Any]:
    """Visitors of a customer cannot sign in; the ticket, with the incident on the status page."""
    to = "support@sign-in-solutions.example"
    text = (
        'Since 16:50 every tablet in our three lobbies says "Try again later".\n'
        "Restarting them did not help. Thirty visitors are waiting.\n\nJonas"
    )
    sender = "Jonas Weber <jonas@rheinkontor.example>"
    await world.mail(to, "Visitors cannot sign in on any tablet", text, sender=sender)
    ticket = await world.newest("sign-in-solutions")
    at = f"/tickets/{ticket['id']}"
    await world.advance(timedelta(minutes=4))
    await world.post("intake", f"{at}/assign", assignee="maya", name="Maya Okafor")
    await world.post(
        "intake",
        f"{at}/triage",
        severity="critical",
        product="Visitor sign-in",
        why="seen with three customers",
        known_incident=True,
    )
    await world.advance(timedelta(minutes=3))
    reply = "Hello Jonas,\n\nwe see it elsewhere, too. Paper badges help meanwhile.\n\nMaya"
    await world.post("intake", f"{at}/reply", text=reply)
    [incident] = (await world.get("status", "/incidents", open=True))["items"]
    await world.advance(timedelta(minutes=9))
    await world.post(
        "status",
        f"/incidents/{incident['id']}/updates",
        body="A certificate of the sign-in servers ran out. We are replacing it.",
        status="identified",
    )
    await world.advance(timedelta(minutes=2))
    return ticket


async def take_outage(browser: Browser, world: World, to: Path) -> None:
    """The agent's view of the ticket, and the public page."""
    ticket = await an_outage(world)
    token = world.authorization()["Authorization"].removeprefix("Bearer ")
    size = {"viewport": {"width": 1180, "height": 820}}
    for name, service, path, who in [
        ("ticket", "intake", f"/ticket/{ticket['id']}", token),
        ("status-page", "status", "/sign-in-solutions/", None),
    ]:
        async with visit(browser, world.url(service), who, **size) as visitor:
            await picture(visitor, path, to / f"{name}.png")


async def take(browser: Browser, sla: Sla, to: Path, name: str, path: str, **options: Any) -> None:
    """One picture of one page of sla, as large as the window."""
    token = sla.signer.token(sla.clock.now(), desks="*")
    url = f"http://127.0.0.1:{sla.settings.http_port}"
    async with visit(browser, url, token, **options) as visitor:
        await picture(visitor, path, to / f"{name}.png")


async def picture(visitor: Visitor, path: str, file: Path) -> None:
    """What the window shows of a page, without a complaint of the browser."""
    page = await visitor.open(path)
    if path.startswith("/board"):
        await page.locator('#live[data-state="live"]').wait_for()
    await page.screenshot(path=file)
    if visitor.complaints:
        raise SystemExit(f"{path}: {visitor.complaints}")


async def main(to: Path) -> None:
    """All pictures."""
    to.mkdir(parents=True, exist_ok=True)
    async with open_browser() as browser:
        with tempfile.TemporaryDirectory() as folder:
            async with a_morning(Path(folder)) as sla:
                await take_promises(browser, sla, to)
        with tempfile.TemporaryDirectory() as folder:
            async with (
                a_cluster(Path(folder)) as (kafka, databases),
                World(kafka, databases, Path(folder), MONDAY) as world,
            ):
                await take_outage(browser, world, to)


async def take_promises(browser: Browser, sla: Sla, to: Path) -> None:
    """The board in three shapes, and why a promise is as it is."""
    desktop, phone = DESKTOP | {"width": 1180, "height": 820}, PHONE
    why = f"/ticket/{stories()[5].ticket_id}"
    await take(browser, sla, to, "board", "/board", viewport=desktop)
    dark: dict[str, Any] = {"viewport": desktop, "color_scheme": "dark"}
    await take(browser, sla, to, "board-dark", "/board", **dark)
    await take(browser, sla, to, "board-phone", "/board", viewport=phone)
    await take(browser, sla, to, "explanation", why, viewport={"width": 1000, "height": 900})


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    asyncio.run(main(wanted))
