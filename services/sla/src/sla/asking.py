"""How `pledge sla …` asks the running service, and reads a desk's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from pledge.runtime import cli, target
from sla.domain.policy import Policy
from sla.policy import check_desk_file, load

# Most answers take milliseconds; a preview over very many tickets may take a minute.
ANSWER_SECONDS = 120

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def get(path: str, asked: dict[str, Any] | None = None) -> httpx.Response:
    """Ask the running service. Raises CommandError with what it says is wrong."""
    known = {name: value for name, value in (asked or {}).items() if value is not None}
    return _answer("GET", path, params=known)


def post(path: str, text: str) -> httpx.Response:
    """Send text to the running service. Raises CommandError with what it says is wrong."""
    return _answer("POST", path, content=text, content_type="text/plain; charset=utf-8")


def _answer(
    method: str, path: str, *, content_type: str | None = None, **what: Any
) -> httpx.Response:
    url = target.service_url("sla")
    headers = {"authorization": f"Bearer {target.token()}"}
    if content_type is not None:
        headers["content-type"] = content_type
    try:
        answer = httpx.request(method, url + path, headers=headers, timeout=ANSWER_SECONDS, **what)
    except httpx.HTTPError as error:
        raise cli.CommandError(f"the sla service at {url} does not answer: {error}") from error
    if answer.is_error:
        raise cli.CommandError(_problem(answer))
    return answer


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        fields = "".join(f"\n  {e['field']} {e['detail']}" for e in problem.get("errors") or ())
        return f"{problem['detail']}{fields}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.request.url} answered {answer.status_code}"


def load_policy(folder: Path) -> Policy:
    """The policy of a desk's folder. Raises CommandError with every problem of the file."""
    path = folder / "sla.yaml"
    problems = [each for each in check_desk_file(path) if each.severity == "error"]
    if problems:
        raise cli.CommandError("\n".join(str(each) for each in problems))
    return load(path)
