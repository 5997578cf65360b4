"""Reading Markdown as GitHub shows it, as far as the tests of the documents need."""

from __future__ import annotations

import re
from pathlib import Path

from support.cluster import ROOT

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(file: Path) -> set[str]:
    """The anchors of the file's headings."""
    text = _CODE.sub("", file.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(file: Path) -> list[str]:
    """The targets of the file's links that lead to files of the repository."""
    text = _CODE.sub("", file.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if "://" not in link]


def written() -> list[Path]:
    """The documents that people wrote, generated ones left out."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    return sorted(found)
