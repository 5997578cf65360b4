"""The requests of the phone provider: how a call went, and which key was pressed.

They are signed with the desk's own token. The desk comes from the path, so that nothing in the
request chooses the secret that it is checked with.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from notify.application.context import NotifyContext
from notify.application.escalation import Escalator
from notify.channels.twiml import ACKNOWLEDGE_KEY, say
from notify.delivery.events import call_event
from notify.domain.delivery import Reason
from notify.domain.desk import Desk, Voice
from notify.domain.page import Reason as PageReason
from notify.storage import deliveries
from notify.storage.published_events import number_events
from pledge.runtime.auth.twilio_signature import is_signed
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.outbox.writer import Outbox

ANSWERED = "answered"
_OUTCOMES = {
    "in-progress": ANSWERED,
    "completed": ANSWERED,
    "busy": Reason.BUSY.value,
    "no-answer": Reason.NOT_ANSWERED.value,
    "failed": Reason.REFUSED.value,
    "canceled": Reason.REFUSED.value,
}
_ANSWERS = {
    PageReason.ACKNOWLEDGED: "Thank you. It is yours.",
    PageReason.ALREADY_ACKNOWLEDGED: "Thank you. Somebody has it already.",
    PageReason.ALREADY_RESOLVED: "Thank you. It is over already.",
}


class CallsApi:
    """Answers the provider. `public_url` is the address that it calls, and signs."""

    def __init__(
        self, outbox: Outbox, context: NotifyContext, escalator: Escalator, public_url: str
    ) -> None:
        self._outbox = outbox
        self._context = context
        self._escalator = escalator
        self._public_url = public_url

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(include_in_schema=False)
        add = router.add_api_route
        add("/voice/{desk}/{delivery_id}/key", self.key, methods=["POST"])
        add("/voice/{desk}/{delivery_id}/status", self.status, methods=["POST"])
        return router

    async def key(self, request: Request, desk: str, delivery_id: UUID) -> Response:
        """A key was pressed: the one that acknowledges, or another: repeat the words."""
        known, form = await self._checked(request, desk)
        call = await self._call(desk, delivery_id)
        if dict(form).get("Digits") != ACKNOWLEDGE_KEY:
            return _spoken(str(call.draft.content["twiml"]))
        responder = str(call.draft.context["responder"])
        decision = None
        if call.draft.page_id is not None:
            decision = await self._escalator.acknowledge(call.draft.page_id, responder, "voice")
        reason = decision.reason if decision else PageReason.ALREADY_RESOLVED
        return _spoken(say(_ANSWERS.get(reason, "Thank you."), known.language))

    async def status(self, request: Request, desk: str, delivery_id: UUID) -> Response:
        """How the call went; what is not final is not kept, and a repetition changes nothing."""
        _, form = await self._checked(request, desk)
        fields = dict(form)
        call_id = fields.get("CallSid", "")[:64]
        outcome = _OUTCOMES.get(fields.get("CallStatus", ""))
        call = await self._call(desk, delivery_id)
        if outcome is None or not call_id:
            return Response(status_code=204)
        now = self._context.clock.now()
        async with self._outbox.transaction() as transaction:
            connection = transaction.connection
            if await deliveries.note_call(connection, delivery_id, call_id, outcome, now):
                event = call_event(call.draft, call_id, outcome, call.attempts, now)
                transaction.publish(*await number_events(connection, [event]))
        return Response(status_code=204)

    async def _call(self, desk: str, delivery_id: UUID) -> deliveries.Call:
        async with self._outbox.transaction() as transaction:
            found = await deliveries.find_call(transaction.connection, desk, delivery_id)
        if found is None:
            raise HttpProblem(404, "there is no such call")
        return found

    async def _checked(self, request: Request, desk: str) -> tuple[Desk, Sequence[tuple[str, str]]]:
        """The desk and the form, if the provider's signature is right. Raises HttpProblem."""
        known = self._context.desks.get(desk)
        voice: Voice | None = known.voice if known else None
        if known is None or voice is None:
            raise HttpProblem(404, "there is no such call")
        try:
            body = (await request.body()).decode()
        except UnicodeDecodeError as error:
            raise HttpProblem(400, "the form is not UTF-8") from error
        form = parse_qsl(body, keep_blank_values=True)
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{self._public_url}{request.url.path}{query}"
        given = request.headers.getlist("x-twilio-signature")
        if not is_signed([voice.token], url, form, given):
            raise HttpProblem(403, "the signature is not accepted")
        return known, form


def _spoken(twiml: str) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{twiml}', media_type="text/xml")
