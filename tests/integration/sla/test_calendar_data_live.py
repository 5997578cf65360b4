"""Packages of another age under a running desk: sla as a process, on the real servers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import httpx

from integration.sla.acme import write_acme
from integration.sla.harness import about
from integration.sla.stories import Story, decoded
from pledge.events import TimerRescheduled
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge_local.free_port import free_port
from support import topics
from support.asking import asker
from support.chaos.replicas import Replica
from support.databases import Databases
from support.tokens import Signer, write_jwks
from support.waiting import eventually
from support.zone_folder import MOVED, copy_zone

PATIENCE = timedelta(seconds=90)
HOLIDAY = "Day of the Test"
DESK = f"""\
desk: acme
timezone: {MOVED}
severity: {{levels: [p1, p2], default: p1}}
calendars:
  office:
    timezone: {MOVED}
    hours: {{daily: ["09:00-17:00"]}}
    holidays: {{countries: [US]}}
metrics:
  first_response:
    starts: opened
    meets: [agent_replied]
    calendar: office
    targets: [{{by: close of 2nd business day}}]
"""


class Packages:
    """A folder that goes first on PYTHONPATH: copies of `tzdata` and `holidays`, to be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _link(_installed("tzdata"), folder / "tzdata", "zones", "zoneinfo")
        _link(_installed("tzdata") / "zoneinfo", folder / "tzdata" / "zoneinfo")
        names = (_installed("tzdata") / "zones").read_text(encoding="ascii")
        (folder / "tzdata" / "zones").write_text(f"{names}{MOVED}\n", encoding="ascii")

    def moved_is(self, zone: str) -> None:
        copy_zone(zone, self.folder / "tzdata" / "zoneinfo")

    def add_holiday(self, day: datetime) -> None:
        installed, own = _installed("holidays"), self.folder / "holidays"
        _link(installed, own, "countries")
        _link(installed / "countries", own / "countries", "united_states.py")
        source = (installed / "countries" / "united_states.py").read_text(encoding="utf-8")
        more = (
            "\n\nfrom datetime import date  # noqa: E402\n\n"
            "_before = UnitedStates._populate_public_holidays\n\n\n"
            "def _populate(self):\n"
            "    _before(self)\n"
            f"    if self._year == {day.year}:\n"
            f"        self[date({day.year}, {day.month}, {day.day})] = {HOLIDAY!r}\n\n\n"
            "UnitedStates._populate_public_holidays = _populate\n"
        )
        changed = own / "countries" / "united_states.py"
        changed.write_text(f"{source}{more}", encoding="utf-8")


def _installed(package: str) -> Path:
    with resources.as_file(resources.files(package)) as found:
        return Path(found)


def _link(source: Path, target: Path, *without: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for each in source.iterdir():
        if each.name not in (*without, "__pycache__"):
            (target / each.name).symlink_to(each)


class Process:
    """One running sla."""

    def __init__(self, url: str, signer: Signer) -> None:
        self._url, self._signer = url, signer

    async def ask(self, path: str, **params: Any) -> httpx.Response:
        token = self._signer.token(SystemClock().now(), desks=["acme"])
        async with asker(self._url, headers={"authorization": f"Bearer {token}"}) as client:
            return await client.get(path, params=params)

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.ask(path, **params)
        answer.raise_for_status()
        return answer.json()

    async def due(self, story: Story) -> datetime:
        """When the promise is due, by the list, the board and the explanation alike."""

        async def has_timer() -> bool:
            answer = await self.ask("/timers", ticket=story.number)
            return answer.is_success and len(answer.json()["items"]) == 1

        await eventually(has_timer)
        (timer,) = (await self.get("/timers", ticket=story.number))["items"]
        explained = await self.get(f"/tickets/{story.number}/explanation")
        (told,) = explained["timers"]
        due = datetime.fromisoformat(timer["due_at"])
        assert datetime.fromisoformat(told["due"]) == due
        assert timer["due_at"][:19] in (await self.ask("/board")).text
        return due

    async def moved_on(self, version: str) -> None:
        """Wait until the open tickets are under a version other than `version`."""

        async def is_done() -> bool:
            answer = await self.ask("/policies/acme/apply")
            if not answer.is_success:
                return False
            found = answer.json()
            return bool(found["state"] == "done" and found["policy_version"] != version)

        await eventually(is_done)


async def test_upgrades_of_tzdata_and_holidays_move_a_running_timer(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> None:
    packages, signer = Packages(tmp_path / "packages"), Signer()
    packages.moved_is("Europe/Berlin")
    port = free_port()
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "PLEDGE_SLA_DSN": database("sla"),
        "PLEDGE_SLA_HTTP_PORT": str(port),
        "PLEDGE_DESKS": str(write_acme(tmp_path, DESK)),
        "PLEDGE_JWKS": str(write_jwks(tmp_path / "jwks.json", signer)),
        "PYTHONPATH": str(packages.folder),
    }

    @asynccontextmanager
    async def running() -> AsyncIterator[Process]:
        log = tmp_path / "sla.log"
        process = Replica("sla", "sla", ["-m", "sla"], environment, port=port, log=log)
        process.start()
        await process.ready(PATIENCE)
        try:
            yield Process(f"http://127.0.0.1:{port}", signer)
        finally:
            await process.stop()

    # Noon is the same day in both zones, and what is due is still ahead.
    yesterday = SystemClock().now() - timedelta(days=1)
    story = Story(1, start=yesterday.replace(hour=12, minute=0, second=0, microsecond=0)).opened()
    async with running() as sla:
        await topics.publish(kafka, story.messages)
        due = await sla.due(story)
        (first,) = (await sla.get("/policies/acme"))["items"]

    packages.moved_is("Europe/London")
    async with running() as sla:
        await sla.moved_on(first["version"])
        assert await sla.due(story) == due + timedelta(hours=1)
        second = (await sla.get("/policies/acme"))["items"][0]
        assert second["calendar_changes"][0].startswith("Moved is at UTC+0 instead of UTC+1")

    packages.add_holiday(due)
    async with running() as sla:
        await sla.moved_on(second["version"])
        assert await sla.due(story) == due + timedelta(hours=25)
        third = (await sla.get("/policies/acme"))["items"][0]
        assert third["calendar_changes"] == [
            f"{due.date().isoformat()} is a holiday now: {HOLIDAY} (US)"
        ]

    told = decoded(await topics.read(kafka, "sla.events.v1"))
    moved = [each for each in told if isinstance(each.event, TimerRescheduled)]
    assert [each.event.model_dump()["reason"] for each in moved] == ["calendar_data_changed"] * 2
    last = about(moved[1:], "rescheduled", "first_response")
    assert isinstance(last, TimerRescheduled)
    assert (last.due_at, last.policy_version) == (due + timedelta(hours=25), third["version"])
    assert "calendar_data_changed" in (tmp_path / "sla.log").read_text(encoding="utf-8")
