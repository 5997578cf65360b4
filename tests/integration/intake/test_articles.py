"""Documentation: fetched from a help centre, and matched by its words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from intake.application.documentation import Loaded, keep, read_documentation
from intake.domain.documentation import Article, Documentation
from intake.storage import articles
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases
from unit.intake.builders import a_desk

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
PAGES = {
    "/sitemap.xml": (
        "application/xml",
        "<urlset><url><loc>{base}/moved</loc></url><url><loc>{base}/large</loc></url>"
        "<url><loc>{base}/round</loc></url><url><loc>{base}/picture</loc></url></urlset>",
    ),
    "/camera": ("text/html; charset=utf-8", "<title>The camera</title><p>Allow the camera.</p>"),
    "/large": ("text/plain", "x" * 3_000_000),
    "/picture": ("image/png", "no text"),
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readline()).split()[1].decode()
    while (await reader.readline()).strip():
        pass
    port = writer.get_extra_info("sockname")[1]
    moved = {"/moved": "/camera", "/round": "/round"}
    if path in moved:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {moved[path]}\r\n".encode())
        writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    else:
        kind, text = PAGES[path]
        body = text.replace("{base}", f"http://127.0.0.1:{port}").encode()
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n".encode())
        writer.write(f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    writer.close()


@pytest.fixture
async def base() -> AsyncIterator[str]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    opened = await open_pool(database("intake"), application_name="test", size=2)
    yield opened
    await opened.close()


async def test_a_sitemap_is_followed_where_the_desk_allows_its_host_and_nowhere_else(
    base: str,
) -> None:
    rules = Documentation(sitemap=f"{base}/sitemap.xml", reachable=frozenset({"127.0.0.1"}))

    loaded = await read_documentation(rules, Path())

    assert [(each.address, each.title) for each in loaded.articles] == [
        (f"{base}/moved", "The camera")
    ]
    problems = "\n".join(loaded.problems)
    assert len(loaded.problems) == 3
    for words in ("more than 2097152 bytes", "more than 3 redirections", "image/png: no text"):
        assert words in problems
    elsewhere = await read_documentation(Documentation(sitemap=f"{base}/sitemap.xml"), Path())
    assert elsewhere.articles == ()
    assert "not a public address" in elsewhere.problems[0]


async def matching(pool: asyncpg.Pool, question: str, desk: str = "vircom") -> list[str]:
    async with pool.acquire() as connection:
        found = await articles.matching(connection, desk, "english", question, 5)
    return [each.address for each in found]


async def test_articles_are_matched_by_stems_and_replaced_as_a_whole(pool: asyncpg.Pool) -> None:
    desk = a_desk(language="en")
    first = (
        Article("camera", "The camera stays black", "Allow the camera in the settings."),
        Article("sign-in", "Nobody can sign in", "The certificate has expired: renew it."),
        *(Article(f"more-{n}", f"Cameras, part {n}", "More of it.") for n in range(9)),
    )
    await keep(pool, desk, Loaded(first, ()), NOW)
    assert (await matching(pool, "My cameras stay black & dark | ' \\ :*"))[0] == "camera"
    assert len(await matching(pool, "cameras")) == 5
    assert await matching(pool, "The certificates were renewed") == ["sign-in"]
    assert await matching(pool, "has it expired?") == [], "one word in common is chance"
    assert await matching(pool, "the of and") == []
    assert await matching(pool, "") == []
    assert await matching(pool, "camera", "another") == []
    await keep(pool, desk, Loaded((Article("sign-in", "Sign in", "New words."),), ()), NOW)
    assert await matching(pool, "camera") == []
    assert await matching(pool, "sign in") == ["sign-in"]


async def test_a_language_that_the_server_does_not_know_is_matched_word_by_word(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as connection:
        article = Article("a", "Kamera czarna", "Obraz")
        await articles.load(connection, "vircom", "klingon", [article], NOW)
        assert await articles.matching(connection, "vircom", "klingon", "kamera", 5)
