"""Microsoft Teams: outgoing webhooks, which come when somebody mentions the webhook's name."""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from intake.gateways.hooks.chat import a_message, json_answer
from intake.gateways.hooks.request import JSON, Answer, HookContext, HookRequest, NotSigned, Taken
from intake.gateways.hooks.signatures import (
    base64_text,
    hmac_sha256,
    key_of_base64,
    problem_of_base64,
    require_match,
)
from intake.gateways.hooks.values import (
    happened_at,
    json_object,
    line_at,
    objects_at,
    text_at,
)

_MENTION: Final = re.compile(r"<at>[^<]{0,200}</at>")
_BREAK: Final = re.compile(r"<br ?/?>|</p>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_SCHEME: Final = "HMAC "
DEFAULT_ANSWER: Final = "Thank you: your message has reached support."


class Teams:
    """The security token that Teams shows is base64 of the key. There is no time in the signature:
    a message sent again is known by its id."""

    answers_within: ClassVar = timedelta(seconds=4)  # Teams waits 5 s
    needs_public_url: ClassVar = False

    def problem_of(self, secret: str) -> str | None:
        """The security token, in base64."""
        return problem_of_base64(secret)

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """`Authorization: HMAC <base64>`, HMAC-SHA256 of the body."""
        given = [
            each[len(_SCHEME) :].strip()
            for each in request.headers.getlist("authorization")
            if each[: len(_SCHEME)].upper() == _SCHEME
        ]
        if not given:
            raise NotSigned("unsigned")
        right = [base64_text(hmac_sha256(key_of_base64(each), request.body)) for each in secrets]
        require_match(given, right)

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """A message to the desk; Teams shows the answer below it, and an error without one."""
        body = json_object(request.body)
        thanks = Answer(
            json_answer(type="message", text=context.hook.answer or DEFAULT_ANSWER), JSON
        )
        if line_at(body, "type") != "message":
            return Taken(thanks, end="other_event")
        channel = line_at(body, "channelData", "channel", "id") or line_at(
            body, "channelData", "teamsChannelId"
        )
        if context.hook.channels and channel not in context.hook.channels:
            return Taken(thanks, end="other_channel")
        own_id, conversation = line_at(body, "id"), line_at(body, "conversation", "id")
        text = _words(body)
        if not own_id or not text:
            return Taken(thanks, end="no_words")
        user = line_at(body, "from", "aadObjectId") or line_at(body, "from", "id")
        message = a_message(
            context,
            delivery=("teams", conversation, own_id),
            conversation=f"teams:{conversation or own_id}",
            user=f"teams:{user or 'unknown'}",
            user_id=user,
            name=line_at(body, "from", "name"),
            line=channel,
            text=text,
            occurred_at=happened_at(line_at(body, "timestamp"), context.now),
        )
        return Taken(thanks, [message])


def _words(body: Mapping[str, Any]) -> str:
    """The text without the mention that brought it here, and the names of files."""
    text = _MENTION.sub(" ", text_at(body, "text"))
    if line_at(body, "textFormat").lower() != "plain":
        text = _TAG.sub("", _BREAK.sub("\n", text))
    files = [
        f"File: {line_at(each, 'name')} {line_at(each, 'contentUrl', limit=1_000)}".rstrip()
        for each in objects_at(body, "attachments")
        if line_at(each, "name")
    ]
    return "\n".join([html.unescape(text).replace("\xa0", " ").strip(), *files]).strip()
