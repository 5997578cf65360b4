"""How `pledge sla …` asks the running service, and reads a desk's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import ask
from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file.read import load
from sla.domain.policy.policy import Policy


def get(path: str, asked: dict[str, Any] | None = None) -> httpx.Response:
    """Ask the running service. Raises CommandError with what it says is wrong."""
    return ask("sla", "GET", path, params=asked, headers={"accept": "*/*"})


def post(path: str, text: str) -> httpx.Response:
    """Send text to the running service. Raises CommandError with what it says is wrong."""
    headers = {"content-type": "text/plain; charset=utf-8"}
    return ask("sla", "POST", path, headers=headers, content=text)


def load_policy(folder: Path) -> Policy:
    """The policy of a desk's folder. Raises CommandError with every problem of the file."""
    return load_policy_file(folder / "sla.yaml")


def load_policy_file(path: Path) -> Policy:
    """The policy in a file. Raises CommandError with every problem of it."""
    try:
        return load(path)
    except DeskFileError as error:
        raise cli.CommandError(str(error)) from error
