"""Writes generated documents, or checks that those in the repository are up to date."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_check(texts: Mapping[Path, str], *, check: bool) -> int:
    """Write each file; with `check` only name those that differ. Gives the exit status."""
    if not check:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return 0
    drifted = [file for file, text in texts.items() if read_document(file) != text]
    for file in drifted:
        sys.stderr.write(f"{file} has drifted from the code; run: make spec\n")
    return 1 if drifted else 0


def read_document(file: Path) -> str | None:
    """The document as it stands; None where there is none."""
    return file.read_text(encoding="utf-8") if file.exists() else None
