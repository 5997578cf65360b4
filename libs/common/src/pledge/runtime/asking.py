"""How the services' commands ask a running service, and show its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from pledge.runtime import cli, target

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
    SettingsError when nobody told where it is.
    """
    url = target.service_url(service)
    told = {
        "authorization": f"Bearer {target.token()}",
        "accept": "application/json",
        **(headers or {}),
    }
    known = {name: value for name, value in (params or {}).items() if value is not None}
    transport = httpx.HTTPTransport(retries=CONNECT_RETRIES)
    try:
        with httpx.Client(transport=transport, timeout=ANSWER_SECONDS) as client:
            answer = client.request(method, url + path, params=known, headers=told, **body)
    except httpx.HTTPError as error:
        message = f"the {service} service at {url} does not answer: {error}; is it up?"
        raise cli.CommandError(message) from error
    if answer.is_error:
        raise cli.CommandError(_problem(answer))
    return answer


def show_page(page: Mapping[str, Any], columns: Sequence[str], *, as_json: bool) -> None:
    """Print a list as the API gives it, as a table of `columns` or as JSON."""
    if as_json:
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    table = Table(*columns)
    for item in page["items"]:
        table.add_row(*("" if item[name] is None else str(item[name]) for name in columns))
    cli.console().print(table)
    if page["next"]:
        typer.echo("there are more: raise --limit, or narrow the list down")


def _problem(answer: httpx.Response) -> str:
    """The detail of an RFC 9457 problem and its fields, a line each."""
    try:
        problem = answer.json()
        fields = "".join(f"\n  {e['field']}: {e['detail']}" for e in problem.get("errors") or ())
        return f"{problem['detail']}{fields}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.request.url} answered {answer.status_code}"
