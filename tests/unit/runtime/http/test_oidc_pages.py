"""Signing in at a provider that misbehaves, or that says more or less than others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import APIRouter, Depends, Request

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.auth.issuer_http import MAX_BYTES
from pledge.runtime.auth.session import form_token
from pledge.runtime.config.settings import ServiceSettings, SettingsError, load_settings
from support.tokens import START, Signer
from support.webapp import WebApp

ISSUER = "https://login.example/realms/staff"
GRANTS = {"agents": ["demo:agent"], "operators": ["*:admin"], "many": ["demo:reader"]}
SETTINGS: dict[str, Any] = {
    "oidc_issuer": ISSUER,
    "oidc_client_id": "pledge",
    "oidc_client_secret": "s p:ecret",
    "oidc_grants": GRANTS,
    "session_key": "thirty-two characters for sessions",
}
router = APIRouter()
Reader = Annotated[Principal, Depends(require("reader"))]


@router.get("/")
async def start(principal: Reader) -> dict[str, Any]:
    desks = None if principal.desks is None else sorted(principal.desks)
    return {"subject": principal.subject, "desks": desks, "roles": sorted(principal.roles)}


@router.get("/code")
async def code(request: Request, principal: Reader) -> str | None:
    return form_token(request)


class Fake:
    """A provider whose every answer can be changed."""

    def __init__(self) -> None:
        self.signer = Signer(algorithm="RS256")
        self.nonce = ""
        self.claims: dict[str, Any] = {}
        self.without: tuple[str, ...] = ()
        self.metadata: dict[str, Any] = {}
        self.userinfo: httpx.Response | None = None
        self.token: Callable[[], httpx.Response] | None = None
        self.is_away = False
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.is_away:
            raise httpx.ConnectError("refused", request=request)
        match request.url.path.rpartition("/")[2]:
            case "openid-configuration":
                return httpx.Response(200, json=self._discovery())
            case "keys":
                return httpx.Response(200, json={"keys": [self.signer.jwk]})
            case "token":
                return self.token() if self.token else httpx.Response(200, json=self.tokens())
            case "userinfo" if self.userinfo is not None:
                return self.userinfo
        return httpx.Response(404)

    def _discovery(self) -> dict[str, Any]:
        told = {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/keys",
            "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
        }
        return {name: value for name, value in (told | self.metadata).items() if value is not None}

    def tokens(self, **claims: Any) -> dict[str, Any]:
        told = {
            "iss": ISSUER,
            "aud": "pledge",
            "nonce": self.nonce,
            "email": "ann@x.example",
            "groups": ["agents"],
        }
        without = ("desks", "roles", "jti", *self.without)
        id_token = self.signer.token(START, without, **(told | self.claims | claims))
        return {"id_token": id_token, "access_token": "opaque", "token_type": "Bearer"}


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def web(tmp_path: Path, fake: Fake) -> WebApp:
    return a_web(tmp_path, fake)


def a_web(folder: Path, fake: Fake, **settings: Any) -> WebApp:
    return WebApp(folder, router, transport=httpx.MockTransport(fake), **(SETTINGS | settings))


async def begin(browser: httpx.AsyncClient, fake: Fake, target: str = "/") -> dict[str, str]:
    answer = await browser.get("/sign-in/start", params={"next": target})
    assert answer.status_code == 303, answer.text
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    fake.nonce = query["nonce"][0]
    return {name: values[0] for name, values in query.items()}


async def finish(browser: httpx.AsyncClient, fake: Fake, **answer: str) -> httpx.Response:
    sent = await begin(browser, fake)
    told = {"state": sent["state"], "code": "c", **answer}
    return await browser.get("/sign-in/callback", params=told)


async def test_request_says_who_we_are_and_where_to_come_back_to(web: WebApp, fake: Fake) -> None:
    async with web.browser() as browser:
        sent = await begin(browser, fake)
        other = await begin(browser, fake)
        await finish(browser, fake)
    assert sent["tenant"] == "1"
    assert sent["response_type"] == "code"
    assert sent["client_id"] == "pledge"
    assert sent["redirect_uri"] == "http://sla.example/sign-in/callback"
    assert sent["scope"] == "openid email profile"
    assert sent["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(sent[name]) >= 43
        assert sent[name] != other[name]
    asked = next(each for each in fake.asked if each.url.path.endswith("/token"))
    # RFC 6749 §2.3.1: encoded as in a form, then joined.
    assert asked.headers["authorization"] == "Basic cGxlZGdlOnMrcCUzQWVjcmV0"
    form = parse_qs(asked.content.decode())
    assert form["grant_type"] == ["authorization_code"]
    assert form["redirect_uri"] == ["http://sla.example/sign-in/callback"]
    assert "client_secret" not in form


async def test_secret_is_sent_as_the_provider_wants_it(web: WebApp, fake: Fake) -> None:
    fake.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 200
    asked = next(each for each in fake.asked if each.url.path.endswith("/token"))
    assert parse_qs(asked.content.decode())["client_secret"] == ["s p:ecret"]
    assert "authorization" not in asked.headers


async def test_public_client_sends_no_secret(tmp_path: Path, fake: Fake) -> None:
    web = a_web(tmp_path, fake, oidc_client_secret=None)
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 200
    asked = next(each for each in fake.asked if each.url.path.endswith("/token"))
    assert parse_qs(asked.content.decode())["client_id"] == ["pledge"]
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("groups", "desks", "roles"),
    [
        (["agents"], ["demo"], ["agent"]),
        ("agents", ["demo"], ["agent"]),
        (["operators", "agents", 7, None, "unknown"], None, ["admin", "agent"]),
    ],
)
async def test_groups_become_roles_on_desks(
    web: WebApp, fake: Fake, groups: Any, desks: Any, roles: list[str]
) -> None:
    fake.claims = {"groups": groups, "email": "Ann@X.example"}
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 200
        told = (await browser.get("/")).json()
    assert told == {"subject": "ann@x.example", "desks": desks, "roles": roles}


async def test_claims_are_found_by_name_or_by_path(tmp_path: Path, fake: Fake) -> None:
    web = a_web(
        tmp_path,
        fake,
        oidc_groups_claim="realm_access.roles",
        oidc_subject_claim="https://x.example/name",
    )
    fake.claims = {"realm_access": {"roles": ["agents"]}, "https://x.example/name": "Ann A."}
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 200
        assert (await browser.get("/")).json()["subject"] == "Ann A."


@pytest.mark.parametrize(
    "claims",
    [
        {"groups": []},
        {"groups": {"agents": True}},
        {"groups": ["staff"]},
        {"email": ""},
        {"email": ["ann@x.example"]},
        {"email": "a\r\nb"},
        {"email": "a" * 201},
        {"email_verified": False},
    ],
)
async def test_person_without_a_usable_claim_gets_no_session(
    web: WebApp, fake: Fake, claims: dict[str, Any]
) -> None:
    fake.claims = claims
    async with web.browser() as browser:
        answer = await finish(browser, fake)
        assert answer.status_code == 403
        assert "pledge_session" not in browser.cookies


@pytest.mark.parametrize(
    ("claims", "without"),
    [
        ({"nonce": "other"}, ()),
        ({"nonce": 7}, ()),
        ({}, ("nonce",)),
        ({}, ("iat",)),
        ({"aud": "other"}, ()),
        ({"aud": ["pledge", "other"]}, ()),
        ({"aud": ["pledge", "other"], "azp": "other"}, ()),
        ({"azp": "other"}, ()),
        ({"iss": "https://other.example"}, ()),
        ({"exp": int((START - timedelta(minutes=1)).timestamp())}, ()),
        ({"iat": int((START + timedelta(minutes=1)).timestamp())}, ()),
    ],
)
async def test_id_token_for_anything_else_opens_nothing(
    web: WebApp, fake: Fake, claims: dict[str, Any], without: tuple[str, ...]
) -> None:
    fake.claims, fake.without = claims, without
    async with web.browser() as browser:
        answer = await finish(browser, fake)
        assert answer.status_code == 502
        assert "pledge_session" not in browser.cookies


async def test_id_token_for_several_that_names_us_is_ours(web: WebApp, fake: Fake) -> None:
    fake.claims = {"aud": ["pledge", "other"], "azp": "pledge"}
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 200


async def test_id_token_signed_by_a_stranger_opens_nothing(web: WebApp, fake: Fake) -> None:
    stranger = Signer(algorithm="RS256")
    fake.token = lambda: httpx.Response(
        200, json=fake.tokens() | {"id_token": stranger.token(nonce=fake.nonce, iss=ISSUER)}
    )
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 502


async def test_answer_of_another_provider_is_refused(web: WebApp, fake: Fake) -> None:
    async with web.browser() as browser:
        assert (await finish(browser, fake, iss="https://other.example")).status_code == 502
        assert not any(each.url.path.endswith("/token") for each in fake.asked)
        assert (await finish(browser, fake, iss=ISSUER)).status_code == 200


async def test_provider_that_always_says_who_it_is_must_do_so(web: WebApp, fake: Fake) -> None:
    fake.metadata["authorization_response_iss_parameter_supported"] = True
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 502


async def test_refusal_of_the_provider_is_told_without_its_words(web: WebApp, fake: Fake) -> None:
    async with web.browser() as browser:
        told = {"error": "access_denied", "error_description": "Call 555 to unlock"}
        answer = await finish(browser, fake, **told)
    assert answer.status_code == 403
    assert "555" not in answer.text
    assert "Try again" in answer.text


async def test_provider_away_is_no_fault_of_the_persons(web: WebApp, fake: Fake) -> None:
    fake.is_away = True
    async with web.browser() as browser:
        answer = await browser.get("/sign-in/start")
        assert answer.status_code == 503
        assert "Nothing is wrong with your account" in answer.text
        asked = len(fake.asked)
        await browser.get("/sign-in/start")
        assert len(fake.asked) == asked
        fake.is_away = False
        web.clock.advance_to(START + timedelta(seconds=31))
        await begin(browser, fake)


@pytest.mark.parametrize(
    "token",
    [
        httpx.Response(500, json={"error": "server_error"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=["x"]),
        httpx.Response(200, json={"access_token": "x"}),
        httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
        httpx.Response(200, content=b" " * (MAX_BYTES + 1)),
        httpx.Response(200, content=b"[" * 100_000),
    ],
)
async def test_unusable_answer_of_the_token_endpoint(
    web: WebApp, fake: Fake, token: httpx.Response
) -> None:
    fake.token = lambda: token
    async with web.browser() as browser:
        answer = await finish(browser, fake)
        assert answer.status_code == 503
        assert "pledge_session" not in browser.cookies
    assert all(each.url.host == "login.example" for each in fake.asked)


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize("value", [None, 7, "http://login.example/x", "javascript:alert(1)", "/x"])
async def test_provider_without_a_safe_address_is_not_used(
    web: WebApp, fake: Fake, endpoint: str, value: Any
) -> None:
    fake.metadata[endpoint] = value
    async with web.browser() as browser:
        answer = await browser.get("/sign-in/start")
        if endpoint == "token_endpoint":
            answer = await finish(browser, fake)
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("userinfo", "status"),
    [
        (httpx.Response(200, json={"sub": "ann", "groups": ["agents"]}), 200),
        (httpx.Response(200, json={"sub": "eve", "groups": ["operators"]}), 503),
        (httpx.Response(200, json={"groups": ["operators"]}), 503),
        (httpx.Response(200, content=b"eyJ.eyJ.x"), 503),
        (httpx.Response(401, json={}), 503),
    ],
)
async def test_what_the_id_token_leaves_out_is_asked_for(
    web: WebApp, fake: Fake, userinfo: httpx.Response, status: int
) -> None:
    fake.without, fake.userinfo = ("groups",), userinfo
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == status
    asked = fake.asked[-1]
    assert asked.headers["authorization"] == "Bearer opaque"


async def test_provider_without_userinfo_says_all_it_knows(web: WebApp, fake: Fake) -> None:
    fake.without, fake.metadata = ("groups",), {"userinfo_endpoint": None}
    async with web.browser() as browser:
        assert (await finish(browser, fake)).status_code == 403


async def test_roles_on_more_desks_than_a_cookie_holds_are_told(tmp_path: Path, fake: Fake) -> None:
    many = [f"desk-{'x' * 40}-{n}:reader" for n in range(100)]
    web = a_web(tmp_path, fake, oidc_grants={"agents": many})
    async with web.browser() as browser:
        answer = await finish(browser, fake)
    assert answer.status_code == 403
    assert "more desks than a session holds" in answer.text


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/board?q=a&b='c", "/board?q=a&amp;b=&#39;c"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/" + "x" * 800, "/"),
        ("/" + "ü" * 390, "/" + "ü" * 390),
    ],
)
async def test_sign_in_leads_nowhere_but_to_our_pages(
    web: WebApp, fake: Fake, target: str, path: str
) -> None:
    async with web.browser() as browser:
        sent = await begin(browser, fake, target)
        (cookie,) = [value for name, value in browser.cookies.items() if "pledge_sign_in" in name]
        assert len(cookie) < 4000
        told = {"state": sent["state"], "code": "c"}
        answer = await browser.get("/sign-in/callback", params=told)
    assert f'content="0; url={path}"' in answer.text


async def test_page_for_signing_in_leads_nowhere_else_either(web: WebApp) -> None:
    async with web.browser() as browser:
        page = await browser.get("/sign-in", params={"next": '//evil.example/"><script>'})
    assert "evil" not in page.text


async def test_signing_out_where_the_provider_has_no_way_out(web: WebApp, fake: Fake) -> None:
    async with web.browser() as browser:
        await finish(browser, fake)
        code = (await browser.get("/code")).json()
        answer = await browser.post("/sign-out", data={"csrf_token": code})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"
    assert 'pledge_session=""' in str(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("state", ["", "x", "%00", "é" * 20, "a;b=c", "A" * 5000])
async def test_strange_answers_are_refused(web: WebApp, fake: Fake, state: str) -> None:
    async with web.browser() as browser:
        await begin(browser, fake)
        answer = await browser.get("/sign-in/callback", params={"state": state, "code": "c"})
        assert answer.status_code == 400
        assert (await browser.get("/sign-in/callback")).status_code == 400
    assert not any(each.url.path.endswith("/token") for each in fake.asked)


async def test_session_ends(web: WebApp, fake: Fake) -> None:
    async with web.browser() as browser:
        await finish(browser, fake)
        session = browser.cookies["pledge_session"]
        assert (await browser.get("/")).status_code == 200
        web.clock.advance_to(START + timedelta(hours=8, seconds=31))
        browser.cookies.set("pledge_session", session, domain="sla.example", path="/")
        assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize("change", ["attempt", "other key", "cut", "long"])
async def test_forged_session_is_refused(
    tmp_path: Path, web: WebApp, fake: Fake, change: str
) -> None:
    async with web.browser() as browser:
        await begin(browser, fake)
        (attempt,) = [value for name, value in browser.cookies.items() if "sign_in" in name]
        await finish(browser, fake)
        session = browser.cookies["pledge_session"]
        forged = {"attempt": attempt, "cut": session[:-2], "long": "x" * 4000}.get(change)
        if change == "other key":
            folder = tmp_path / "other"
            folder.mkdir()
            other = a_web(folder, fake, session_key="thirty-two other characters here!!")
            async with other.browser() as elsewhere:
                await finish(elsewhere, fake)
                forged = elsewhere.cookies["pledge_session"]
        browser.cookies.clear()
        browser.cookies.set("pledge_session", str(forged), domain="sla.example", path="/")
        assert (await browser.get("/", headers={"accept": "application/json"})).status_code == 401


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"oidc_client_id": None}, "PLEDGE_OIDC_CLIENT_ID is not set"),
        ({"oidc_grants": {}}, "PLEDGE_OIDC_GRANTS is not set"),
        ({"session_key": None}, "PLEDGE_SESSION_KEY is not set"),
        ({"session_key": "short"}, "at least 32"),
        ({"oidc_grants": {"agents": ["demo:boss"]}}, "which is not desk:role"),
        ({"oidc_grants": {"agents": ["agent"]}}, "which is not desk:role"),
        ({"oidc_scopes": "profile"}, "String should match"),
        ({"public_url": None}, "PLEDGE_SLA_PUBLIC_URL: is not set"),
        ({"oidc_issuer": "http://login.example"}, "by https only"),
    ],
)
def test_settings_that_nobody_could_sign_in_with_are_told(
    tmp_path: Path, fake: Fake, settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises((ValueError, SettingsError), match=problem):
        a_web(tmp_path, fake, **settings)


def test_roles_are_held_where_they_were_granted() -> None:
    grants = (("agent", frozenset({"a"})), ("reader", frozenset({"b"})), ("admin", frozenset("c")))
    roles = frozenset(role for role, _ in grants)
    principal = Principal("ann", frozenset("abc"), roles, START, "t", grants)
    assert desks_of(principal.narrowed("agent")) == ["a", "c"]
    assert desks_of(principal.narrowed("reader")) == ["a", "b", "c"]
    assert desks_of(principal.narrowed("agent").narrowed("admin")) == ["c"]
    assert not principal.may("b", "agent")
    assert principal.may("b")
    assert principal.may("c", "gateway", "publisher")
    everywhere = Principal("ann", None, roles, START, "t", (*grants, ("agent", None)))
    assert everywhere.narrowed("agent").desks is None
    assert desks_of(everywhere.narrowed("admin")) == ["c"]


def desks_of(principal: Principal) -> list[str]:
    return sorted(principal.desks or ())


def test_secret_that_is_too_short_is_not_shown() -> None:
    environment = {"PLEDGE_SESSION_KEY": "too short to show"}
    with pytest.raises(SettingsError) as caught:
        load_settings(ServiceSettings, environment)
    assert "PLEDGE_SESSION_KEY" in str(caught.value)
    assert "too short to show" not in str(caught.value)
