"""Writes the files of a new desk from the services' templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pledge.runtime.desk_file.load import desk_in

DESK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
EXPECTED_ID = "a desk's id is small letters, digits and dashes, like `acme-support`"


class DeskExists(Exception):
    """A file of the desk is there already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already; nothing was written")


def filled(template: str, desk: str) -> str:
    """The template of a file with the desk's id in it."""
    return template.replace("{desk}", desk)


def write_desk(folder: Path, templates: Mapping[str, str]) -> list[Path]:
    """Write each template to its file in `folder`, whose name is the desk's id; gives the files.

    Raises DeskExists, having written nothing, where one of them is there already, and OSError.
    """
    texts = {
        folder / name: filled(template, desk_in(folder)) for name, template in templates.items()
    }
    for path in texts:
        if path.exists():
            raise DeskExists(path)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)
