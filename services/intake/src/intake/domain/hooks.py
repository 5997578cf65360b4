"""The webhooks by which providers of chat and phone bring a desk its messages and calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

HookKind: TypeAlias = Literal[
    "slack", "mattermost", "teams", "webhook", "twilio_sms", "twilio_voice", "cti"
]


@dataclass(frozen=True, slots=True)
class VoiceMenu:
    """What a caller hears before the beep. ``menu`` asks for up to ``digits`` keys; those that are
    an extension of the number are it, others are the choice."""

    greeting: str
    before_recording: str
    goodbye: str
    menu: str | None = None
    digits: int = 1
    extension: str | None = None
    language: str = "en-US"
    transcribes: bool = True


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a desk. ``secrets`` are names, by which the operator gives their values;
    a second one counts while it is replaced. ``agents`` are the desk's own people: the provider's
    user and their address. Without ``channels`` every channel counts."""

    name: str
    kind: HookKind
    secrets: tuple[str, ...]
    agents: Mapping[str, str] = field(default_factory=dict)
    channels: frozenset[str] = frozenset()
    answer: str | None = None
    voice: VoiceMenu | None = None
