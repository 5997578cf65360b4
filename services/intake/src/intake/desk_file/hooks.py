"""The section `hooks` of `intake.yaml`: webhooks of chat and phone providers."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from intake.desk_file.common import Name, Text, address_of
from intake.domain.hooks import Hook, HookKind, VoiceMenu
from pledge.runtime.desk_file.model import Like, Part, Slug, one_or_more

_CHAT_PROGRAMS: Final = ("slack", "mattermost", "teams")
_ANSWERING: Final = (*_CHAT_PROGRAMS, "twilio_sms")

SecretNames = Annotated[
    tuple[Name, ...], BeforeValidator(one_or_more), Field(min_length=1, max_length=2)
]


class VoiceEntry(Part):
    """What callers hear, in the voice of `language`."""

    greeting: Text
    menu: Text | None = None
    menu_digits: int = Field(default=1, ge=1, le=8)
    extension: Annotated[str, Like(r"^[0-9]{1,8}$", "up to 8 digits")] | None = None
    before_recording: Text = "Please leave a message after the tone."
    goodbye: Text = "Thank you. Goodbye."
    language: Annotated[
        str, Like(r"^[a-z]{2,3}-[A-Z]{2}$", "a language with its country, such as en-US")
    ] = "en-US"
    transcribe: bool = True

    @model_validator(mode="after")
    def _has_one_extension(self) -> Self:
        if self.menu is not None and self.extension is not None:
            raise ValueError("has `menu` and `extension`: the menu asks for it; keep one")
        return self


class HookEntry(Part):
    """A webhook at /hooks/<desk>/<name>. `secrets` names secrets that the operator sets."""

    name: Slug
    kind: HookKind
    secrets: SecretNames
    agents: Annotated[
        Mapping[Annotated[str, Field(min_length=1, max_length=200)], str], Field(max_length=1_000)
    ] = {}
    channels: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=1_000)
    ] = ()
    answer: Text | None = None
    voice: VoiceEntry | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_takes(self) -> Self:
        for key, given, kinds in (
            ("agents", self.agents, _CHAT_PROGRAMS),
            ("channels", self.channels, _CHAT_PROGRAMS),
            ("answer", self.answer, _ANSWERING),
            ("voice", self.voice, ("twilio_voice",)),
        ):
            if given and self.kind not in kinds:
                raise ValueError(f"`{key}` is for hooks of the kind {', '.join(kinds)}: remove it")
        if self.kind == "twilio_voice" and self.voice is None:
            raise ValueError("needs `voice`: what callers hear, at least its `greeting`")
        for user, address in self.agents.items():
            if "@" not in address:
                raise ValueError(f"the agent {user} should be a mail address, not {address}")
            address_of(address)
        return self


def hooks_of(entries: Iterable[HookEntry]) -> Mapping[str, Hook]:
    """The hooks as the domain's values, by name."""
    return MappingProxyType({each.name: _hook(each) for each in entries})


def _hook(entry: HookEntry) -> Hook:
    voice = entry.voice
    return Hook(
        name=entry.name,
        kind=entry.kind,
        secrets=entry.secrets,
        agents=MappingProxyType({user: address_of(each) for user, each in entry.agents.items()}),
        channels=frozenset(entry.channels),
        answer=entry.answer,
        voice=None
        if voice is None
        else VoiceMenu(
            greeting=voice.greeting,
            before_recording=voice.before_recording,
            goodbye=voice.goodbye,
            menu=voice.menu,
            digits=voice.menu_digits,
            extension=voice.extension,
            language=voice.language,
            transcribes=voice.transcribe,
        ),
    )
