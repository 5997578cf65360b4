"""How `pledge sla …` asks the running service, and reads a desk's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import ask
from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file.read import SlaFile, load_file
from sla.domain.policy.policy import Policy


def get(path: str, asked: dict[str, Any] | None = None) -> httpx.Response:
    """Ask the running service. Raises CommandError with what it says is wrong."""
    return ask("sla", "GET", path, params=asked, headers={"accept": "*/*"})


def load_desk_file(folder: Path) -> SlaFile:
    """The file in a desk's folder. Raises CommandError with every problem of it."""
    return _load(folder / "sla.yaml")


def load_policy(folder: Path) -> Policy:
    """The policy of a desk's folder. Raises CommandError with every problem of the file."""
    return _load(folder / "sla.yaml").policy


def load_policy_file(path: Path) -> Policy:
    """The policy in a file, or in a desk's folder. Raises CommandError with every problem of it."""
    return load_policy(path) if path.is_dir() else _load(path).policy


def _load(path: Path) -> SlaFile:
    try:
        return load_file(path)
    except DeskFileError as error:
        raise cli.CommandError(str(error)) from error
