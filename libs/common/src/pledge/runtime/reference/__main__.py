"""Writes the references that are generated from the runtime's and the services' own code.

`python -m pledge.runtime.reference` writes docs/reference/metrics.md and settings.md; with
`--check` it only tells what has drifted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pledge.runtime.reference import metrics, settings
from pledge.runtime.reference.plugins import NoSuchClass

DOCUMENTS = {"metrics.md": metrics.render, "settings.md": settings.render}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pledge.runtime.reference")
    parser.add_argument("--out", type=Path, default=Path("docs/reference"), help="the folder")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on any drift")
    options = parser.parse_args(arguments)
    folder: Path = options.out
    try:
        texts = {name: render() for name, render in DOCUMENTS.items()}
    except NoSuchClass as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not options.check:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    drifted = [folder / name for name, text in texts.items() if _read(folder / name) != text]
    for file in drifted:
        sys.stderr.write(f"{file} has drifted from the code; run: make spec\n")
    return 1 if drifted else 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
