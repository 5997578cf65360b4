"""Signing in with a token and out again, the same in every service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from pledge.runtime.auth.access import Access, CannotCheck, Denied
from pledge.runtime.auth.session import check_form, close_session, local_path, open_session
from pledge.runtime.clock import Clock
from pledge.runtime.http.web.pages import Web

SEE_OTHER = 303


def sign_in_router(web: Web, clock: Clock) -> APIRouter:
    """The routes /sign-in and /sign-out."""
    router = APIRouter()

    @router.get("/sign-in")
    async def show(request: Request, next: Annotated[str, Query()] = "/") -> Response:  # noqa: A002 - its name in the address
        return web.page(request, "sign_in.html", next=local_path(next), reason=None)

    @router.post("/sign-in")
    async def sign_in(
        request: Request,
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002 - its name in the form
    ) -> Response:
        await check_form(request)
        access: Access = request.app.state.access
        pasted = "".join(token.split()).removeprefix("Bearer")
        try:
            principal = await access.authenticate(pasted)
        except CannotCheck:
            raise  # not the token's fault: answered as an outage
        except Denied as error:
            context = {"next": local_path(next), "reason": error.reason}
            return web.page(request, "sign_in.html", status=401, **context)
        response = RedirectResponse(local_path(next), status_code=SEE_OTHER)
        lasts = principal.expires_at - clock.now()
        open_session(response, pasted, lasts=lasts, is_secure=web.is_secure)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        await check_form(request)
        response = RedirectResponse("/sign-in", status_code=SEE_OTHER)
        close_session(response, is_secure=web.is_secure)
        return response

    return router
