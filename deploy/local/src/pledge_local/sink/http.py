"""The sink's pages, its receiver of webhooks, and its API for tests and demos."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from standardwebhooks import Webhook, WebhookVerificationError

from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web
from pledge_local.sink.arrivals import Arrivals
from pledge_local.sink.faults import Fault, Faults
from pledge_local.sink.mail import NO_ANSWER

Secrets = Callable[[], Mapping[str, str]]


def router(arrivals: Arrivals, faults: Faults, secrets: Secrets, web: Web) -> APIRouter:
    """All routes of the sink but those that every service has."""
    routes = APIRouter()
    _add_pages(routes, arrivals, web)
    _add_api(routes, arrivals, faults)
    _add_receiver(routes, arrivals, faults, secrets)
    return routes


def _add_pages(routes: APIRouter, arrivals: Arrivals, web: Web) -> None:
    @routes.get("/", include_in_schema=False)
    async def index(request: Request, follow: bool = False) -> HTMLResponse:
        kept = arrivals.newest_first()[:200]
        return web.page(request, "arrivals.html", arrivals=kept, is_following=follow)

    @routes.get("/arrivals/{number}", include_in_schema=False)
    async def show(request: Request, number: int) -> HTMLResponse:
        arrival = arrivals.find(number)
        if arrival is None:
            raise HttpProblem(404, f"there is no arrival {number}, or it is no longer kept")
        body = json.dumps(arrival.body, indent=2, ensure_ascii=False) if arrival.body else ""
        return web.page(request, "arrival.html", arrival=arrival, body=body)


def _add_api(routes: APIRouter, arrivals: Arrivals, faults: Faults) -> None:
    @routes.get("/messages")
    async def messages(
        since: Annotated[int, Query(ge=0, description="number of the last one seen")] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> dict[str, Any]:
        """What arrived after `since`, oldest first; `next` is the `since` to go on from."""
        found = arrivals.after(since, limit)
        is_full = len(found) == limit
        return {
            "items": [arrival.document() for arrival in found],
            "next": found[-1].number if found and is_full else None,
        }

    @routes.put("/faults/{name}", status_code=204)
    async def set_fault(name: str, fault: Fault) -> Response:
        """Let the next calls of the receiver `name` fail (`smtp`: the next mails)."""
        faults.set(name, fault)
        return Response(status_code=204)


def _add_receiver(routes: APIRouter, arrivals: Arrivals, faults: Faults, secrets: Secrets) -> None:
    @routes.post("/webhooks/{name}")
    async def receive(name: str, request: Request) -> Response:
        """Take a webhook call of the receiver `name`, signed as Standard Webhooks 1.0 says."""
        content = await request.body()
        is_signed = _check(secrets().get(name), content, request.headers)
        body = _parse(content)
        fault = faults.next(name)
        if fault is None or fault.keeps:
            arrivals.add(
                "webhook",
                to=name,
                sender=request.headers.get("user-agent", ""),
                subject=_title(body),
                text=json.dumps(body, indent=2, ensure_ascii=False),
                delivery=request.headers.get("webhook-id", ""),
                headers=dict(request.headers),
                is_signed=is_signed,
                body=body,
            )
        if fault is None:
            return Response(status_code=204)
        clock: Clock = request.app.state.clock
        return await _fail(fault, clock)


async def _fail(fault: Fault, clock: Clock) -> Response:
    if fault.answer == "timeout":
        await clock.sleep(NO_ANSWER)
        return Response(status_code=504)
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return JSONResponse({"detail": "as asked for"}, status_code=fault.answer, headers=wait)


def _check(secret: str | None, content: bytes, headers: Mapping[str, str]) -> bool | None:
    """Whether the signature is right: None without a secret. Raises HttpProblem 401 if wrong."""
    if secret is None:
        return None
    try:
        Webhook(secret).verify(content, {name.lower(): value for name, value in headers.items()})
    except (WebhookVerificationError, ValueError) as error:
        # A body that is signed rightly but is no JSON fails here, too.
        raise HttpProblem(401, f"the signature is not accepted: {error}") from error
    return True


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HttpProblem(400, f"the body is not JSON: {error}") from error


def _title(body: Any) -> str:
    """What a person would want to read first."""
    if not isinstance(body, dict):
        return "webhook"
    inner = body.get("data")
    for part in (body, inner if isinstance(inner, dict) else {}):
        for name in ("summary", "why", "title", "subject", "text"):
            if isinstance(value := part.get(name), str):
                return value[:200]
    return str(body.get("type", "webhook"))
