"""Writes the references that are generated from the runtime's and the services' own code.

`python -m pledge.runtime.reference` writes docs/reference/metrics.md and settings.md, and the
table of topics in docs/architecture.md; with `--check` it only says what has drifted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pledge.runtime.reference import metrics, settings
from pledge.runtime.reference.documents import read_document, write_or_check
from pledge.runtime.reference.plugins import NoSuchClass
from pledge.runtime.reference.topics import NoTopicTable, with_topic_table

DOCUMENTS = {"metrics.md": metrics.render, "settings.md": settings.render}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check them; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pledge.runtime.reference")
    parser.add_argument("--out", type=Path, default=Path("docs/reference"), help="the folder")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on any drift")
    options = parser.parse_args(arguments)
    folder: Path = options.out
    try:
        texts = {folder / name: render() for name, render in DOCUMENTS.items()}
        architecture = folder.parent / "architecture.md"
        texts[architecture] = with_topic_table(read_document(architecture) or "")
    except (NoSuchClass, NoTopicTable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return write_or_check(texts, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
