"""Reads a desk's documentation from its folder, its pages and its sitemap; keeps it (SIG-02)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import asyncpg

from intake.domain.desk import Desk
from intake.domain.documentation import (
    Article,
    Documentation,
    article_of_page,
    article_of_text,
    configuration_of,
)
from intake.mail.html_text import html_to_text
from intake.storage import articles
from pledge.runtime.http.fetching import Fetcher, NotFetched

MOST_BYTES: Final = 2 * 1024 * 1024
"""The largest file or page; an article of a help centre has some ten kilobytes."""
TIMEOUT: Final = timedelta(seconds=20)
_KINDS: Final = {".md": "markdown", ".markdown": "markdown", ".txt": "text", ".html": "html",
                 ".htm": "html"}  # fmt: skip
_LOCATION: Final = re.compile(r"<loc>\s*([^<\s]{1,2000})\s*</loc>", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]{0,500}>([^<]{1,1000})", re.IGNORECASE)
_CHARSET: Final = re.compile(r"charset=[\"']?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read of a desk's documentation, and what could not be."""

    articles: tuple[Article, ...]
    problems: tuple[str, ...]


async def read_documentation(rules: Documentation, base: Path) -> Loaded:
    """The articles that the rules name, each address once, up to their bound. The folder is
    relative to ``base``, where the desk's file is."""
    found: dict[str, Article] = {}
    problems: list[str] = []
    for each in _files(rules, base):
        if isinstance(each, Article):
            found.setdefault(each.address, each)
        else:
            problems.append(each)
    if rules.urls or rules.sitemap:
        fetcher = Fetcher(rules.reachable, most_bytes=MOST_BYTES, timeout=TIMEOUT)
        try:
            await _fetch(fetcher, rules, found, problems)
        finally:
            await fetcher.close()
    if len(found) > rules.at_most:
        problems.append(f"{len(found)} articles: only the first {rules.at_most} are taken")
    return Loaded(tuple(found.values())[: rules.at_most], tuple(problems))


async def keep(pool: asyncpg.Pool, desk: Desk, loaded: Loaded, now: datetime) -> None:
    """Put the articles in the place of those that the desk had."""
    async with pool.acquire() as connection:
        configuration = configuration_of(desk.language)
        await articles.load(connection, desk.id, configuration, loaded.articles, now)


def _files(rules: Documentation, base: Path) -> Iterator[Article | str]:
    if rules.folder is None:
        return
    folder = (base / rules.folder).resolve()
    if not folder.is_dir():
        yield f"{folder} is no folder"
        return
    for path in sorted(folder.rglob("*")):
        kind = _KINDS.get(path.suffix.lower())
        if kind is None or not path.is_file():
            continue
        # A link in the folder leads nowhere else.
        if not path.resolve().is_relative_to(folder):
            yield f"{path} leads out of {folder}"
            continue
        if path.stat().st_size > MOST_BYTES:
            yield f"{path} has more than {MOST_BYTES} bytes"
            continue
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            yield f"{path} can't be read: {error.strerror}"
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        address = f"{(rules.address or '').rstrip('/')}/{quote(name)}"
        if kind == "html":
            yield _article_of_html(address, path.stem, text)
        else:
            yield article_of_text(address, path.stem, text, is_markdown=kind == "markdown")


async def _fetch(
    fetcher: Fetcher, rules: Documentation, found: dict[str, Article], problems: list[str]
) -> None:
    addresses: Sequence[str] = rules.urls
    if rules.sitemap is not None:
        try:
            page = await fetcher.get(rules.sitemap)
            listed = (unescape(each) for each in _LOCATION.findall(_decoded(page.body, "")))
            addresses = tuple(dict.fromkeys((*addresses, *listed)))
        except NotFetched as error:
            problems.append(str(error))
    for address in addresses[: max(0, rules.at_most - len(found))]:
        try:
            page = await fetcher.get(address)
        except NotFetched as error:
            problems.append(str(error))
            continue
        name = urlsplit(address).path.rstrip("/").rpartition("/")[2] or address
        text = _decoded(page.body, page.content_type)
        if "html" in page.content_type:
            found.setdefault(address, _article_of_html(address, name, text))
        elif page.content_type.startswith("text/"):
            is_markdown = "markdown" in page.content_type
            found.setdefault(address, article_of_text(address, name, text, is_markdown=is_markdown))
        else:
            problems.append(f"{address} is {page.content_type or 'of no type'}: no text")


def _article_of_html(address: str, name: str, text: str) -> Article:
    title = _TITLE.search(text[:50_000])
    return article_of_page(address, name, unescape(title[1]) if title else "", html_to_text(text))


def _decoded(body: bytes, content_type: str) -> str:
    """The text by the charset that the answer names; UTF-8 otherwise, and tolerantly."""
    charset = _CHARSET.search(content_type)
    try:
        return body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
