"""Errors as RFC 9457 problems, as JSON for programs or as a page for a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pledge.runtime.auth.access import CannotCheck, Denied, Forbidden
from pledge.runtime.auth.session import FormRefused, close_session, session_token
from pledge.runtime.config.error_messages import in_words
from pledge.runtime.observability import logs

log = logs.get(__name__)

CONTENT_TYPE = "application/problem+json"
# More of them add nothing.
MOST_FIELDS = 20

_DETAILS = {
    404: "there is nothing here by that name",
    405: "this can't be done here",
    406: "this can't be given in the form that was asked for",
}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value of a request; `field` is its path, like `body.lines[2].text`."""

    field: str
    detail: str


class HttpProblem(Exception):
    """Raise it anywhere in answering a request to answer with this problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str | None = None,
        type: str = "about:blank",  # noqa: A002 - the standard's name for it
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.type = type
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(f"{status}: {detail}")


class ProblemDetails(BaseModel):
    """The body of every error answer (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = Field(None, description="the id to look for in the logs")
    errors: list[dict[Literal["field", "detail"], str]] | None = None


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status in (400, 401, 403, 404, 413, 422, 500)
}


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    app.add_exception_handler(HttpProblem, _http_problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Denied, _denied)
    app.add_exception_handler(Forbidden, _forbidden)
    app.add_exception_handler(FormRefused, _forbidden)


def answer(request: Request, problem: HttpProblem) -> Response:
    """The response for `problem`: a page for a browser that looks at one, else the JSON."""
    if wants_page(request):
        return _page(request, problem)
    body: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if request_id := getattr(request.state, "request_id", None):
        body["request_id"] = request_id
    if problem.errors:
        body["errors"] = [{"field": one.field, "detail": one.detail} for one in problem.errors]
    return JSONResponse(
        body, status_code=problem.status, headers=problem.headers, media_type=CONTENT_TYPE
    )


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, and would show a page."""
    return "text/html" in request.headers.get("accept", "") and hasattr(request.app.state, "web")


def _page(request: Request, problem: HttpProblem) -> Response:
    web = request.app.state.web
    template, values = web.problem_page(request, problem) or ("problem.html", {})
    response: Response = web.page(
        request, template, status=problem.status, problem=problem, **values
    )
    response.headers.update(problem.headers)
    return response


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpProblem)
    return answer(request, error)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    if status < 400 or status in (204, 304):
        return Response(status_code=status, headers=dict(error.headers or {}))
    given = str(error.detail) if error.detail else phrase
    detail = _DETAILS.get(status, given) if given == phrase else given
    problem = HttpProblem(status, detail, title=phrase, headers=error.headers)
    return answer(request, problem)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = list(error.errors())
    fields = [
        FieldProblem(_field_path(detail["loc"]), in_words(detail))
        for detail in details[:MOST_FIELDS]
    ]
    if any(detail["type"] == "json_invalid" for detail in details):
        why = str(details[0].get("ctx", {}).get("error", "it can't be parsed"))
        return answer(request, HttpProblem(400, f"the body is not valid JSON: {why}"))
    summary = "; ".join(f"{one.field} {one.detail}" for one in fields[:3])
    more = f"; and {len(details) - 3} more" if len(details) > 3 else ""
    return answer(request, HttpProblem(422, f"{summary}{more}", errors=fields))


async def _denied(request: Request, error: Exception) -> Response:
    if isinstance(error, CannotCheck):
        log.error("token_verification_unavailable", reason=error.reason)
        detail = "token verification is unavailable at the moment; try again soon"
        return answer(request, HttpProblem(503, detail, headers={"retry-after": "10"}))
    assert isinstance(error, Denied)
    is_browsing = request.method in ("GET", "HEAD") and wants_page(request)
    if is_browsing and "authorization" not in request.headers:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if _came_by_a_link(request):
            again: Response = request.app.state.web.page(request, "again.html", target=target)
            return again
        response = RedirectResponse(f"/sign-in?next={quote(target, safe='')}", status_code=303)
        if session_token(request):
            close_session(response, is_secure=request.app.state.web.is_secure)
        return response
    challenge = {"www-authenticate": 'Bearer realm="pledge"'}
    return answer(request, HttpProblem(401, error.reason, headers=challenge))


def _came_by_a_link(request: Request) -> bool:
    """Whether a link in a mail or on another site led here.

    Browsers keep a SameSite=Strict cookie back then, so a person who is signed in would be asked to
    sign in. A page that loads itself again is a request of our own site, with the cookie.
    """
    asked = request.headers
    is_foreign = asked.get("sec-fetch-site") == "cross-site"
    return is_foreign and asked.get("sec-fetch-mode") == "navigate" and not session_token(request)


async def _forbidden(request: Request, error: Exception) -> Response:
    return answer(request, HttpProblem(403, str(error)))


def _field_path(location: Sequence[str | int]) -> str:
    path = ""
    # A part of the address stands there for all to see: it needs no word for its kind.
    for step in location[1:] if location[0] == "path" else location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path
