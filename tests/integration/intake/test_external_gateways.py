"""The gateways of docs/gateways.md, as programs of their own, against a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from integration.intake.harness import Intake
from support.cluster import ROOT

EXAMPLES = ROOT / "docs" / "examples" / "gateways"
INSTALL_LIMIT = 90.0


async def run(
    intake: Intake, command: Sequence[str], lines: Sequence[str], folder: Path
) -> list[str]:
    """What the gateway prints of these messages."""
    environ = {
        **os.environ,
        "DESK": "demo",
        "KAFKA_BOOTSTRAP_SERVERS": intake.kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": intake.kafka.topic_prefix,
    }
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    text = "".join(f"{line}\n" for line in lines).encode()
    try:
        out, errors = await asyncio.wait_for(process.communicate(text), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return out.decode().splitlines()


async def check(intake: Intake, command: Sequence[str], folder: Path) -> None:
    """Two messages of one thread, one of them sent again, and one of another thread."""
    early = (intake.clock.now() - timedelta(minutes=5)).isoformat()
    ann = {"name": "Ann", "email": "ann@contoso.example"}
    first = {"id": "1", "thread": "a", "text": "No m\u00e4il", "sent_at": early, **ann}
    messages = [
        first,
        {"id": "2", "thread": "a", "text": "Since nine\0.", **ann},
        first,
        {"id": "3", "thread": "b", "text": "Another matter", **ann},
    ]
    told = await run(intake, command, [json.dumps(each) for each in messages], folder)
    assert told == ["taken 1", "taken 2", "taken 1", "taken 3"]
    one, other = sorted(await intake.tickets(2), key=lambda each: str(each["subject"]))[::-1]
    assert (one["subject"], other["subject"]) == ("No m\u00e4il", "Another matter")
    assert one["opened_at"][:19] == early[:19]
    assert await intake.types(one["id"]) == ["opened", "requester_replied"]


async def test_the_gateway_in_python_brings_tickets(intake: Intake, tmp_path: Path) -> None:
    await check(intake, [sys.executable, str(EXAMPLES / "gateway.py")], tmp_path)


async def test_the_gateway_in_node_brings_tickets(intake: Intake, tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm")
    folder = tmp_path / "gateway"
    shutil.copytree(EXAMPLES, folder)
    install = await asyncio.create_subprocess_exec(
        npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        status = await asyncio.wait_for(install.wait(), INSTALL_LIMIT)
    except TimeoutError:
        install.kill()
        status = await install.wait()
    if status != 0:
        pytest.skip("needs kafkajs from the registry, which does not answer")
    await check(intake, [node, "gateway.mjs"], folder)
