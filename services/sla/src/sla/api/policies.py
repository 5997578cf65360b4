"""`/policies/…`: versions of a desk's promises, what another would change, and changing it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import structlog
from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field

from pledge.runtime.auth.access import Principal, require
from pledge.runtime.clock import Clock
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import MAX_BYTES
from pledge.runtime.http.app import FieldProblem, HttpProblem
from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.assessment.version_calendars import (
    calendar_data_of,
    libraries_of,
    recorded_at,
    version_changes,
)
from sla.desk_file.calendar_changes import changes_in_words
from sla.desk_file.calendar_data import CalendarData, UnreadableCalendarData, read_calendar_data
from sla.desk_file.read import read_text
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import VersionScope
from sla.reassessment.preview import preview
from sla.storage import reassessment_orders
from sla.storage.policy_versions import Version

Reader = Annotated[Principal, Depends(require("reader"))]
Agent = Annotated[Principal, Depends(require("agent"))]
Admin = Annotated[Principal, Depends(require("admin"))]

log = structlog.get_logger()


class Application(BaseModel):
    """Which version is to take over the open tickets of a desk."""

    version: str = Field(
        max_length=64,
        description="the one in force, as `GET /policies` names it, or its `text_version`",
    )


class CalendarPreview(BaseModel):
    """A policy, and the zone and holiday data by which to reckon it."""

    content: str = Field(max_length=MAX_BYTES, description="a `sla.yaml`")
    calendar_data: dict[str, Any] = Field(
        description="as `pledge sla policy preview` takes it from the libraries installed there"
    )


class PolicyApi:
    """Policy versions of one desk at a time, for those who may see it."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        policies: Policies,
        clock: Clock,
        on_order: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self._on_order = on_order
        self.router = APIRouter(prefix="/policies")
        add = self.router.add_api_route
        add("/{desk}", self.history, methods=["GET"], summary="Policy versions")
        add(
            "/{desk}/preview",
            self.preview,
            methods=["POST"],
            summary="What another policy would change",
        )
        add(
            "/{desk}/calendars/preview",
            self.preview_calendars,
            methods=["POST"],
            summary="What a policy would change by other zone and holiday data",
        )
        add(
            "/{desk}/calendars/changes",
            self.calendar_changes,
            methods=["GET"],
            summary="What two versions' zone and holiday data differ in",
        )
        add(
            "/{desk}/apply",
            self.apply,
            methods=["POST"],
            status_code=202,
            summary="Put the open tickets under the version in force",
        )
        add("/{desk}/apply", self.applied, methods=["GET"], summary="How far that is")

    async def history(self, principal: Reader, desk: str) -> dict[str, Any]:
        """The versions of a desk's policy, newest first, each with its text.

        Versions with the same `text_version` differ in zone or holiday data: `calendar_changes`
        says what has changed since the one before.
        """
        versions = self._versions(principal, desk)
        now = self._clock.now()
        before: dict[str, Version] = {}
        items: list[dict[str, Any]] = []
        for each in versions:
            items.append(
                {
                    "desk": each.desk,
                    "version": each.version,
                    "text_version": each.text_version,
                    "effective_from": utc_text(each.effective_from),
                    "recorded_at": utc_text(recorded_at(each)),
                    "libraries": libraries_of(each),
                    "calendar_changes": version_changes(before.get(each.text_version), each, now),
                    "content": each.content,
                }
            )
            before[each.text_version] = each
        return {"items": items[::-1], "next": None}

    async def calendar_changes(
        self,
        principal: Reader,
        desk: str,
        old: Annotated[str, Query(max_length=64)],
        new: Annotated[str, Query(max_length=64)],
    ) -> dict[str, Any]:
        """In words, what is different in the zone and holiday data of version `new`."""
        by_name = {each.version: each for each in self._versions(principal, desk)}
        if missing := {old, new} - by_name.keys():
            raise HttpProblem(404, f"no version {min(missing)} of {desk} is known here")
        words = version_changes(by_name[old], by_name[new], self._clock.now())
        return {"items": words, "next": None}

    def _versions(self, principal: Principal, desk: str) -> list[Version]:
        versions = self._policies.history(desk) if principal.may(desk) else []
        if not versions:
            raise _unknown(desk)
        return versions

    async def preview(
        self, principal: Agent, desk: str, content: Annotated[str, Body(media_type="text/plain")]
    ) -> dict[str, Any]:
        """What the policy in the body, a `sla.yaml`, would change for the tickets open now."""
        return await self._preview(principal, desk, content, None)

    async def preview_calendars(
        self, principal: Agent, desk: str, asked: CalendarPreview
    ) -> dict[str, Any]:
        """What a policy would change for the open tickets, reckoned by the data that is sent.

        Before an upgrade of `tzdata` or `holidays`, whoever has the new one installed asks so.
        """
        try:
            recorded = read_calendar_data(json.dumps(asked.calendar_data))
        except UnreadableCalendarData as error:
            raise HttpProblem(422, str(error)) from error
        return await self._preview(principal, desk, asked.content, recorded)

    async def _preview(
        self, principal: Principal, desk: str, content: str, recorded: CalendarData | None
    ) -> dict[str, Any]:
        if not principal.may(desk):
            raise _unknown(desk)
        try:
            file = read_text(content, Path(desk) / "sla.yaml", recorded)
        except DeskFileError as error:
            problems = [FieldProblem(f"{p.line}:{p.column}", p.message) for p in error.problems]
            raise HttpProblem(422, "the policy can't be used", errors=problems) from error
        policy = file.policy
        if policy.desk != desk:
            raise HttpProblem(422, f"the file is of the desk {policy.desk}, not of {desk}")
        now = self._clock.now()
        found = await preview(
            self._pool, self._policies, policy, now, lambda: self._clock.sleep(timedelta(0))
        )
        versions = self._policies.history(desk)
        before = None if not versions else calendar_data_of(versions[-1])
        words = [] if before is None else changes_in_words(before, file.calendar_data, now)
        return found.json() | {"calendar_changes": words}

    async def apply(self, principal: Admin, desk: str, asked: Application) -> dict[str, Any]:
        """Begin to put the desk's open tickets under the version in force; it goes on by itself.

        Asked again for the same version it returns its progress, and takes in what was left out.
        """
        policy = self._policies.for_opening(desk, self._clock.now())
        if policy is None or not principal.may(desk):
            raise _unknown(desk)
        self._check_version(policy, asked.version)
        async with self._pool.acquire() as connection:
            is_new = await reassessment_orders.create(
                connection, desk, policy.version, principal.subject, self._clock.now()
            )
            found = await reassessment_orders.progress(connection, desk)
        if found is None:
            raise HttpProblem(500, "the order that was just given is not there")
        if is_new:
            log.info(
                "policy_application_ordered",
                desk=desk,
                version=policy.version,
                tickets=found["tickets"],
                by=principal.subject,
            )
            self._on_order()
        return found

    async def applied(
        self,
        principal: Reader,
        desk: str,
        version: Annotated[str | None, Query(max_length=64, description="default: any")] = None,
    ) -> dict[str, Any]:
        """How far the desk's latest re-assessment is."""
        found = None
        if principal.may(desk):
            async with self._pool.acquire() as connection:
                found = await reassessment_orders.progress(connection, desk, version)
        if found is None:
            raise HttpProblem(404, f"no policy was applied to open tickets of {desk}")
        return found

    def _check_version(self, policy: Policy, asked: str) -> None:
        """Raises HttpProblem where `asked` is not in force, or is not for open tickets."""
        if not self._policies.is_named(policy, asked):
            raise HttpProblem(
                409,
                f"the service promises by version {policy.version} now, not by {asked}: put the"
                " file where the services read it, restart them, and wait for its effective_from",
            )
        if policy.applies_to is not VersionScope.OPEN:
            raise HttpProblem(
                409,
                f"version {asked} is for new tickets only; if it is to hold for open ones too, say"
                " `applies_to: open` in the file, put it in force, and apply it then",
            )


def _unknown(desk: str) -> HttpProblem:
    return HttpProblem(404, f"no desk {desk} is known here")
