"""Signed webhooks of any program (Standard Webhooks 1.0): the data of a chat or phone event."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, TypeAdapter, ValidationError

from intake.domain.text import storable
from intake.gateways.hooks.request import (
    Answer,
    HookContext,
    HookRequest,
    NotSigned,
    Taken,
    Unreadable,
)
from intake.gateways.hooks.signatures import (
    base64_text,
    hmac_sha256,
    key_of_base64,
    problem_of_base64,
    require_fresh,
    require_match,
)
from intake.gateways.hooks.values import happened_at, json_object, line_at, object_at
from pledge.events import (
    CallAnswered,
    CallEnded,
    CallReceived,
    ChannelEvent,
    ChatEnded,
    ChatMessageReceived,
    VoicemailLeft,
    VoicemailTranscribed,
)

_PREFIX: Final = "whsec_"
_ANSWER: Final = Answer()
_EVENTS: Final[TypeAdapter[ChannelEvent]] = TypeAdapter(
    Annotated[
        ChatMessageReceived
        | ChatEnded
        | CallReceived
        | CallAnswered
        | CallEnded
        | VoicemailLeft
        | VoicemailTranscribed,
        Field(discriminator="type"),
    ]
)


class StandardWebhook:
    """The signature is over `<id>.<timestamp>.<body>`; while a sender changes its secret it may
    send several."""

    answers_within: ClassVar = timedelta(seconds=10)  # senders wait 15 s or longer
    needs_public_url: ClassVar = False

    def problem_of(self, secret: str) -> str | None:
        """`whsec_` and base64 of the key."""
        return problem_of_base64(secret.removeprefix(_PREFIX))

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """`webhook-signature: v1,<base64>`, separated by spaces."""
        own_id = request.headers.get("webhook-id", "")
        timestamp = request.headers.get("webhook-timestamp", "")
        given = [
            signature
            for header in request.headers.getlist("webhook-signature")
            for each in header[:10_000].split(" ")
            for version, comma, signature in [each.partition(",")]
            if comma and version == "v1"
        ]
        if not given or not own_id:
            raise NotSigned("unsigned")
        content = f"{own_id}.{timestamp}.".encode("utf-8", "replace") + request.body
        keys = [key_of_base64(each.removeprefix(_PREFIX)) for each in secrets]
        require_match(given[:20], [base64_text(hmac_sha256(key, content)) for key in keys])
        require_fresh(timestamp, request.now)

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """The body is the event's data, or has it in `data` beside `type` and `timestamp`. What it
        leaves out is filled in; desk and authentication are not its to say."""
        body = json_object(request.body)
        inner = object_at(body, "data")
        said: Mapping[str, Any] = {"type": line_at(body, "type"), **inner} if inner else body
        own_id = request.headers.get("webhook-id", "")[:500]
        when = line_at(said, "occurred_at") or line_at(body, "timestamp")
        data = {
            "conversation": own_id,
            **_storable(said),
            "desk": context.desk.id,
            "delivery": context.delivery("webhook", own_id),
            "authentication": context.signed(),
            "occurred_at": happened_at(when, context.now),
            "recorded_at": context.now,
        }
        try:
            return Taken(_ANSWER, [_EVENTS.validate_python(data)])
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise Unreadable(f"{place or 'body'}: {first['msg']}") from error


def _storable(value: Any) -> Any:
    """The same with texts that a database can take. The parser has bounded its depth."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(name)): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value
