"""Deliveries over HTTP: the portal's cases, and events of chat and phone gateways.

Each answers 202 once Kafka has the delivery; the ticket follows within a moment.
"""

import hashlib
from datetime import datetime
from hmac import compare_digest
from typing import Annotated, Final

from fastapi import APIRouter, Body, Header, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from intake.application.idempotency import asked, case_once
from intake.application.submissions import MAX_CASE_TEXT, Submissions, visitor
from intake.domain.desk import Desk, Desks
from intake.domain.text import paragraphs, storable
from intake.domain.thread_matching import key_of
from intake.schemas import Accepted, Requester, contact_of
from pledge.events import (
    Authentication,
    CallAnswered,
    CallEnded,
    CallReceived,
    ChannelEvent,
    ChatEnded,
    ChatMessageReceived,
    FieldText,
    FormSubmitted,
    Instant,
    VoicemailLeft,
    VoicemailTranscribed,
)
from pledge.runtime.auth.access import Forbidden, Principal, Role, principal_of
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import FieldProblem, HttpProblem
from pledge.runtime.http.idempotency import IdempotencyKey
from pledge.runtime.http.rate_limit import RateLimit
from pledge.runtime.ids import Ids

_FormKey = Annotated[str | None, Header(alias="Pledge-Form-Key", max_length=200)]


class Case(BaseModel):
    """A request as the portal's form sends it."""

    model_config = ConfigDict(extra="forbid")

    desk: str = Field(max_length=63)
    form: str = Field(default="case", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    subject: str = Field(min_length=1, max_length=300)
    text: str = Field(default="", max_length=MAX_CASE_TEXT)
    requester: Requester
    severity: str | None = Field(default=None, max_length=63)
    priority: str | None = Field(default=None, max_length=63)
    impact: str | None = Field(default=None, max_length=63)
    urgency: str | None = Field(default=None, max_length=63)
    product: str | None = Field(default=None, max_length=200)
    fields: dict[
        Annotated[str, Field(max_length=100)], Annotated[FieldText, Field(max_length=5_000)]
    ] = Field(default_factory=dict, max_length=50)


_CHAT: Final[TypeAdapter[ChannelEvent]] = TypeAdapter(
    Annotated[ChatMessageReceived | ChatEnded, Field(discriminator="type")]
)
_PHONE: Final[TypeAdapter[ChannelEvent]] = TypeAdapter(
    Annotated[
        CallReceived | CallAnswered | CallEnded | VoicemailLeft | VoicemailTranscribed,
        Field(discriminator="type"),
    ]
)


class Submission(BaseModel):
    """What a gateway leaves out is filled in: when it does not say, it happened now."""

    model_config = ConfigDict(extra="allow")

    desk: str
    occurred_at: Instant | None = None


class FormGateway:
    """The routes that take deliveries over HTTP."""

    def __init__(
        self,
        desks: Desks,
        submissions: Submissions,
        limit: RateLimit,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._desks = desks
        self._submissions = submissions
        self._limit = limit
        self._clock = clock
        self._ids = ids
        self.router = APIRouter(tags=["deliveries"])
        add = self.router.add_api_route
        add("/cases", self.post_case, methods=["POST"], status_code=202)
        add("/channels/chat", self.post_chat, methods=["POST"], status_code=202)
        add("/channels/phone", self.post_phone, methods=["POST"], status_code=202)

    async def post_case(
        self, request: Request, case: Case, key: IdempotencyKey = None, form_key: _FormKey = None
    ) -> Accepted:
        """Take a case. Needs a token with the role gateway, or the desk's public form key. A sender
        that sends too many gets a 429 with Retry-After."""
        desk = self._desk(case.desk)
        who = None
        if not _has_form_key(desk, form_key):
            who = await self._gateway(request, case.desk)
        self._limit.take(f"token {who.subject}" if who else f"{desk.id} {visitor(request)}")
        if not any((case.requester.email, case.requester.phone, case.requester.chat)):
            problem = FieldProblem("body.requester", "needs an email, phone or chat to answer to")
            raise HttpProblem(422, "there is no way to answer the requester", errors=[problem])
        event = _form(case, desk, self._delivery(key, who), who, self._clock.now())
        sent = asked(key, case)
        return await self._submissions.take(
            event, case_once(desk.id, event.delivery, sent) if sent else None
        )

    async def post_chat(self, request: Request, body: Annotated[Submission, Body()]) -> Accepted:
        """Take a chat event: the data of `pledge.chat.….v1`. Needs the role gateway."""
        return await self._submit(request, body, _CHAT)

    async def post_phone(self, request: Request, body: Annotated[Submission, Body()]) -> Accepted:
        """Take a phone event: the data of `pledge.phone.….v1`. Needs the role gateway."""
        return await self._submit(request, body, _PHONE)

    async def _submit(
        self, request: Request, body: Submission, adapter: TypeAdapter[ChannelEvent]
    ) -> Accepted:
        who = await self._gateway(request, body.desk)
        now = self._clock.now()
        occurred_at = body.occurred_at or now
        data = {
            "authentication": {"result": "passed", "method": "token", "detail": who.subject},
            **(body.model_extra or {}),
            "desk": body.desk,
            "occurred_at": min(occurred_at, now).isoformat(),
            "recorded_at": now.isoformat(),
        }
        try:
            event = adapter.validate_python(data)
        except ValidationError as error:
            raise _invalid(error) from error
        self._desk(event.desk)
        return await self._submissions.take(event)

    async def _gateway(self, request: Request, desk: str) -> Principal:
        principal = await principal_of(request)
        if not principal.has(Role.GATEWAY):
            raise Forbidden("this needs the role gateway")
        if not principal.may(desk, Role.GATEWAY):
            raise Forbidden(f"this token is not for the desk {desk[:63]}")
        return principal

    def _desk(self, desk: str) -> Desk:
        found = self._desks.by_id.get(desk)
        if found is None:
            problem = FieldProblem("body.desk", f"there is no desk {desk[:63]}")
            raise HttpProblem(422, problem.detail, errors=[problem])
        return found

    def _delivery(self, key: str | None, who: Principal | None) -> str:
        """The delivery key: from the sender's own, so that a case sent twice is one."""
        if key is None:
            return f"case:{self._ids.new()}"
        named = f"{who.subject if who else 'form'}\0{key}"
        return f"case:{hashlib.sha256(named.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _has_form_key(desk: Desk, given: str | None) -> bool:
    if given is None:
        return False
    known = [compare_digest(given.encode(), each.encode()) for each in desk.form_keys]
    return any(known)


def _form(
    case: Case, desk: Desk, delivery: str, who: Principal | None, now: datetime
) -> FormSubmitted:
    authentication = (
        Authentication(result="passed", method="token", detail=who.subject)
        if who
        else Authentication(result="none", method="form_key")
    )
    return FormSubmitted(
        desk=desk.id,
        occurred_at=now,
        recorded_at=now,
        delivery=delivery,
        conversation=key_of("portal", desk.id, delivery).hex(),
        authentication=authentication,
        form=case.form,
        fields={storable(name): storable(value) for name, value in case.fields.items()},
        requester=contact_of(case.requester),
        subject_line=storable(case.subject),
        text=paragraphs(case.text, MAX_CASE_TEXT),
        severity=case.severity,
        priority=case.priority,
        impact=case.impact,
        urgency=case.urgency,
        product=case.product,
    )


def _invalid(error: ValidationError) -> HttpProblem:
    fields = [
        FieldProblem(".".join(("body", *(str(step) for step in each["loc"]))), each["msg"])
        for each in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    detail = "; ".join(f"{each.field}: {each.detail}" for each in fields[:3])
    return HttpProblem(422, detail, errors=fields)
