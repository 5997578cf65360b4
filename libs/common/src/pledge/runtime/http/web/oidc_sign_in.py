"""Signing in at a provider and out again, the same in every service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from pledge.runtime.auth.oidc.sign_in import (
    ATTEMPT_LASTS,
    CALLBACK,
    Failure,
    OidcSignIn,
    SignInFailed,
)
from pledge.runtime.auth.session import check_form, close_session, local_path, open_session
from pledge.runtime.http.web.pages import Web

SEE_OTHER = 303
ATTEMPT_COOKIE = "pledge_sign_in_"
ATTEMPT_PATH = "/sign-in"
ID_TOKEN_COOKIE = "pledge_id_token"  # noqa: S105 - its name
SIGN_OUT = "/sign-out"
# A tab each; with more, a browser's request would grow too large.
MOST_ATTEMPTS = 5
# What a browser keeps in a cookie.
LONGEST_COOKIE = 3900
_STATUS = {
    Failure.PROVIDER_AWAY: 503,
    Failure.STATE_LOST: 400,
    Failure.REFUSED: 403,
    Failure.NOT_TRUSTED: 502,
    Failure.NO_ROLE: 403,
}


class OidcPages:
    """The routes /sign-in, /sign-in/start, /sign-in/callback and /sign-out."""

    def __init__(self, web: Web, sign_in: OidcSignIn) -> None:
        self._web, self._sign_in = web, sign_in
        self.router = APIRouter()
        self.router.get("/sign-in")(self.show)
        self.router.get("/sign-in/start")(self.start)
        self.router.get(CALLBACK)(self.callback)
        self.router.post(SIGN_OUT)(self.sign_out)

    async def show(self, request: Request, next: Annotated[str, Query()] = "/") -> Response:  # noqa: A002 - its name in the address
        """The page with the way to the provider."""
        return self._web.page(request, "sign_in_at_provider.html", next=local_path(next))

    async def start(
        self,
        request: Request,
        next: Annotated[str, Query()] = "/",  # noqa: A002 - its name in the address
        another: bool = False,
    ) -> Response:
        """Send the browser to the provider."""
        try:
            attempt = await self._sign_in.begin(next, as_another=another)
        except SignInFailed as error:
            return self._failed(request, error)
        response = RedirectResponse(attempt.url, status_code=SEE_OTHER)
        known = [name for name in request.cookies if name.startswith(ATTEMPT_COOKIE)]
        for name in known[: max(0, len(known) + 1 - MOST_ATTEMPTS)]:
            self._forget(response, name)
        response.set_cookie(
            _cookie_of(attempt.state),
            attempt.cookie,
            max_age=int(ATTEMPT_LASTS.total_seconds()),
            path=ATTEMPT_PATH,
            secure=self._web.is_secure,
            httponly=True,
            # The provider sends the browser back: a strict cookie would stay away.
            samesite="lax",
        )
        return response

    async def callback(self, request: Request) -> Response:
        """Open the session of the person whom the provider sends back."""
        name = _cookie_of(request.query_params.get("state", ""))
        try:
            done = await self._sign_in.finish(request.query_params, request.cookies.get(name))
        except SignInFailed as error:
            response = self._failed(request, error)
        else:
            # A page, not a redirection: the strict cookie is sent with what our own page asks for.
            response = self._web.page(request, "signed_in.html", target=done.target)
            secure = self._web.is_secure
            open_session(response, done.session, lasts=done.lasts, is_secure=secure)
            if len(done.id_token) <= LONGEST_COOKIE:
                response.set_cookie(
                    ID_TOKEN_COOKIE,
                    done.id_token,
                    max_age=int(done.lasts.total_seconds()),
                    path=SIGN_OUT,
                    secure=secure,
                    httponly=True,
                    samesite="strict",
                )
        if name in request.cookies:
            self._forget(response, name)
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session here, and show the way out of the provider."""
        await check_form(request)
        id_token = request.cookies.get(ID_TOKEN_COOKIE)
        url = await self._sign_in.sign_out_url("/sign-in", id_token)
        if url is None:
            response: Response = RedirectResponse("/sign-in", status_code=SEE_OTHER)
        else:
            # A page: what a form leads to must be ours by the content security policy.
            response = self._web.page(request, "signed_out.html", url=url)
        close_session(response, is_secure=self._web.is_secure)
        response.delete_cookie(
            ID_TOKEN_COOKIE,
            path=SIGN_OUT,
            secure=self._web.is_secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _failed(self, request: Request, error: SignInFailed) -> Response:
        return self._web.page(
            request,
            "sign_in_failed.html",
            status=_STATUS[error.failure],
            failure=error.failure.value,
            detail=error.detail,
            next=error.target,
            home=self._sign_in.public_url,
        )

    def _forget(self, response: Response, name: str) -> None:
        response.delete_cookie(
            name, path=ATTEMPT_PATH, secure=self._web.is_secure, httponly=True, samesite="lax"
        )


def _cookie_of(state: str) -> str:
    """One for each attempt, so that two tabs do not lose each other's; never a foreign name."""
    is_ours = state.isascii() and state.replace("-", "").replace("_", "").isalnum()
    return f"{ATTEMPT_COOKIE}{state[:16] if is_ours else ''}"
