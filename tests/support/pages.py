"""Reading Markdown as GitHub shows it, as far as the tests of the documents need."""

from __future__ import annotations

import re
from pathlib import Path

from support.cluster import ROOT

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
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


def words_in_code(file: Path) -> set[str]:
    """Each word that stands between backticks, outside blocks of code."""
    text = _CODE.sub("", file.read_text(encoding="utf-8"))
    return {word.strip(".,;()") for code in _SPAN.findall(text) for word in code.split()}


def written() -> list[Path]:
    """The documents that people wrote, generated ones left out."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    return sorted(found)


def about_code() -> list[Path]:
    """The documents that name files and modules as they are now: not the changes."""
    found = [*written(), *ROOT.glob("docs/adr/*.md"), *ROOT.glob("services/*/README.md")]
    return sorted(page for page in found if page.name != "CHANGELOG.md")
