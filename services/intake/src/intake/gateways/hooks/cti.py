"""Telephone exchanges that push their calls as forms, as they do to Zammad's CTI endpoint."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from intake.gateways.hooks.request import (
    JSON,
    Answer,
    HookContext,
    HookRequest,
    NotSigned,
    Taken,
    Unreadable,
)
from intake.gateways.hooks.signatures import problem_of_text, require_match
from intake.gateways.hooks.values import form_fields, json_object, line_at, phone_number
from pledge.events import CallAnswered, CallEnded, CallReceived, Contact

_NOTHING: Final = Answer("{}", JSON)


class Cti:
    """Exchanges sign nothing. The secret comes as a password or bearer token, or, for those that
    know only an address, as `token` in its query."""

    answers_within: ClassVar = timedelta(seconds=4)
    needs_public_url: ClassVar = False

    def problem_of(self, secret: str) -> str | None:
        """The secret is used as it is written."""
        return problem_of_text(secret)

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """The secret itself."""
        given = list(_tokens(request))
        if not given:
            raise NotSigned("unsigned")
        require_match(given, secrets)

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """newCall, answer or hangup of a call that came in. Exchanges don't send again: each tells
        of the call itself, too, in case we were away when it rang."""
        form = _fields(request)
        call, event = line_at(form, "callId") or line_at(form, "call_id"), line_at(form, "event")
        if not call:
            raise Unreadable("callId: is missing")
        if line_at(form, "direction").lower() == "out":
            return Taken(_NOTHING, end="outbound")
        received = CallReceived(**_phone(form, context, call, "received"))
        match event:
            case "newCall":
                return Taken(_NOTHING, [received])
            case "answer":
                common = _phone(form, context, call, "answered")
                answered = CallAnswered(**common, answered_by=_agent(form))
                return Taken(_NOTHING, [received, answered])
            case "hangup":
                common = _phone(form, context, call, "ended")
                return Taken(_NOTHING, [received, CallEnded(**common, duration=timedelta(0))])
            case _:
                return Taken(_NOTHING, end="other_event")


def _tokens(request: HookRequest) -> list[str]:
    found = []
    for each in request.headers.getlist("authorization"):
        scheme, _, rest = each.partition(" ")
        if scheme.lower() == "bearer":
            found.append(rest.strip())
        elif scheme.lower() == "basic":
            try:
                decoded = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "replace")
            except (ValueError, binascii.Error):
                continue
            found.append(decoded.partition(":")[2])
    try:
        query = parse_qsl(request.query[:2_000], max_num_fields=20)
    except ValueError:
        query = []
    return found + [value for name, value in query if name == "token"]


def _fields(request: HookRequest) -> Mapping[str, Any]:
    if request.content_type == JSON:
        return json_object(request.body)
    # `user[]` comes once for each agent whose phone rings; of an answered call, once.
    return dict(form_fields(request.body))


def _agent(form: Mapping[str, Any]) -> str:
    users = form.get("user")
    first = line_at({"user": users[0]}, "user") if isinstance(users, list) and users else ""
    return first or line_at(form, "user[]") or line_at(form, "user") or line_at(
        form, "answeringNumber") or "unknown"  # fmt: skip


def _phone(form: Mapping[str, Any], context: HookContext, call: str, what: str) -> dict[str, Any]:
    called, caller = line_at(form, "to"), line_at(form, "from")
    return {
        "desk": context.desk.id,
        "occurred_at": context.now,
        "recorded_at": context.now,
        "delivery": context.delivery("cti", call, what),
        "conversation": f"cti:{context.hook.name}:{call}",
        "authentication": context.signed("token of the exchange"),
        "call_id": call,
        "line": phone_number(called) or called or "unknown",
        "caller": Contact(
            name=line_at(form, "callerName") or None, phone=phone_number(caller) or _digits(caller)
        ),
    }


def _digits(caller: str) -> str | None:
    """A number within the country, or an extension, as the exchange shows it; None: withheld."""
    return caller if caller.isascii() and caller.isdigit() else None
