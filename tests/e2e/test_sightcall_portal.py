"""SightCall's help centre: documentation before a form is sent, a form for each kind of request."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support.world import DESKS, World

ADA = "ada@adatum.example"


def code_of(page: httpx.Response) -> str:
    return page.text.partition('name="csrf_token" value="')[2].partition('"')[0]


async def signed_in(world: World, client: httpx.AsyncClient) -> None:
    page = await client.get("/my/sightcall")
    await client.post("/my/sightcall/link", data={"email": ADA, "csrf_token": code_of(page)})
    await world.settle()
    mails = [each for each in await world.arrived() if "Sign in" in each.get("subject", "")]
    link = re.findall(r"http://\S+", mails[-1]["text"])[0]
    form = {"token": link.partition("token=")[2], "csrf_token": code_of(await client.get(link))}
    assert (await client.post("/my/sightcall/enter", data=form)).is_success


def load_articles(dsn: str) -> str:
    """What an administrator does on the command line after the articles have changed."""
    pledge = Path(sys.executable).with_name("pledge")
    done = subprocess.run(
        [pledge, "intake", "articles", "load", "--desk", "sightcall", "--desks", DESKS],
        env={**os.environ, "PLEDGE_INTAKE_DSN": dsn}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.promise("SIG-02", "SIG-04")
async def test_documentation_is_offered_before_the_form_of_the_kind_is_sent(world: World) -> None:
    told = await asyncio.to_thread(load_articles, world.dsns["intake"])
    assert "3 articles" in told
    await world.mail(
        "support@sightcall.example", "Hello", "Adatum Field Service: what is new?",
        f"Ada Admin <{ADA}>",
    )  # fmt: skip
    before = await world.newest("sightcall")
    async with world.browser("intake") as client:
        await signed_in(world, client)
        page = await client.get("/my/sightcall/new", params={"form": "fault"})
        assert "Device and operating system of the agent" in page.text
        assert "<option>Self-service</option>" in page.text
        other = await client.get("/my/sightcall/new", params={"form": "ios-sdk"})
        assert "Device and operating system" not in other.text
        form = {
            "form": "fault", "subject": "Black picture", "csrf_token": code_of(page),
            "text": "The camera stays black in every session\r\nsince this morning.",
            "told.use_case": "Visual support",
        }  # fmt: skip
        lacking = await client.post("/my/sightcall/new", data=form)
        assert lacking.status_code == 422
        assert "Device and operating system of the agent is needed" in lacking.text
        form["told.device"] = "iPhone 15, iOS 18.1"
        odd = await client.post("/my/sightcall/new", data={**form, "told.use_case": "Else"})
        assert odd.status_code == 422
        offered = await client.post("/my/sightcall/new", data=form)
        assert "The camera stays black in a session" in offered.text
        assert "https://docs.sightcall.example/articles/camera-stays-black" in offered.text
        assert "Invite an agent" not in offered.text
        await world.settle()
        assert (await world.newest("sightcall"))["id"] == before["id"], "nothing is sent yet"
        # Read, and sent all the same: as it was written.
        sent = {**form, "read": "yes", "csrf_token": code_of(offered)}
        assert 'value="iPhone 15, iOS 18.1"' in offered.text
        assert "We have your request" in (await client.post("/my/sightcall/new", data=sent)).text
        await world.settle()
        ticket = await world.newest("sightcall")
        assert ticket["subject"] == "Black picture"
        assert ticket["information"]["device"] == "iPhone 15, iOS 18.1"
        assert (ticket["missing"], ticket["entitled"]) == ([], True)
        # Where nothing matches, the form is sent at once.
        plain = {**form, "subject": "Invoices", "text": "Whom do I ask about our invoices, please?"}
        assert "We have your request" in (await client.post("/my/sightcall/new", data=plain)).text
