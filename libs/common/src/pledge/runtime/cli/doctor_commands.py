"""`pledge doctor`: what this installation runs on."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version

import typer

from pledge.runtime import zone_data
from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson


def doctor(as_json: AsJson = False) -> None:
    """Say what of this installation depends on the machine it is on.

    Example: pledge doctor
    """
    found = {"pledge": version(cli.DISTRIBUTION), "python": platform.python_version()}
    found |= {f"{name} (time zones)": words for name, words in zone_data.versions().items()}
    if folders := zone_data.folders():
        found["time zones are read first from"] = ", ".join(folders)
    for name, description in cli.services().items():
        if description.installation is not None:
            about = description.installation()
            found |= {f"{name}, {subject}": words for subject, words in about.items()}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for subject, words in found.items():
        typer.echo(f"{subject}: {words}")
