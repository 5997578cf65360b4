"""Requests to hooks, as the gateway hands them to a provider."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers

from intake.domain.hooks import Hook, HookKind, VoiceMenu
from intake.gateways.hooks.request import HookContext, HookRequest
from pledge.events import ChannelEvent
from unit.intake.builders import a_desk

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOOK_URL = "https://pledge.example/hooks/demo/hook"


def a_request(
    body: bytes, headers: Mapping[str, str], *, step: str = "", query: str = "", now: datetime = NOW
) -> HookRequest:
    url = HOOK_URL + (f"/{step}" if step else "") + (f"?{query}" if query else "")
    return HookRequest(url, Headers(dict(headers)), query, body, step, now)


def a_context(kind: HookKind, voice: VoiceMenu | None = None, **hook: Any) -> HookContext:
    own = Hook("hook", kind, ("secret",), voice=voice, **hook)
    return HookContext(a_desk(), own, HOOK_URL, NOW)


def only(events: Any) -> ChannelEvent:
    (event,) = events
    assert isinstance(event, ChannelEvent)
    return event
