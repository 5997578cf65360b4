"""`pledge intake` against a running service."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from integration.intake.harness import Intake, a_mail


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of the command, as a person gets them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from pledge.runtime.cli.root import main; main()", "intake"),
        *arguments,
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1", "PLEDGE_HOME": "none", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_tickets_are_listed_and_shown(intake: Intake) -> None:
    await intake.mail(a_mail("[P1] No mail flow"))
    (ticket,) = await intake.tickets(1)
    told = {
        "PLEDGE_INTAKE_PUBLIC_URL": f"http://127.0.0.1:{intake.settings.http_port}",
        "PLEDGE_TOKEN": intake.signer.token(intake.clock.now(), desks="*"),
    }
    _, listed, _ = await run("tickets", "--json", "--state", "open", "--desk", "vircom", **told)
    assert json.loads(listed)["items"] == [ticket]
    assert "VIR-10001" in (await run("tickets", **told))[1]
    _, output, _ = await run("show", "vir-10001", "--json", **told)
    shown = json.loads(output)
    assert shown["ticket"] == ticket
    assert [each["type"] for each in shown["facts"]] == ["pledge.ticket.opened.v1"]
    status, _, errors = await run("show", "VIR-1", **told)
    assert status == 2
    assert "there is no ticket VIR-1" in errors


async def test_without_a_service_the_command_says_so() -> None:
    status, _, errors = await run("tickets")
    assert status == 2
    assert "PLEDGE_INTAKE_PUBLIC_URL" in errors
    nowhere = {"PLEDGE_INTAKE_PUBLIC_URL": "http://127.0.0.1:1", "PLEDGE_TOKEN": "x"}
    status, _, errors = await run("tickets", **nowhere)
    assert status == 2
    assert "is it up?" in errors


async def test_a_mail_can_be_read_without_being_taken_in(tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(a_mail().as_bytes())
    told = json.loads((await run("read-mail", str(path)))[1])
    assert (told["sender"], told["machine"]) == ("ann@contoso.example", None)
    status, _, errors = await run("read-mail", str(tmp_path / "no"))
    assert status == 2
    assert "can't be read" in errors
