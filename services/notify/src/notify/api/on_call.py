"""The API of on-call rotations: who is on call, now or over a period."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter

from notify.api.parameters import Names, Reader
from notify.domain.desk import Desk
from notify.domain.oncall import on_call, shifts
from pledge.events import Instant
from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.instants import utc_text


class OnCallApi:
    """Answers from the desks' rotations."""

    def __init__(self, desks: Mapping[str, Desk], clock: Clock) -> None:
        self._desks = desks
        self._clock = clock

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/on-call", self.on_call, methods=["GET"], summary="Who is on call")
        return router

    async def on_call(
        self,
        principal: Reader,
        desk: Names = None,
        at: Instant | None = None,
        until: Instant | None = None,
    ) -> dict[str, Any]:
        """Who is on call in each rotation, at an instant or over up to 90 days."""
        now = at or self._clock.now()
        if until is None:
            return {"items": on_call_at(self._desks, principal, desk, now), "next": None}
        if not 0 <= (until - now).total_seconds() <= 90 * 86_400:
            raise HttpProblem(422, "`until` must come after `at`, within 90 days")
        items = [
            {
                "desk": name,
                "rotation": rotation.name,
                "person": shift.person,
                "from": utc_text(shift.starts_at),
                "until": utc_text(shift.ends_at),
            }
            for name, one in sorted(self._desks.items())
            if principal.may(name) and (desk is None or name in desk)
            for rotation in one.rotations.values()
            for shift in shifts(rotation, now, until)
        ]
        return {"items": items, "next": None}


def on_call_at(
    known: Mapping[str, Desk], principal: Principal, names: Sequence[str] | None, at: datetime
) -> list[dict[str, Any]]:
    """The person on call in each rotation of the desks that the principal may see."""
    found = []
    for name, desk in sorted(known.items()):
        if not principal.may(name) or (names is not None and name not in names):
            continue
        for rotation in desk.rotations.values():
            person = desk.people[on_call(rotation, at)]
            found.append(
                {
                    "desk": name,
                    "rotation": rotation.name,
                    "person": person.name,
                    "name": person.full_name,
                    "at": utc_text(at),
                }
            )
    return found
