"""People sign in at a real OpenID provider, by its own forms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx
import pytest
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.auth.session import form_token
from pledge.runtime.clock import SystemClock
from support.openid import SESSION_KEY, open_provider, settings_of, sign_in_at_provider
from support.webapp import WebApp

SERVICE = "http://sla.example"
BACK = f"{SERVICE}/sign-in/callback"

router = APIRouter()


@router.get("/")
async def start(
    request: Request, principal: Annotated[Principal, Depends(require("reader"))]
) -> HTMLResponse:
    desks = sorted(principal.desks or ())
    may_answer = [desk for desk in desks if principal.may(desk, Role.AGENT)]
    told = f"{principal.subject} reads {desks} and answers {may_answer}"
    return HTMLResponse(f'{told}<input name="csrf_token" value="{form_token(request)}">')


@router.post("/desks/{desk}/notes")
async def note(
    desk: str,
    text: Annotated[str, Form()],
    principal: Annotated[Principal, Depends(require("agent"))],
) -> Response:
    if not principal.may(desk):
        raise HTTPException(404, "no such desk")
    return RedirectResponse(f"/?{len(text)}", status_code=303)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with open_provider(SERVICE) as found:
        yield found


@pytest.fixture
def web(tmp_path: Path, issuer: str) -> WebApp:
    web = WebApp(tmp_path, router, public_url=SERVICE, **settings_of(issuer))
    web.clock.advance_to(SystemClock().now())
    return web


@pytest.fixture
async def provider() -> AsyncIterator[httpx.AsyncClient]:
    """The person's browser as the provider sees it."""
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def begin(browser: httpx.AsyncClient, target: str = "/") -> str:
    answer = await browser.get("/sign-in/start", params={"next": target})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def at_provider(provider: httpx.AsyncClient, url: str, login: str = "ann") -> str:
    return await sign_in_at_provider(provider, url, {"login": login, "password": "any"}, BACK)


def parameter(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


def changed(url: str, **parameters: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return urlunsplit(parts._replace(query=str(httpx.QueryParams(query))))


def form_code(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


async def test_person_signs_in_and_goes_on_where_they_wanted_to(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser:
        away = await browser.get("/?view=mine")
        assert away.headers["location"] == "/sign-in?next=%2F%3Fview%3Dmine"
        page = await browser.get(away.headers["location"])
        assert 'href="/sign-in/start?next=/%3Fview%3Dmine"' in page.text
        assert "<textarea" not in page.text
        done = await browser.get(await at_provider(provider, await begin(browser, "/?view=mine")))
        assert done.status_code == 200
        assert 'content="0; url=/?view=mine"' in done.text
        session = next(
            each
            for each in done.headers.get_list("set-cookie")
            if each.startswith("pledge_session=")
        )
        assert "HttpOnly" in session
        assert "SameSite=strict" in session
        assert f"Max-Age={8 * 3600}" in session
        home = await browser.get("/?view=mine")
    assert home.text.startswith("ann@vircom.example reads ['vircom'] and answers ['vircom']<")


async def test_roles_hold_on_their_own_desks_alone(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser:
        await browser.get(await at_provider(provider, await begin(browser), "eve"))
        home = await browser.get("/")
        assert "reads ['infocyte', 'vircom'] and answers ['infocyte']" in home.text
        form = {"text": "x", "csrf_token": form_code(home.text)}
        assert (await browser.post("/desks/infocyte/notes", data=form)).status_code == 303
        assert (await browser.post("/desks/vircom/notes", data=form)).status_code == 404


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("bob", "None of the groups of bob@vircom.example has a role here"),
        ("mia", "The provider has not verified your mail address"),
    ],
)
async def test_person_without_a_role_is_told_so_and_may_sign_in_as_another(
    web: WebApp, provider: httpx.AsyncClient, login: str, why: str
) -> None:
    async with web.browser() as browser:
        refused = await browser.get(await at_provider(provider, await begin(browser), login))
        assert refused.status_code == 403
        assert why in refused.text
        assert "pledge_session" not in browser.cookies
        assert "another=true" in refused.text
        again = await browser.get("/sign-in/start", params={"another": "true"})
        assert parameter(again.headers["location"], "prompt") == "login"
        assert (await browser.get("/")).status_code == 303


async def test_answer_to_another_attempt_opens_nothing(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser, web.browser() as other:
        back = await at_provider(provider, await begin(browser))
        strange = changed(back, state="x" * 43)
        for client, url in ((browser, strange), (other, back), (other, strange)):
            answer = await client.get(url)
            assert answer.status_code == 400
            assert "This sign-in can&#39;t be finished" in answer.text
            assert "pledge_session" not in client.cookies
        # The first letters of the state name the cookie; all of it must be right.
        near = changed(back, state=parameter(back, "state")[:20] + "A" * 23)
        assert (await browser.get(near)).status_code == 400


async def test_code_works_once(web: WebApp, provider: httpx.AsyncClient) -> None:
    async with web.browser() as browser:
        back = await at_provider(provider, await begin(browser))
        kept = {name: browser.cookies[name] for name in browser.cookies}
        assert (await browser.get(back)).status_code == 200
        browser.cookies.delete("pledge_session")
        assert (await browser.get(back)).status_code == 400
        for name, value in kept.items():
            browser.cookies.set(name, value, domain="sla.example", path="/sign-in")
        replayed = await browser.get(back)
        assert replayed.status_code == 403
        fresh = await begin(browser)
        moved = changed(back, state=parameter(fresh, "state"))
        assert (await browser.get(moved)).status_code == 403
        assert "pledge_session" not in browser.cookies


async def test_token_of_another_request_is_refused(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser:
        url = changed(await begin(browser), nonce="of-somebody-else")
        answer = await browser.get(await at_provider(provider, url))
        assert answer.status_code == 502
        assert "can&#39;t be trusted" in answer.text
        assert "pledge_session" not in browser.cookies


async def test_code_of_a_stolen_redirection_is_of_no_use(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    """Without the verifier that is kept in the first browser."""
    async with web.browser() as browser, web.browser() as thief:
        back = await at_provider(provider, await begin(browser))
        own = await begin(thief)
        answer = await thief.get(changed(back, state=parameter(own, "state")))
        assert answer.status_code == 403
        assert "pledge_session" not in thief.cookies


async def test_expired_token_is_refused(web: WebApp, provider: httpx.AsyncClient) -> None:
    web.clock.advance_to(web.clock.now() + timedelta(hours=2))
    async with web.browser() as browser:
        answer = await browser.get(await at_provider(provider, await begin(browser)))
        assert answer.status_code == 502
        assert "pledge_session" not in browser.cookies


async def test_attempt_ends_after_a_while(web: WebApp, provider: httpx.AsyncClient) -> None:
    async with web.browser() as browser:
        back = await at_provider(provider, await begin(browser))
        web.clock.advance_to(web.clock.now() + timedelta(minutes=16))
        assert (await browser.get(back)).status_code == 400


async def test_two_tabs_do_not_lose_each_others_attempt(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser:
        urls = [await begin(browser, path) for path in ("/?tab=1", "/?tab=2")]
        backs = [await at_provider(provider, url) for url in urls]
        for back, number in zip(reversed(backs), (2, 1), strict=True):
            done = await browser.get(back)
            assert f"url=/?tab={number}" in done.text
        for _ in range(20):
            await begin(browser)
        kept = [name for name in browser.cookies if name.startswith("pledge_sign_in_")]
        assert len(kept) == 5


async def test_session_given_before_is_not_the_one_after(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    """Nobody plants a session and shares it after the person signed in."""
    async with web.browser() as attacker, web.browser() as browser:
        await attacker.get(await at_provider(provider, await begin(attacker), "eve"))
        planted = attacker.cookies["pledge_session"]
        browser.cookies.set("pledge_session", planted, domain="sla.example", path="/")
        async with httpx.AsyncClient(timeout=60) as own:
            await browser.get(await at_provider(own, await begin(browser)))
        assert "ann@vircom.example" in (await browser.get("/")).text
        assert "eve@vircom.example" in (await attacker.get("/")).text
        old = {"text": "x", "csrf_token": form_code((await attacker.get("/")).text)}
        assert (await browser.post("/desks/infocyte/notes", data=old)).status_code == 403


async def test_signing_out_ends_both_sessions(web: WebApp, provider: httpx.AsyncClient) -> None:
    async with web.browser() as browser:
        await browser.get(await at_provider(provider, await begin(browser)))
        page = await browser.get("/")
        assert (await browser.post("/sign-out", data={})).status_code == 403
        answer = await browser.post("/sign-out", data={"csrf_token": form_code(page.text)})
        assert answer.status_code == 200
        assert "pledge_session" not in browser.cookies
        assert "pledge_id_token" not in browser.cookies
        url = answer.text.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
        assert parameter(url, "id_token_hint").count(".") == 2
        form = await provider.get(url)
        assert "Do you want to sign-out" in form.text
        again = await browser.get("/")
        assert again.status_code == 303


async def test_tokens_open_no_session_where_people_sign_in_at_a_provider(web: WebApp) -> None:
    token = web.signer.token(web.clock.now())
    async with web.browser() as browser:
        pasted = await browser.post("/sign-in", data={"token": token})
        assert pasted.status_code == 405
        browser.cookies.set("pledge_session", token, domain="sla.example", path="/")
        assert (await browser.get("/")).status_code == 303
    async with web.client(token=token) as machine:
        assert (await machine.get("/")).text.startswith("ann reads")


async def test_session_is_no_bearer_token_and_can_be_revoked(
    web: WebApp, provider: httpx.AsyncClient
) -> None:
    async with web.browser() as browser:
        await browser.get(await at_provider(provider, await begin(browser)))
        session = browser.cookies["pledge_session"]
        async with web.client(token=session) as machine:
            assert (await machine.get("/")).status_code == 401
        assert (await browser.get("/")).status_code == 200
        principal = await web.access.authenticate_session(session)
        web.denylist.write_text(f"{principal.token_id}\n")
        assert (await browser.get("/")).status_code == 303


async def test_claims_may_stand_in_the_id_token(
    tmp_path: Path, provider: httpx.AsyncClient
) -> None:
    with open_provider(SERVICE, in_id_token=True) as issuer:
        web = WebApp(tmp_path, router, public_url=SERVICE, **settings_of(issuer))
        web.clock.advance_to(SystemClock().now())
        async with web.browser() as browser:
            await browser.get(await at_provider(provider, await begin(browser)))
            assert "ann@vircom.example" in (await browser.get("/")).text


async def test_secrets_are_in_no_page_and_no_address(
    web: WebApp, provider: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    async with web.browser() as browser:
        url = await begin(browser)
        back = await at_provider(provider, url)
        done = await browser.get(back)
        session = browser.cookies["pledge_session"]
    told = url + done.text + "".join(capsys.readouterr())
    for secret in (SESSION_KEY, "secret of the client", session, parameter(back, "code")):
        assert secret not in told
