from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import httpx
import jinja2
import pytest
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.auth.session import LONGEST_SESSION, local_path
from pledge.runtime.http.web import templates
from pledge.runtime.http.web.format import duration, instant, local_time, until
from support.tokens import START
from support.webapp import WebApp

router = APIRouter()


@router.get("/")
async def start(
    request: Request, principal: Annotated[Principal, Depends(require("reader"))]
) -> HTMLResponse:
    web = request.app.state.web
    return HTMLResponse(
        web.environment.from_string(
            '{% extends "base.html" %}{% block content %}<h1>Hello</h1>{% endblock %}'
        ).render(principal=principal, now=START, form_code="", desk="demo", request=request)
    )


@router.post("/notes")
async def note(
    text: Annotated[str, Form()], principal: Annotated[Principal, Depends(require("agent"))]
) -> Response:
    return RedirectResponse(f"/?{len(text)}", status_code=303)


@pytest.fixture
def web(tmp_path: Path) -> WebApp:
    return WebApp(tmp_path, router)


class Fields(HTMLParser):
    """The named inputs of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input" and told.get("name"):
            self.values[str(told["name"])] = told.get("value") or ""


async def sign_in(browser: httpx.AsyncClient, token: str, target: str = "/") -> httpx.Response:
    page = await browser.get("/sign-in", params={"next": target})
    return await browser.post("/sign-in", data={**Fields(page.text).values, "token": token})


async def form_code(browser: httpx.AsyncClient) -> str:
    page = await browser.get("/sign-in")
    return Fields(page.text).values["csrf_token"]


async def test_page_without_a_session_leads_to_sign_in_and_back(web: WebApp) -> None:
    async with web.browser() as browser:
        away = await browser.get("/?state=open&page=2")
        assert away.status_code == 303
        assert away.headers["location"] == "/sign-in?next=%2F%3Fstate%3Dopen%26page%3D2"
        page = await browser.get(away.headers["location"])
        assert Fields(page.text).values["next"] == "/?state=open&page=2"
        back = await sign_in(browser, web.signer.token(), "/?state=open&page=2")
        assert back.status_code == 303
        assert back.headers["location"] == "/?state=open&page=2"
        assert "<h1>Hello</h1>" in (await browser.get("/")).text


async def test_link_in_a_mail_leads_a_signed_in_person_to_the_page(web: WebApp) -> None:
    """A browser sends no strict cookie with such a request, but with the one after it."""
    by_link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    by_itself = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}
    async with web.browser() as browser, web.browser() as without_cookie:
        await sign_in(browser, web.signer.token())
        first = await without_cookie.get("/?x=1", headers=by_link)
        assert first.status_code == 200
        assert '<meta http-equiv="refresh" content="0">' in first.text
        assert 'href="/?x=1"' in first.text
        assert "<h1>Hello</h1>" in (await browser.get("/?x=1", headers=by_itself)).text
        stranger = await without_cookie.get("/?x=1", headers=by_itself)
    assert stranger.headers["location"] == "/sign-in?next=%2F%3Fx%3D1"


async def test_session_cookie_is_out_of_reach_for_scripts_and_other_sites(tmp_path: Path) -> None:
    web = WebApp(tmp_path, router, public_url="https://sla.example")
    async with web.browser() as browser:
        answer = await sign_in(browser, web.signer.token())
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" in cookie
    assert "Max-Age=3600" in cookie


async def test_session_ends_with_the_token_or_after_the_longest_shift(web: WebApp) -> None:
    end = int((START + timedelta(days=30)).timestamp())
    async with web.browser() as browser:
        answer = await sign_in(browser, web.signer.token(exp=end))
    assert f"Max-Age={int(LONGEST_SESSION.total_seconds())}" in answer.headers["set-cookie"]


async def test_token_is_taken_with_the_spaces_of_a_careless_paste(web: WebApp) -> None:
    token = web.signer.token()
    async with web.browser() as browser:
        answer = await sign_in(browser, f"  Bearer {token[:40]}\n{token[40:]} \n")
        assert answer.status_code == 303
        assert (await browser.get("/")).status_code == 200


async def test_wrong_token_says_why_and_keeps_the_target(web: WebApp) -> None:
    async with web.browser() as browser:
        answer = await sign_in(browser, web.signer.token(aud="other"), "/?x")
    assert answer.status_code == 401
    assert "the token is for another audience" in answer.text
    assert Fields(answer.text).values["next"] == "/?x"
    assert "pledge_session" not in answer.headers.get("set-cookie", "")


async def test_expired_session_leads_to_sign_in(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        web.clock.advance_to(START + timedelta(hours=2))
        answer = await browser.get("/")
    assert answer.status_code == 303
    assert 'pledge_session=""' in answer.headers["set-cookie"]


async def test_signing_out_ends_the_session(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        answer = await browser.post("/sign-out", data={"csrf_token": await form_code(browser)})
        assert answer.headers["location"] == "/sign-in"
        assert (await browser.get("/")).status_code == 303


async def test_form_with_its_code_is_accepted(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        data = {"csrf_token": await form_code(browser), "text": "hello"}
        answer = await browser.post("/notes", data=data)
        in_header = await browser.post(
            "/notes", data={"text": "hi"}, headers={"x-csrf-token": data["csrf_token"]}
        )
        in_parts = await browser.post(
            "/notes", data=data, files={"file": ("a.txt", b"x", "text/plain")}
        )
    assert answer.headers["location"] == "/?5"
    assert in_header.status_code == 303
    assert in_parts.status_code == 303


@pytest.mark.parametrize("code", [None, "", "0" * 64, "é"])
async def test_form_without_its_code_is_refused(web: WebApp, code: str | None) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        data = {"text": "hello"} | ({} if code is None else {"csrf_token": code})
        answer = await browser.post("/notes", data=data)
    assert answer.status_code == 403


async def test_code_of_another_session_is_refused(web: WebApp) -> None:
    async with web.browser() as browser, web.browser() as attacker:
        await sign_in(browser, web.signer.token())
        await sign_in(attacker, web.signer.token(sub="mallory"))
        data = {"text": "hello", "csrf_token": await form_code(attacker)}
        answer = await browser.post("/notes", data=data)
    assert answer.status_code == 403


async def test_sign_in_form_of_another_site_is_refused(web: WebApp) -> None:
    """Nobody is signed in as somebody else without noticing."""
    async with web.browser() as attacker:
        stolen = await form_code(attacker)
    async with web.browser() as browser:
        data = {"token": web.signer.token(sub="mallory"), "csrf_token": stolen}
        assert (await browser.post("/sign-in", data=data)).status_code == 403
        fresh = {**data, "csrf_token": await form_code(browser)}
        answer = await browser.post(
            "/sign-in", data=fresh, headers={"sec-fetch-site": "cross-site"}
        )
    assert answer.status_code == 403


async def test_file_in_place_of_the_code_is_refused(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        answer = await browser.post(
            "/notes", data={"text": "x"}, files={"csrf_token": ("a", b"x", "text/plain")}
        )
    assert answer.status_code == 403


async def test_bearer_needs_no_form_code(web: WebApp) -> None:
    async with web.client(token=web.signer.token()) as client:
        answer = await client.post("/notes", data={"text": "hello"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/tickets?x=1", "/tickets?x=1"),
        ("", "/"),
        (None, "/"),
        ("tickets", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
    ],
)
def test_after_sign_in_nobody_is_sent_to_another_site(target: str | None, path: str) -> None:
    assert local_path(target) == path


async def test_text_of_strangers_is_escaped(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token(sub="<script>alert(1)</script>"))
        page = (await browser.get("/")).text
        wrong = await browser.get("/sign-in", params={"next": '/"><script>'})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in wrong.text


async def test_layout_serves_everybody(web: WebApp) -> None:
    async with web.browser() as browser:
        await sign_in(browser, web.signer.token())
        page = (await browser.get("/")).text
    assert '<html lang="en">' in page
    assert 'class="skip" href="#content"' in page
    assert '<main id="content"' in page
    assert '<meta name="viewport"' in page
    assert 'aria-current="page">Promises</a>' in page
    assert 'href="http://intake.example/"' in page
    assert 'href="http://status.example/"' in page
    assert "Mail sink" not in page
    assert '<span class="desk">demo</span>' in page
    assert "<script" not in page
    assert " style=" not in page
    assert " onclick=" not in page


async def test_stylesheet_may_be_kept_for_ever_and_loads_nothing(web: WebApp) -> None:
    async with web.browser() as browser:
        page = (await browser.get("/sign-in")).text
        found = re.search(r'href="(/static/pledge\.[0-9a-f]{12}\.css)"', page)
        assert found is not None
        sheet = await browser.get(found[1])
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "url(" not in sheet.text
    assert "@import" not in sheet.text


def colours(sheet: str, scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", sheet, re.S)
    block = blocks[1] if scheme == "dark" else blocks[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_colours_have_the_contrast_that_wcag_aa_asks_for(web: WebApp, scheme: str) -> None:
    async with web.browser() as browser:
        page = (await browser.get("/sign-in")).text
        sheet = (await browser.get(re.findall(r'href="(/static/[^"]+)"', page)[0])).text
    named = colours(sheet, scheme)
    on = {
        "paper": ["ink", "soft", "accent"],
        "card": ["ink", "soft", "accent", "good", "warn", "bad"],
        "accent": ["accent-ink"],
        "accent-wash": ["accent"],
        "good-wash": ["good"],
        "warn-wash": ["warn"],
        "bad-wash": ["bad"],
    }
    for ground, texts in on.items():
        for text in texts:
            assert contrast(named[ground], named[text]) >= 4.5, (ground, text)
    for mark in ("edge", "focus"):
        assert contrast(named["card"], named[mark]) >= 3, mark
        assert contrast(named["paper"], named[mark]) >= 3, mark


def render(text: str, **values: object) -> str:
    environment = templates("no_such_service")
    return environment.from_string(text).render(now=START, **values)


def test_badge_says_its_meaning_in_words() -> None:
    text = '{% from "parts.html" import badge %}{{ badge("breached", "bad") }}'
    assert render(text) == '<span class="badge bad">breached</span>'


def test_table_can_be_scrolled_with_the_keyboard_and_names_its_columns() -> None:
    text = (
        '{% from "parts.html" import table %}'
        '{% call table("Tickets", ["Number"]) %}<tr><td>{{ number }}</td></tr>{% endcall %}'
    )
    table = render(text, number="<1>")
    assert 'role="region" aria-label="Tickets" tabindex="0"' in table
    assert '<th scope="col">Number</th>' in table
    assert "<td>&lt;1&gt;</td>" in table


def test_time_is_shown_with_its_zone() -> None:
    text = '{% from "parts.html" import when with context %}{{ when(at, "Europe/Berlin") }}'
    assert render(text, at=START + timedelta(minutes=5)) == (
        '<time datetime="2026-03-01T12:05:00.000Z">2026-03-01 13:05:00 CET</time>'
        ' <span class="off-by">(in 5 min)</span>'
    )
    assert render(text, at=None) == "–"


def test_undefined_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("{{ subjekt }}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=250), "0.250 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=12, seconds=5), "12 min 5 s"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(hours=-1), "−1 h"),
        (None, "–"),
    ],
)
def test_durations_read_well(value: timedelta | None, text: str) -> None:
    assert duration(value) == text


def test_distance_says_its_direction() -> None:
    assert until(START + timedelta(hours=2), START) == "in 2 h"
    assert until(START - timedelta(hours=2), START) == "2 h ago"
    assert until(START + timedelta(seconds=2.4), START) == "in 2 s"
    assert until(START - timedelta(milliseconds=300), START) == "now"
    assert until(None, START) == "–"


def test_times_are_told_in_a_zone_as_short_as_the_day_allows() -> None:
    zone = ZoneInfo("America/Toronto")
    told = [
        local_time(START, zone),
        local_time(START, zone, today=START + timedelta(hours=1)),
        local_time(START + timedelta(days=2, seconds=5), zone, today=START),
        local_time(START + timedelta(days=400), zone, today=START),
        local_time(START, timezone(timedelta(hours=-5)), today=START),
        local_time(None, zone),
    ]
    assert [Markup(one).striptags() for one in told] == [
        "Sun 2026-03-01 07:00 EST",
        "07:00 EST",
        "Tue 3 Mar 07:00:05 EST",
        "Mon 2027-04-05 08:00 EDT",
        "07:00 UTC-05:00",
        "–",
    ]
    assert '<time datetime="2026-03-01T12:00:00.000Z">' in told[0]


def test_instant_of_any_zone_is_given_to_machines_in_utc() -> None:
    assert 'datetime="2026-07-01T12:00:00.000Z"' in instant(
        datetime(2026, 7, 1, 12, tzinfo=UTC), "America/Los_Angeles"
    )
