"""Real history under another policy: attainment then and now, read from the database alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from integration.sla.acme import ACME, write_acme
from integration.sla.harness import Sla
from integration.sla.stories import MONDAY, Story, minutes
from integration.sla.test_commands import COMMAND
from pledge.runtime.postgres.pool import open_pool
from sla.assessment.policy_registry import Policies
from sla.cli.whatif import READ_ONLY
from sla.desk_file.read import parse
from sla.reports.whatif import Question, replay

SOFTER = ACME.replace("{severity: p1}, within: 30m", "{severity: p1}, within: 2h").replace(
    "{severity: p2}, within: 1h", "{severity: p2}, within: 5m"
)


async def what_if(dsn: str, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        "sla",
        "what-if",
        *words,
        env={"PLEDGE_SLA_DSN": dsn, "PATH": os.defpath, "NO_COLOR": "1", "COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def some_history() -> list[Story]:
    return [
        Story(1).opened().attempted(40),  # late by its own policy, in time by the softer one
        Story(2).opened().attempted(10),
        Story(5).opened().attempted(20, known_after=60 * 9),  # known after the period: it happened
        Story(3).opened(severity="p2").attempted(30),  # the other way round
        Story(4, start=MONDAY + minutes(60 * 48)).opened(),  # after the period asked about
    ]


async def test_attainment_and_breaches_then_and_now(sla: Sla, tmp_path: Path) -> None:
    await sla.deliver(*some_history())
    await sla.advance(minutes(60))
    folder = write_acme(tmp_path / "new", SOFTER) / "acme"
    asked = ("--policy", str(folder), "--since", "2026-11-16", "--until", "2026-11-17")
    before = await _everything(sla)

    status, output = await what_if(sla.dsn, *asked, "--json")
    assert status == 0, output
    found = json.loads(output)
    assert found["tickets"] == 4
    figures = {(each["metric"], each["severity"]): each for each in found["attainment"]}
    p1 = figures["first_response", "p1"]
    assert (p1["then"]["attainment"], p1["now"]["attainment"]) == (0.6667, 1.0)
    p2 = figures["first_response", "p2"]
    assert (p2["then"]["attainment"], p2["now"]["attainment"]) == (1.0, 0.0)
    changed = [(each["what"], each["number"]) for each in found["breaches"]]
    assert sorted(changed) == [("avoided", "ACM-1"), ("new", "ACM-3")]

    status, output = await what_if(sla.dsn, *asked)
    assert (status, "66.7%" in output, "100.0%" in output) == (0, True, True)
    assert await _everything(sla) == before
    await _same_policy_says_what_was_published(sla)


async def _everything(sla: Sla) -> Any:
    return await sla.connection.fetch("SELECT * FROM timers ORDER BY ticket_id, metric, cycle")


async def _same_policy_says_what_was_published(sla: Sla) -> None:
    policy = parse(ACME, Path("acme/sla.yaml"))
    question = Question("acme", policy, MONDAY, sla.clock.now())
    calls: list[tuple[int, int]] = []
    pool = await open_pool(sla.dsn, application_name="test", size=1)
    async with pool, pool.acquire() as connection:
        await connection.execute(READ_ONLY)
        answer = await replay(
            connection, Policies(), question, lambda done, of: calls.append((done, of))
        )
    assert answer.then == answer.now
    assert calls == [(5, 5)]
    period = {"from": "2026-11-16T00:00:00Z", "to": "2026-11-17T00:00:00Z"}
    report = await sla.get("/reports/attainment", desk="acme", by="severity", **period)
    published = {
        (each["metric"], each["severity"]): (each["kept"], each["missed"])
        for each in report["items"]
    }
    recomputed = {
        (group.metric, group.severity): (tally.kept, tally.missed)
        for group, tally in answer.then.items()
        if tally.attainment is not None
    }
    assert recomputed == published


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday"), "--since yesterday"),
        (("--since", "2026-11-16T10:00:00"), "offset from UTC"),
        (("--since", "2026-11-16", "--until", "2026-11-15"), "must lie before"),
        (("--since", "2026-11-16"), "can't be read"),
    ],
)
async def test_errors_are_told_in_a_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    folder = write_acme(tmp_path) / "acme"
    nowhere = f"postgresql://sla@/sla?host={tmp_path}"
    status, output = await what_if(nowhere, "--policy", str(folder), *words)
    assert (status, said in output, "Traceback" in output) == (2, True, False), output
