"""Documentation that is offered before a request is sent (SIG-02): where it is, how it is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MOST_HITS: Final = 5
LONGEST_TITLE: Final = 300
LONGEST_BODY: Final = 200_000
"""Characters of an article that are looked for; the rest of it is not."""
LONGEST_QUESTION: Final = 2_000
"""Characters of a request that articles are looked for by."""


@dataclass(frozen=True, slots=True)
class Documentation:
    """Where a desk's articles are: a folder of files that people read under ``address``, pages at
    ``urls``, pages that a sitemap lists. ``reachable`` are hosts that may be private."""

    folder: str | None = None
    address: str | None = None
    urls: tuple[str, ...] = ()
    sitemap: str | None = None
    at_most: int = 500
    reachable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of documentation in plain text, and where people read it."""

    address: str
    title: str
    body: str


_SPACES: Final = re.compile(r"\s+")
_HEADING: Final = re.compile(r"^\s{0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
# Marks that are no words; links keep their words.
_MARKS: Final = re.compile(r"[*_`>#|~]+|\]\([^)\s]{0,500}\)")


def article_of_text(address: str, name: str, text: str, *, is_markdown: bool) -> Article:
    """The article of a text; its title is the first heading, else its first line, else its name."""
    heading = _HEADING.search(text) if is_markdown else None
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    title = heading[1] if heading else first
    body = _MARKS.sub(" ", text) if is_markdown else text
    return Article(address, _line(title) or name, body[:LONGEST_BODY])


def article_of_page(address: str, name: str, title: str, text: str) -> Article:
    """The article of a page of the web, whose HTML was read already."""
    return Article(address, _line(title) or name, text[:LONGEST_BODY])


def _line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()[:LONGEST_TITLE]


# The configurations of full text that PostgreSQL brings along.
_CONFIGURATIONS: Final[Mapping[str, str]] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "nb": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip


def configuration_of(language: str | None) -> str:
    """PostgreSQL's configuration of full text for a language (BCP 47); `simple` where there is
    none: words are found as they are written.

    >>> configuration_of("de-CH"), configuration_of("ja"), configuration_of(None)
    ('german', 'simple', 'simple')
    """
    return _CONFIGURATIONS.get((language or "").partition("-")[0].lower(), "simple")
