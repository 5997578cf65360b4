"""The HTTP client of the services' commands, and how they print answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from pledge.runtime.cli import endpoints, tables
from pledge.runtime.cli import root as cli

# Most answers take milliseconds; a report over very many tickets may take a minute.
ANSWER_SECONDS = 120
# A connection that can't be made is tried again; a request that was sent never is.
CONNECT_RETRIES = 2

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def ask(
    service: str,
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    **body: Any,
) -> httpx.Response:
    """The running service's answer. `body` is httpx's `json=` or `content=`.

    Raises CommandError with what the service says is wrong, or that it does not answer, and
    SettingsError when its address is not known.
    """
    url = endpoints.service_url(service)
    sent_headers = {
        "authorization": f"Bearer {endpoints.token()}",
        "accept": "application/json",
        **(headers or {}),
    }
    known = {name: value for name, value in (params or {}).items() if value is not None}
    transport = httpx.HTTPTransport(retries=CONNECT_RETRIES)
    try:
        with httpx.Client(transport=transport, timeout=ANSWER_SECONDS) as client:
            answer = client.request(method, url + path, params=known, headers=sent_headers, **body)
    except httpx.HTTPError as error:
        message = f"the {service} service at {url} does not answer: {error}; is it up?"
        raise cli.CommandError(message) from error
    if answer.is_error:
        raise cli.CommandError(_problem(answer))
    return answer


def named(name: str) -> str:
    """`name` as one step of a path, whatever is in it. Raises CommandError for an empty one."""
    if not name.strip():
        raise cli.CommandError("an empty name was given; say which one")
    return quote(name.strip(), safe="")


def show_page(
    page: Mapping[str, Any],
    columns: Sequence[str],
    *,
    as_json: bool,
    nothing: str = "nothing matches",
) -> None:
    """Print a list as the API gives it, as a table of `columns` or as JSON."""
    if as_json:
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    rows = [[item[name] for name in columns] for item in page["items"]]
    tables.show([name.replace("_", " ") for name in columns], rows, nothing=nothing)
    if page["next"]:
        typer.echo("there are more: raise --limit, or narrow the list down", err=True)


def _problem(answer: httpx.Response) -> str:
    """The detail of an RFC 9457 problem, or its fields, a line each, where they say more."""
    try:
        problem = answer.json()
        fields = [f"{each['field']} {each['detail']}" for each in problem.get("errors") or ()]
        detail = problem["detail"]
        return "\n  ".join([detail, *(each for each in fields if each not in detail)])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.request.url} answered {answer.status_code}"
