"""The page on which a customer sets maintenance windows and takes them back (INF-09)."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from intake.application.submissions import Submissions
from intake.domain.desk import Desk
from intake.domain.maintenance import refusal_of
from intake.domain.text import one_line
from intake.domain.thread_matching import key_of
from intake.portal.access import PortalAccess, administered, submitted
from intake.portal.tokens import Person
from intake.storage import windows
from pledge.events import Contact, MaintenanceWindowSubmitted
from pledge.runtime.auth.session import check_form
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids

SEE_OTHER = 303
_REFUSED = {
    "window_of_wrong_length": "maintenance ends after it begins, within 31 days",
    "window_not_ahead": "maintenance lies ahead, within a year",
}
_Local = Annotated[str, Form(max_length=30)]


def customers_of(desk: Desk, person: Person) -> list[str]:
    """The customers whose windows the person sets: those they administer, else their own."""
    names = administered(desk, person)
    own = desk.customer_of(person.address)
    return names or ([own.name] if own is not None else [])


class MaintenancePages:
    """The routes under /my/<desk>/maintenance."""

    def __init__(
        self, access: PortalAccess, submissions: Submissions, clock: Clock, ids: Ids
    ) -> None:
        self._access = access
        self._submissions = submissions
        self._clock = clock
        self._ids = ids
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/my/{desk}/maintenance", self.show, methods=["GET"])
        add("/my/{desk}/maintenance", self.set, methods=["POST"])
        add("/my/{desk}/maintenance/withdraw", self.withdraw, methods=["POST"])

    async def show(
        self, request: Request, desk: str, sent: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        """The windows that are not over, and a form for another one."""
        known = self._access.desk(desk)
        person = await self._access.person(request, known)
        if person is None:
            return RedirectResponse(f"/my/{desk}", status_code=SEE_OTHER)
        names = customers_of(known, person)
        async with self._access.pool.acquire() as connection:
            found = await windows.ahead(connection, desk, names, self._clock.now())
        return self._access.page(
            request, known, person, "my_maintenance.html",
            windows=found, customers=names, is_sent=bool(sent),
        )  # fmt: skip

    async def set(
        self,
        request: Request,
        desk: str,
        starts: _Local,
        ends: _Local,
        note: Annotated[str, Form(max_length=300)] = "",
        customer: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        """Take a window; it is listed within a moment."""
        known, person, name = await self._author(request, desk, customer)
        zone = ZoneInfo(known.zone_of(person.address))
        event = self._event(
            person, name, _instant(starts, zone), _instant(ends, zone), one_line(note, 300)
        )
        if (refusal := refusal_of(event, known, self._clock.now())) is not None:
            raise HttpProblem(422, _REFUSED.get(refusal, refusal.replace("_", " ")))
        await self._submissions.take(event)
        return RedirectResponse(f"/my/{desk}/maintenance?sent=yes", status_code=SEE_OTHER)

    async def withdraw(
        self, request: Request, desk: str, window: Annotated[UUID, Form()]
    ) -> Response:
        """Take a window back."""
        known, person, _ = await self._author(request, desk, "")
        async with self._access.pool.acquire() as connection:
            found = await windows.ahead(
                connection, desk, customers_of(known, person), self._clock.now()
            )
        for each in found:
            if each.id == window:
                event = self._event(person, each.customer, each.starts_at, each.ends_at, each.note)
                taken_back = {"window_id": each.id, "is_withdrawn": True}
                await self._submissions.take(event.model_copy(update=taken_back))
                return RedirectResponse(f"/my/{desk}/maintenance?sent=yes", status_code=SEE_OTHER)
        raise HttpProblem(404, "this window is over, or was taken back already")

    async def _author(self, request: Request, desk: str, customer: str) -> tuple[Desk, Person, str]:
        """Who sends the form, and the customer that it is about."""
        await check_form(request)
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        names = customers_of(known, person)
        if not names:
            raise HttpProblem(403, "we don't know your organisation: ask us to add it")
        return known, person, customer if customer in names else names[0]

    def _event(
        self, person: Person, customer: str, starts_at: datetime, ends_at: datetime, note: str
    ) -> MaintenanceWindowSubmitted:
        # One order for all windows of a customer: a withdrawal follows its window.
        conversation = key_of("maintenance", person.desk, customer).hex()
        return MaintenanceWindowSubmitted(
            **submitted(person, self._clock.now(), self._ids, conversation),
            customer=customer,
            requester=Contact(email=person.address),
            starts_at=starts_at,
            ends_at=ends_at,
            note=note,
        )


def _instant(local: str, zone: ZoneInfo) -> datetime:
    """The instant that a form's time is in the zone. Raises HttpProblem for none."""
    try:
        return datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise HttpProblem(422, "write a time like 2026-03-04T15:00") from error
