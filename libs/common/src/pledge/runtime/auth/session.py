"""The browser's side of access: the session cookie and the token that forms carry.

The session is the person's own token in an HttpOnly, SameSite=Strict cookie. A form carries a code
that is derived from the session, or, before there is one, from a random cookie: another site can
read neither cookie, so it can't make a form that is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

SESSION_COOKIE = "pledge_session"
FORM_COOKIE = "pledge_form"
FORM_FIELD = "csrf_token"
FORM_HEADER = "x-csrf-token"
# Longer than the longest shift; a token that ends earlier ends the session with it.
LONGEST_SESSION = timedelta(hours=12)


class FormRefused(Exception):
    """A form came without its code: from another site, or from a page of an older session."""


def session_token(request: Request) -> str | None:
    """The token in the session cookie, if there is one."""
    return request.cookies.get(SESSION_COOKIE) or None


def form_token(request: Request) -> str | None:
    """The code for the forms of a page; None before there is any cookie to derive it from."""
    secret = session_token(request) or _form_secret(request)
    if not secret:
        return None
    return hmac.new(secret.encode(), b"pledge form", hashlib.sha256).hexdigest()


async def check_form(request: Request) -> None:
    """Check the code that `request` carries, in its form or in a header. Raises FormRefused."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise FormRefused("forms of other sites are not accepted")
    given: str | UploadFile | None = request.headers.get(FORM_HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given is None and kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        given = (await request.form()).get(FORM_FIELD)
    expected = form_token(request)
    if expected is None or not isinstance(given, str):
        raise FormRefused("the form lacks its code; load the page again")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise FormRefused("the page is from an earlier session; load it again")


def prepare_form(request: Request, secret: str) -> None:
    """Let forms of this answer be derived from `secret`, which `keep_form` sets as a cookie."""
    if not session_token(request) and not request.cookies.get(FORM_COOKIE):
        request.state.form_secret = secret


def keep_form(request: Request, response: Response, *, is_secure: bool) -> None:
    """Set the cookie of `prepare_form`, if this request made one."""
    if secret := getattr(request.state, "form_secret", None):
        _set(response, FORM_COOKIE, secret, is_secure=is_secure, max_age=None)


def open_session(response: Response, token: str, *, lasts: timedelta, is_secure: bool) -> None:
    """Sign the browser in with `token` for `lasts`, at most for LONGEST_SESSION."""
    seconds = int(min(lasts, LONGEST_SESSION).total_seconds())
    _set(response, SESSION_COOKIE, token, is_secure=is_secure, max_age=seconds)


def close_session(response: Response, *, is_secure: bool) -> None:
    """Sign the browser out."""
    for name in (SESSION_COOKIE, FORM_COOKIE):
        response.delete_cookie(name, path="/", secure=is_secure, httponly=True, samesite="strict")


def local_path(target: str | None) -> str:
    """`target` if it is a path on this service, else `/`: never a way to another site."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return "/"
    parts = urlsplit(target)
    is_clean = not parts.scheme and not parts.netloc and target.isprintable()
    return target if is_clean and "\\" not in target else "/"


def _form_secret(request: Request) -> str | None:
    return getattr(request.state, "form_secret", None) or request.cookies.get(FORM_COOKIE)


def _set(
    response: Response, name: str, value: str, *, is_secure: bool, max_age: int | None
) -> None:
    response.set_cookie(
        name, value, max_age=max_age, path="/", secure=is_secure, httponly=True, samesite="strict"
    )
