from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import asyncpg
import pytest
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.http.app import FieldProblem, HttpProblem
from support.webapp import WebApp


class Line(BaseModel):
    text: str = Field(max_length=5)


class Order(BaseModel):
    number: int
    lines: list[Line]


router = APIRouter()


@router.get("/tickets/{ticket}")
async def ticket(
    ticket: int, principal: Annotated[Principal, Depends(require("reader"))]
) -> dict[str, object]:
    if not principal.may("demo"):
        raise HttpProblem(404, "there is no such ticket")
    return {"ticket": ticket, "subject": principal.subject}


@router.post("/orders")
async def order(
    order: Order, principal: Annotated[Principal, Depends(require("agent"))]
) -> dict[str, int]:
    return {"number": order.number}


@router.post("/uploads")
async def upload(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


@router.post("/forms")
async def form(
    name: Annotated[str, Form()], principal: Annotated[Principal, Depends(require("agent"))]
) -> dict[str, str]:
    return {"name": name}


@router.get("/fails")
async def fails() -> None:
    raise RuntimeError("the password is hunter2")


@router.get("/database/{state}")
async def database(state: str) -> None:
    if state == "away":
        raise asyncpg.CannotConnectNowError("the database system is shutting down")
    raise asyncpg.CharacterNotInRepertoireError("invalid byte sequence for encoding UTF8: 0x00")


@router.get("/fails-late")
async def fails_late() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"some"
        raise RuntimeError("late")

    return StreamingResponse(parts())


@router.get("/conflict")
async def conflict() -> None:
    raise HttpProblem(
        409,
        "the ticket was closed meanwhile",
        title="Closed",
        type="https://pledge.example/problems/closed",
        errors=[FieldProblem("ticket", "is closed")],
    )


@router.get("/teapot")
async def teapot() -> None:
    raise HTTPException(418)


@router.get("/own-headers")
async def own_headers() -> Response:
    return Response("x", headers={"cache-control": "public, max-age=60"})


@router.get("/page")
async def page(limit: Annotated[int, Query(le=10)] = 1) -> int:
    return limit


@pytest.fixture
def web(tmp_path: Path) -> WebApp:
    return WebApp(tmp_path, router, body_limits={"/uploads": 50_000, "/uploads/small": 10})


async def test_answer_carries_request_id_and_security_headers(web: WebApp) -> None:
    async with web.client(token=web.signer.token()) as client:
        answer = await client.get("/tickets/7")
    assert answer.json() == {"ticket": 7, "subject": "ann"}
    assert answer.headers["x-request-id"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


async def test_service_with_https_address_asks_browsers_to_keep_to_it(tmp_path: Path) -> None:
    secure = WebApp(tmp_path, router, public_url="https://sla.example")
    async with secure.client() as client:
        answer = await client.get("/livez")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_own_cache_header_is_kept(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/own-headers")
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abc-123-XYZ", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)],
)
async def test_request_id_of_the_caller_is_kept_if_it_is_one(
    web: WebApp, given: str, kept: bool
) -> None:
    async with web.client() as client:
        answer = await client.get("/livez", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) is kept


async def test_missing_token_is_a_401_problem_with_a_challenge(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/tickets/7")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="pledge"'
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "sign in, or send a bearer token",
        "request_id": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer  ", "token"])
async def test_other_schemes_of_authorization_are_refused(web: WebApp, header: str) -> None:
    async with web.client() as client:
        answer = await client.get("/tickets/7", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the Authorization header must be: Bearer <token>"


async def test_missing_role_is_a_403_that_names_it(web: WebApp) -> None:
    async with web.client(token=web.signer.token(roles=["reader"])) as client:
        answer = await client.post("/orders", json={"number": 1, "lines": []})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "this needs the role agent"


async def test_ticket_of_another_desk_looks_like_none(web: WebApp) -> None:
    async with web.client(token=web.signer.token(desks=["vircom"])) as client:
        answer = await client.get("/tickets/7")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no such ticket"


async def test_keys_that_cannot_be_read_are_an_outage_not_a_wrong_token(tmp_path: Path) -> None:
    web = WebApp(tmp_path, router)
    (tmp_path / "jwks.json").unlink()
    async with web.client(token=web.signer.token()) as client:
        answer = await client.get("/tickets/7")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert str(tmp_path) not in answer.text


async def test_each_wrong_field_is_named_in_words(web: WebApp) -> None:
    body = {"number": "x", "lines": [{"text": "ok"}, {"text": "too long"}, {}]}
    async with web.client(token=web.signer.token()) as client:
        answer = await client.post("/orders", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "field": "body.number",
            "detail": "should be a valid integer, unable to parse string as an integer",
        },
        {"field": "body.lines[1].text", "detail": "string should have at most 5 characters"},
        {"field": "body.lines[2].text", "detail": "is missing"},
    ]
    assert answer.json()["detail"].startswith("body.number should be a valid integer")


async def test_hundreds_of_wrong_fields_are_not_all_listed(web: WebApp) -> None:
    body = {"number": 1, "lines": [{}] * 500}
    async with web.client(token=web.signer.token()) as client:
        answer = await client.post("/orders", json=body)
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("; and 497 more")


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"number": }', b"[" * 5000])
async def test_body_that_is_no_json_is_a_400(web: WebApp, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    async with web.client(token=web.signer.token()) as client:
        answer = await client.post("/orders", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "body" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nothing", 404, "there is nothing here by that name"),
        ("GET", "/static/../settings.py", 404, "there is nothing here by that name"),
        ("GET", "/static/pledge.000000000000.css", 404, "there is nothing here by that name"),
        ("DELETE", "/orders", 405, "this can't be done here"),
        ("GET", "/teapot", 418, "I'm a Teapot"),
        ("GET", "/page?limit=11", 422, "query.limit should be less than or equal to 10"),
        ("GET", "/docs", 404, "there is nothing here by that name"),
    ],
)
async def test_every_error_is_a_problem(
    web: WebApp, method: str, path: str, status: int, detail: str
) -> None:
    async with web.client() as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == detail


async def test_405_says_what_is_allowed(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.delete("/orders")
    assert answer.headers["allow"] == "POST"


async def test_problem_of_a_service_keeps_its_type_and_fields(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/conflict")
    told = answer.json()
    del told["request_id"]
    assert told == {
        "type": "https://pledge.example/problems/closed",
        "title": "Closed",
        "status": 409,
        "detail": "the ticket was closed meanwhile",
        "errors": [{"field": "ticket", "detail": "is closed"}],
    }


async def test_failure_tells_a_stranger_nothing_but_the_request_id(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/fails")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_database_that_is_away_is_an_outage_to_wait_for(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/database/away")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "shutting down" not in answer.text


@pytest.mark.parametrize("path", ["/tickets/%00", "/page?limit=1%00", "/page?q=%00", "/database/x"])
async def test_nul_which_no_text_of_the_database_holds_is_the_requests_fault(
    web: WebApp, path: str
) -> None:
    async with web.client(token=web.signer.token()) as client:
        answer = await client.get(path)
    assert answer.status_code in (400, 422)
    assert "NUL" in answer.json()["detail"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_failure_is_a_page_for_a_browser(web: WebApp) -> None:
    async with web.browser() as browser:
        answer = await browser.get("/fails")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-request-id"] in answer.text
    assert "hunter2" not in answer.text


async def test_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(web: WebApp) -> None:
    async with web.client() as client:
        fits = await client.post("/uploads", content=b"x" * 50_000)
        exceeds = await client.post("/uploads", content=b"x" * 50_001)
    assert fits.json() == {"size": 50_000}
    assert exceeds.status_code == 413
    assert exceeds.json()["detail"] == (
        "the body is larger than the 50,000 bytes that are accepted here"
    )


async def test_body_without_a_declared_length_is_bounded_as_it_comes(web: WebApp) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000

    async with web.client(token=web.signer.token()) as client:
        raw = await client.post("/uploads", content=endless())
        parsed = await client.post(
            "/orders", content=endless(), headers={"content-type": "application/json"}
        )
        fields = await client.post(
            "/forms",
            content=endless(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert [raw.status_code, parsed.status_code, fields.status_code] == [413, 413, 413]


async def test_absurd_content_length_is_no_crash(web: WebApp) -> None:
    for length in ("9" * 6000, "²", "-1", "1e9"):
        async with web.client() as client:
            request = client.build_request("POST", "/uploads", content=b"x")
            request.headers.raw[:] = [
                (name, length.encode("latin-1") if name.lower() == b"content-length" else value)
                for name, value in request.headers.raw
            ]
            answer = await client.send(request)
        assert answer.status_code in (200, 413)


async def test_requests_are_counted_by_route_not_by_path(web: WebApp) -> None:
    async with web.client(token=web.signer.token()) as client:
        await client.get("/tickets/1")
        await client.get("/tickets/2")
        await client.get("/nothing/3")
        text = (await client.get("/metrics")).text
    ticket = {"service": "sla", "method": "GET", "route": "/tickets/{ticket}", "status": "200"}
    assert web.sample("pledge_http_request_seconds_count", ticket) == 2
    assert 'route="(none)",service="sla",status="404"' in text
    assert "/nothing/3" not in text


async def test_live_until_a_component_is_silent_for_longer_than_its_bound(web: WebApp) -> None:
    step = web.health.watch("consumer", timedelta(seconds=10))
    async with web.client() as client:
        web.clock.advance_to(web.clock.now() + timedelta(seconds=10))
        assert (await client.get("/livez")).status_code == 200
        web.clock.advance_to(web.clock.now() + timedelta(seconds=1))
        failing = await client.get("/livez")
        step()
        assert (await client.get("/livez")).status_code == 200
    assert failing.status_code == 503
    assert failing.json() == {
        "service": "sla",
        "status": "failing",
        "checks": [
            {"name": "consumer", "ok": False, "reason": "no progress for 11 s, allowed 10 s"}
        ],
    }


async def test_component_that_was_stopped_on_purpose_is_not_missed(web: WebApp) -> None:
    web.health.watch("relay", timedelta(seconds=10))
    web.health.forget("relay")
    web.clock.advance_to(web.clock.now() + timedelta(hours=1))
    async with web.client() as client:
        assert (await client.get("/livez")).status_code == 200


async def test_ready_only_when_started_and_all_checks_are_well(web: WebApp) -> None:
    faults: list[str | None] = [None]

    async def database() -> str | None:
        return faults[0]

    def partitions() -> str | None:
        raise ConnectionError("broker away")

    web.health.require("database", database)
    async with web.client() as client:
        assert (await client.get("/startupz")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        web.health.started()
        assert (await client.get("/startupz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        faults[0] = "the pool is exhausted"
        web.health.require("partitions", partitions)
        failing = await client.get("/readyz")
    assert failing.status_code == 503
    assert failing.json()["checks"] == [
        {"name": "started", "ok": True},
        {"name": "database", "ok": False, "reason": "the pool is exhausted"},
        {"name": "partitions", "ok": False, "reason": "broker away"},
    ]


async def test_probes_do_not_tell_secrets(web: WebApp) -> None:
    web.health.started()
    web.health.require("database", lambda: "can't reach postgresql://sla:hunter2@db/sla")
    async with web.client() as client:
        text = (await client.get("/readyz")).text
    assert "hunter2" not in text
    assert "db/sla" in text


async def test_error_answers_are_described_in_openapi(web: WebApp) -> None:
    async with web.client() as client:
        document = json.loads((await client.get("/openapi.json")).text)
    responses = document["paths"]["/orders"]["post"]["responses"]
    assert list(responses["422"]["content"]) == ["application/problem+json"]
    assert "ProblemDetails" in document["components"]["schemas"]
    assert "/livez" not in document["paths"]


async def test_answer_that_fails_half_way_is_cut_off_not_mended(web: WebApp) -> None:
    async with web.client() as client:
        answer = await client.get("/fails-late")
    assert answer.status_code == 200
    assert answer.text == "some"
