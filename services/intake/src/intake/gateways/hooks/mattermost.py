"""Mattermost: outgoing webhooks and slash commands, which carry a shared token and no signature."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from intake.gateways.hooks.chat import a_message, json_answer
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
from intake.gateways.hooks.values import form_or_json, happened, line_at, text_at

_NOTHING: Final = Answer("{}", JSON)


class Mattermost:
    """The token stands in the body: it has to be read first, by readers that are bounded."""

    answers_within: ClassVar = timedelta(seconds=4)  # Mattermost waits 5 s at the least
    needs_public_url: ClassVar = False

    def problem_of(self, secret: str) -> str | None:
        """The token is used as it is shown."""
        return problem_of_text(secret)

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """The token of the hook, in the body."""
        try:
            token = line_at(form_or_json(request), "token")
        except Unreadable as error:
            raise NotSigned("unsigned") from error
        require_match([token], secrets)

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """A message; replies to it in its thread name their root where the server says it."""
        body = form_or_json(request)
        channel, user = line_at(body, "channel_id"), line_at(body, "user_id")
        own_id = line_at(body, "post_id") or line_at(body, "trigger_id")
        text = text_at(body, "text")
        files = line_at(body, "file_ids", limit=1_000)
        if files:
            text = f"{text}\nFiles in Mattermost: {files}".strip()
        if context.hook.channels and channel not in context.hook.channels:
            return Taken(_NOTHING, end="other_channel")
        if not own_id or not text:
            return Taken(_NOTHING, end="no_words")
        message = a_message(
            context,
            delivery=("mattermost", own_id),
            conversation=f"mattermost:{channel}:{line_at(body, 'root_id') or own_id}",
            user=f"mattermost:{user or 'unknown'}",
            user_id=user,
            name=line_at(body, "user_name"),
            line=line_at(body, "channel_name") or channel,
            text=text,
            occurred_at=happened(line_at(body, "timestamp"), context.now),
        )
        return Taken(_answer(message.sender_kind, context), [message])


def _answer(kind: str, context: HookContext) -> Answer:
    words = context.hook.answer
    if words is None or kind != "requester":
        return _NOTHING
    return Answer(json_answer(text=words, response_type="comment"), JSON)
