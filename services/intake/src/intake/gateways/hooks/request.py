"""What a webhook's provider sends and is answered, and how a provider is described to the route."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from starlette.datastructures import Headers

from intake.domain.desk import Desk
from intake.domain.hooks import Hook
from pledge.events import Authentication, ChannelEvent

JSON: Final = "application/json"
XML: Final = "text/xml"


class NotSigned(Exception):
    """The request is not from who holds a secret of the hook: 401. `reason` is a metric label."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unreadable(Exception):
    """The request is signed and can't be read: 400. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One request, as it came. `url` is what the provider called, `step` what follows the hook's
    name in its path."""

    url: str
    headers: Headers
    query: str
    body: bytes
    step: str
    now: datetime

    @property
    def content_type(self) -> str:
        """The media type, in small letters, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class HookContext:
    """Whose hook it is. `url` is the hook's public address, without a slash at its end."""

    desk: Desk
    hook: Hook
    url: str
    now: datetime

    def delivery(self, *parts: str) -> str:
        """The key of a delivery by the provider's own id of it."""
        return ":".join((self.hook.name, *parts))

    def signed(self, detail: str = "") -> Authentication:
        """What the gateway found: the signature of the hook's secret."""
        return Authentication(
            result="passed", method="signature", detail=detail or f"{self.hook.kind} webhook"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider is answered with its 200."""

    content: str = ""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Taken:
    """The events of a request; without any, `end` says why there are none."""

    answer: Answer
    events: Sequence[ChannelEvent] = ()
    end: str = "accepted"


class Provider(Protocol):
    """What is particular to one kind of hook."""

    @property
    def answers_within(self) -> timedelta:
        """How long Kafka may take: shorter than the provider waits."""

    @property
    def needs_public_url(self) -> bool:
        """Whether the address that was called is signed, or given back to the provider."""

    def problem_of(self, secret: str) -> str | None:
        """What is wrong with a secret, or None."""

    def verify(self, request: HookRequest, secrets: Sequence[str]) -> None:
        """Raise NotSigned if the request is not by a holder of one of the secrets."""

    def read(self, request: HookRequest, context: HookContext) -> Taken:
        """The events of a verified request. Raises Unreadable."""
