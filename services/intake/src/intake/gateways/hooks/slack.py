"""Slack: the Events API and slash commands, as one app sends them."""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from intake.gateways.hooks.chat import a_message, json_answer
from intake.gateways.hooks.request import JSON, Answer, HookContext, HookRequest, NotSigned, Taken
from intake.gateways.hooks.signatures import (
    hmac_sha256,
    problem_of_text,
    require_fresh,
    require_match,
)
from intake.gateways.hooks.values import (
    form_fields,
    happened,
    json_object,
    line_at,
    object_at,
    objects_at,
    text_at,
)

_MESSAGES: Final = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
_LINK: Final = re.compile(r"<([^<>|]{1,4000})(?:\|([^<>]{0,4000}))?>")
_OK: Final = Answer()


class Slack:
    """Slack's signatures and events. A retry is a delivery like the first, and known by its key."""

    answers_within: ClassVar = timedelta(seconds=2.5)  # Slack waits 3 s
    needs_public_url: ClassVar = False

    def problem_of(self, secret: str) -> str | None:
        """The signing secret is used as it is shown."""
        return problem_of_text(secret)

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """HMAC-SHA256 of `v0:<timestamp>:<body>`."""
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        given = request.headers.getlist("x-slack-signature")
        if not given:
            raise NotSigned("unsigned")
        content = b"v0:" + timestamp.encode("utf-8", "replace") + b":" + request.body
        right = [f"v0={hmac_sha256(each.encode(), content).hex()}" for each in secrets]
        require_match(given, right)
        require_fresh(timestamp, request.now)

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """A message, an edit or a command; all else has no words for the desk."""
        if request.content_type == "application/x-www-form-urlencoded":
            return _command(dict(form_fields(request.body)), context)
        body = json_object(request.body)
        kind = line_at(body, "type")
        if kind == "url_verification":
            return Taken(Answer(line_at(body, "challenge")), end="handshake")
        if kind == "app_rate_limited":
            return Taken(_OK, end="rate_limited")
        event = object_at(body, "event")
        if kind != "event_callback" or line_at(event, "type") not in ("message", "app_mention"):
            return Taken(_OK, end="other_event")
        if context.hook.channels and line_at(event, "channel") not in context.hook.channels:
            return Taken(_OK, end="other_channel")
        subtype = line_at(event, "subtype")
        if subtype in ("message_changed", "message_deleted"):
            return _edited(body, event, subtype == "message_deleted", context)
        if subtype not in _MESSAGES:
            return Taken(_OK, end="other_event")
        return _message(body, event, context)


def _message(body: Mapping[str, Any], event: Mapping[str, Any], context: HookContext) -> Taken:
    """A message. One that mentions the app comes as two events, of one channel and time."""
    at = line_at(event, "ts") or line_at(body, "event_id")
    text = _words(event)
    if not at or not text:
        return Taken(_OK, end="no_words")
    message = a_message(
        context,
        delivery=("slack", _team(body, event), line_at(event, "channel"), at),
        conversation=_thread(body, event, event),
        user=_user(body, event),
        user_id=line_at(event, "user") or line_at(event, "bot_id"),
        name=line_at(event, "user_profile", "real_name"),
        is_bot=bool(event.get("bot_id")) or line_at(event, "subtype") == "bot_message",
        line=line_at(event, "channel"),
        text=text,
        occurred_at=happened(at, context.now),
    )
    return Taken(_OK, [message])


def _edited(
    body: Mapping[str, Any], event: Mapping[str, Any], is_deleted: bool, context: HookContext
) -> Taken:
    """New words of an old message. Slack reports a link's preview as a change, too: same words."""
    old = object_at(event, "previous_message")
    new = old if is_deleted else object_at(event, "message")
    text, before = _words(new), _words(old)
    if not text or (text == before and not is_deleted):
        return Taken(_OK, end="same_words")
    event_id = line_at(body, "event_id") or f"{line_at(event, 'ts')}:{line_at(new, 'ts')}"
    user = line_at(new, "user")
    said = f"(Deleted in Slack.)\n{text}" if is_deleted else f"(Edited.)\n{text}"
    message = a_message(
        context,
        delivery=("slack", event_id),
        conversation=_thread(body, event, new),
        user=_user(body, new),
        user_id=user,
        name=line_at(new, "user_profile", "real_name"),
        # What the desk's own people corrected, and what was taken back, asks for nothing.
        is_bot=bool(new.get("bot_id")),
        is_note=is_deleted or user in context.hook.agents,
        line=line_at(event, "channel"),
        text=said,
        occurred_at=happened(line_at(event, "ts"), context.now),
    )
    return Taken(_OK, [message])


def _command(form: Mapping[str, str], context: HookContext) -> Taken:
    """A slash command: its words are a message that begins a conversation."""
    text, trigger = text_at(form, "text"), line_at(form, "trigger_id")
    if not trigger or "command" not in form:
        return Taken(_OK, end="other_event")
    if not text:
        usage = f"Write what you need after the command: {line_at(form, 'command')} …"
        return Taken(_private(usage), end="no_words")
    team, user = line_at(form, "team_id"), line_at(form, "user_id")
    message = a_message(
        context,
        delivery=("slack", trigger),
        conversation=f"slack:{team}:{trigger}",
        user=f"slack:{team}:{user}",
        user_id=user,
        name=line_at(form, "user_name"),
        line=line_at(form, "channel_id"),
        text=text,
        occurred_at=context.now,
    )
    return Taken(_private(context.hook.answer or "Your message has reached support."), [message])


def _private(text: str) -> Answer:
    return Answer(json_answer(response_type="ephemeral", text=text), JSON)


def _team(body: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    return line_at(body, "team_id") or line_at(event, "team")


def _user(body: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    user = line_at(event, "user") or line_at(event, "bot_id") or "unknown"
    return f"slack:{_team(body, event)}:{user}"


def _thread(body: Mapping[str, Any], event: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    root = line_at(message, "thread_ts") or line_at(message, "ts")
    return f"slack:{_team(body, event)}:{line_at(event, 'channel')}:{root}"


def _words(message: Mapping[str, Any]) -> str:
    """The message in plain text, with what its attachments say and the names of its files."""
    parts = [_plain(text_at(message, "text"))]
    if not parts[0]:
        parts += [
            _plain(text_at(each, "text") or text_at(each, "fallback"))
            for each in objects_at(message, "attachments")
        ]
    parts += [
        f"File: {line_at(each, 'name')} {line_at(each, 'permalink', limit=1_000)}".rstrip()
        for each in objects_at(message, "files")
    ]
    return "\n".join(part for part in parts if part)


def _plain(text: str) -> str:
    """Slack's markup in words: `<https://a|label>` is `label (https://a)`."""
    return html.unescape(_LINK.sub(_link, text)) if text else ""


def _link(found: re.Match[str]) -> str:
    target, label = found[1], found[2]
    if target[0] in "@#!":
        return f"{target[0].replace('!', '@')}{label.lstrip('@#') if label else target[1:]}"
    return f"{label} ({target})" if label and label != target else target
