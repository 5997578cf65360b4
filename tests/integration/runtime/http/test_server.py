"""The HTTP server on a real socket."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from pledge.runtime.clock import SystemClock
from pledge.runtime.http import slow_clients
from pledge.runtime.http.app import CannotListen, HttpServer
from support.waiting import eventually
from support.webapp import WebApp

CLOCK = SystemClock()


def routes(started: asyncio.Event, finish: asyncio.Event) -> APIRouter:
    router = APIRouter()

    @router.get("/slow")
    async def slow() -> str:
        started.set()
        await finish.wait()
        return "done"

    @router.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first\n"
            await finish.wait()
            yield b"second\n"

        return StreamingResponse(parts())

    return router


@asynccontextmanager
async def serving(web: WebApp) -> AsyncIterator[tuple[HttpServer, asyncio.Future[None]]]:
    server = HttpServer(web.app, "127.0.0.1", 0, grace=timedelta(seconds=5))
    server.listen()
    running = asyncio.ensure_future(server.run())
    yield server, running
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def started() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def finish() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def web(tmp_path: Path, started: asyncio.Event, finish: asyncio.Event) -> WebApp:
    return WebApp(tmp_path, routes(started, finish))


async def test_taken_port_is_told_with_what_to_do(web: WebApp) -> None:
    first = HttpServer(web.app, "127.0.0.1", 0)
    port = first.listen()
    with pytest.raises(CannotListen, match=f"port {port} on 127.0.0.1 is taken by another program"):
        await HttpServer(web.app, "127.0.0.1", port).run()


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("192.0.2.1", 0, "is no address of this machine"),
        ("no-such-host.invalid", 0, "is no address of this machine"),
    ],
)
def test_address_that_cannot_be_is_told(web: WebApp, host: str, port: int, told: str) -> None:
    with pytest.raises(CannotListen, match=told):
        HttpServer(web.app, host, port).listen()


async def test_requests_wait_from_the_moment_the_port_is_taken(web: WebApp) -> None:
    server = HttpServer(web.app, "127.0.0.1", 0)
    port = server.listen()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        asking = asyncio.ensure_future(client.get("/livez"))
        running = asyncio.ensure_future(server.run())
        assert (await asking).status_code == 200
    server.stop()
    await running


async def refuses(port: int | None) -> bool:
    async with httpx.AsyncClient() as late:
        try:
            await late.get(f"http://127.0.0.1:{port}/livez")
        except httpx.ConnectError:
            return True
    return False


async def test_answer_under_way_is_finished_before_the_server_ends(
    web: WebApp, started: asyncio.Event, finish: asyncio.Event
) -> None:
    async with serving(web) as (server, running), httpx.AsyncClient() as client:
        asking = asyncio.ensure_future(client.get(f"http://127.0.0.1:{server.port}/slow"))
        await started.wait()
        running.cancel()
        await eventually(lambda: refuses(server.port), what="the closing of the port")
        finish.set()
        assert (await asking).json() == "done"
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_stream_reaches_the_client_piece_by_piece(web: WebApp, finish: asyncio.Event) -> None:
    async with (
        serving(web) as (server, _),
        httpx.AsyncClient() as client,
        client.stream("GET", f"http://127.0.0.1:{server.port}/stream") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == "first"
        finish.set()
        assert await anext(lines) == "second"


async def test_stream_that_never_ends_is_ended_with_the_server(
    web: WebApp, finish: asyncio.Event
) -> None:
    server = HttpServer(web.app, "127.0.0.1", 0, grace=timedelta(seconds=1))
    server.listen()
    running = asyncio.ensure_future(server.run())
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", f"http://127.0.0.1:{server.port}/stream") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == "first"
        server.stop()
        assert [line async for line in lines] == []
    await running
    assert not finish.is_set()


HEAD = b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nx: y", HEAD + b"\r\nhalf", b"\r\n"],
    ids=["nothing", "half a line", "half a head", "half a body", "an empty line"],
)
async def test_client_that_takes_too_long_is_let_go(
    web: WebApp, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("HEAD_TIME", "BODY_TIME"):
        monkeypatch.setattr(slow_clients, limit, timedelta(seconds=1))
    async with serving(web) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        async with asyncio.timeout(20):
            await reader.read()  # to the end
        writer.close()
        # One that asks in time is answered, for longer than it had to ask.
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            for _ in range(3):
                assert (await client.post("/nowhere", content=b"x" * 100_000)).is_error
                await CLOCK.sleep(timedelta(milliseconds=400))


async def test_answer_may_take_longer_than_asking(
    web: WebApp,
    started: asyncio.Event,
    finish: asyncio.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in ("HEAD_TIME", "BODY_TIME"):
        monkeypatch.setattr(slow_clients, limit, timedelta(seconds=1))
    async with serving(web) as (server, _), httpx.AsyncClient() as client:
        asking = asyncio.ensure_future(client.get(f"http://127.0.0.1:{server.port}/slow"))
        await started.wait()
        await CLOCK.sleep(timedelta(milliseconds=1_200))
        finish.set()
        assert (await asking).json() == "done"


async def test_headers_without_an_end_are_refused(web: WebApp) -> None:
    async with serving(web) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /livez HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"x: " + b"y" * 1_000 + b"\r\n")
                await writer.drain()
        with suppress(ConnectionError):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_signals_stay_with_the_process(web: WebApp) -> None:
    before = signal.getsignal(signal.SIGTERM)
    async with serving(web) as (server, _), httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{server.port}/livez")
        assert signal.getsignal(signal.SIGTERM) is before
    assert os.getpid() > 0


async def exchange(port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    async with asyncio.timeout(20):
        answer = await reader.read(65536)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /livez HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 200_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=["huge header", "TLS", "odd version", "huge length", "NUL"],
)
async def test_broken_requests_do_not_hurt_the_server(web: WebApp, request_head: bytes) -> None:
    async with serving(web) as (server, _), httpx.AsyncClient() as client:
        with suppress(ConnectionError):
            answer = await exchange(server.port, request_head)
            assert b"Traceback" not in answer
        assert (await client.get(f"http://127.0.0.1:{server.port}/livez")).status_code == 200


async def test_large_body_is_refused_without_waiting_for_all_of_it(web: WebApp) -> None:
    head = b"POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n"
    async with serving(web) as (server, _):
        answer = await exchange(server.port, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


async def test_several_services_run_in_one_process(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    async with (
        serving(WebApp(folders[0])) as (one, _),
        serving(WebApp(folders[1])) as (two, _),
        httpx.AsyncClient() as client,
    ):
        for server in (one, two):
            assert (await client.get(f"http://127.0.0.1:{server.port}/livez")).status_code == 200
