"""`pledge sla …` as its users run it: in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

from integration.sla.acme import write_acme
from integration.sla.harness import Sla
from integration.sla.stories import MONDAY, Story, minutes

COMMAND = "from pledge.runtime.cli.root import main; main()"


async def pledge(sla: Sla, *words: str, **claims: Any) -> tuple[int, str]:
    """Run a command against the service; its status and all that it printed."""
    environment = {
        "PLEDGE_SLA_PUBLIC_URL": f"http://127.0.0.1:{sla.settings.http_port}",
        "PLEDGE_TOKEN": sla.signer.token(sla.clock.now(), **({"desks": ["acme"]} | claims)),
        "PATH": "/usr/bin:/bin",
        "NO_COLOR": "1",
        "COLUMNS": "200",
        # A test may have zones of its own.
        "PYTHONTZPATH": os.pathsep.join(zoneinfo.TZPATH),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        "sla",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_timers_breaches_and_reasons_are_told(sla: Sla) -> None:
    story = Story().opened()
    await sla.deliver(story)
    await sla.advance(minutes(31))

    status, output = await pledge(sla, "timers", "--desk", "acme")
    assert (status, "ACM-1" in output, "resolution" in output) == (0, True, True)
    status, output = await pledge(sla, "breaches", "--json")
    assert [each["number"] for each in json.loads(output)["items"]] == ["ACM-1"]
    status, output = await pledge(sla, "explain", "ACM-1")
    assert (status, "BREACHED" in output) == (0, True)
    status, output = await pledge(sla, "explain", "ACM-1", "--json")
    assert json.loads(output)["number"] == "ACM-1"


async def test_policy_is_listed_and_previewed(sla: Sla, tmp_path: Path) -> None:
    await sla.deliver(Story().opened())
    folder = write_acme(tmp_path / "new") / "acme"
    text = (folder / "sla.yaml").read_text(encoding="utf-8")
    (folder / "sla.yaml").write_text(text.replace("within: 30m}", "within: 25m}"), "utf-8")

    status, output = await pledge(sla, "policy", "preview", str(folder))
    assert (status, "1 of 1 open tickets" in output, "moves" in output) == (0, True, True)
    status, output = await pledge(sla, "policy", "history", "acme", "--json")
    version = json.loads(output)["items"][0]["version"]
    status, output = await pledge(sla, "policy", "diff", "acme", version)
    assert (status, "say the same" in output) == (0, True)


async def test_reports_are_shown_as_table_csv_and_json(sla: Sla) -> None:
    await sla.deliver(Story().opened())
    await sla.advance(minutes(31))
    asked = ("report", "attainment", "--desk", "acme", "--by", "severity")
    status, output = await pledge(sla, *asked)
    assert (status, "first_response" in output) == (0, True)
    status, output = await pledge(sla, *asked, "--csv")
    assert output.splitlines()[1].startswith("first_response,p1,0,1,0.0,")
    status, output = await pledge(sla, *asked, "--json")
    assert json.loads(output)["items"][0]["missed"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "ACM-404"), "no ticket ACM-404"),
        (("timers", "--state", "asleep"), "no state is called asleep"),
        (("policy", "history", "nowhere"), "no desk nowhere"),
        (("policy", "preview", "/nowhere"), "can't be read"),
    ],
)
async def test_errors_are_one_line_of_what_is_wrong(
    sla: Sla, words: tuple[str, ...], said: str
) -> None:
    status, output = await pledge(sla, *words)
    assert status == 2
    assert said in output
    assert "Traceback" not in output


def run(*words: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "sla", *words],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
    )
    output, complained = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, output, complained)


def test_calendar_answers_each_line() -> None:
    office = {"timezone": "America/Toronto", "hours": {"mon-fri": ["08:30-18:00"]}}
    friday = {"calendar": office, "op": "add", "start": "2026-11-20T22:30:00Z", "seconds": 3600}
    always = {"calendar": "always", "op": "is_open", "start": "2026-11-20T22:30:00Z"}
    lines = [
        json.dumps({"id": 7} | friday).encode(),
        b"nonsense",
        json.dumps({"id": 8, "op": "sing"}).encode(),
        b"[" * 100_000,
        b'{"id": "\xff"}',
        json.dumps({"id": "half a \ud83d"} | always).encode(),
    ]
    done = run("calendar", stdin=b"\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == {"id": 7, "result": "2026-11-23T14:00:00Z"}
    assert answers[5] == {"id": "half a \ud83d", "result": True}
    assert ["error" in each for each in answers] == [False, True, True, True, True, False]
    assert [each["id"] for each in answers[1:5]] == [None, 8, None, None]
    assert done.returncode == 0


def test_simulation_needs_neither_broker_nor_database(tmp_path: Path) -> None:
    desk = write_acme(tmp_path) / "acme"
    facts = tmp_path / "facts.jsonl"
    story = Story().opened().attempted(10)
    facts.write_bytes(b"\n".join(message.value or b"" for message in story.messages))
    done = run("simulate", "--desk", str(desk), "--facts", str(facts), "--json")
    (ticket,) = json.loads(done.stdout)["tickets"]
    first = next(each for each in ticket["timers"] if each["metric"] == "first_response")
    assert (first["state"], first["met_at"]) == ("met", "2026-11-16T16:10:00Z")

    open_ended = Story(2, start=MONDAY.replace(year=2020)).opened()
    facts.write_bytes(open_ended.last.value or b"")
    assert "BREACHED" in run("simulate", "--desk", str(desk), "--facts", str(facts)).stdout
    ahead = Story(3, start=MONDAY.replace(year=2090)).opened()
    facts.write_bytes(ahead.last.value or b"")
    assert "running" in run("simulate", "--desk", str(desk), "--facts", str(facts)).stdout

    facts.write_bytes(b"\n".join(message.value or b"" for message in story.messages))
    later = run(
        "simulate", "--desk", str(desk), "--facts", str(facts), "--until", "2026-11-17T00:00:00Z"
    )
    assert "BREACHED" in later.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "is not JSON"),
        ("[1]", "is no JSON object"),
        ("[" * 100_000, "nested too deep"),
        ('{"type": "opened", "number": "A-1"}', "`type` is `opened`"),
        ('{"type": "pledge.ticket.noted.v1", "number": "A-1"}', "`occurred_at` is"),
        (
            '{"type": "pledge.ticket.noted.v1", "occurred_at": "2026-03-02T09:00:00Z"}',
            "`ticket_id` is missing",
        ),
    ],
)
def test_simulation_names_the_line_that_is_wrong(tmp_path: Path, line: str, said: str) -> None:
    facts = tmp_path / "facts.jsonl"
    other = '{"type": "pledge.timer.started.v1"}'
    facts.write_text(f"{other}\n\n{line}\n")
    wrong = run("simulate", "--desk", str(write_acme(tmp_path) / "acme"), "--facts", str(facts))
    assert wrong.returncode == 2
    assert f"{facts}:3: " in wrong.stderr
    assert said in wrong.stderr


def test_simulation_leaves_out_events_that_are_no_facts(tmp_path: Path) -> None:
    facts = tmp_path / "facts.jsonl"
    opened = Story().opened().last.value or b""
    facts.write_bytes(b'{"type": "pledge.timer.started.v1"}\n' + opened)
    asked = ("simulate", "--desk", str(write_acme(tmp_path) / "acme"), "--facts", str(facts))
    done = run(*asked, "--json")
    assert len(json.loads(done.stdout)["tickets"]) == 1
    assert "left out 1 x pledge.timer.started.v1" in done.stderr
