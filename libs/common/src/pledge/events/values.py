"""The values that several events share: times, texts, people, attachments, authentication."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

EXCERPT_LENGTH = 16_000
"""Characters of a customer's or agent's text that a ticket event repeats; the rest stays with the
channel event and in intake."""

LINE_LENGTH = 1_000
"""Characters kept of a one-line text such as a mail's subject."""


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether this is an IANA zone that is known here: a `Contact` may name any."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _to_utc(instant: datetime) -> datetime:
    """The same instant in UTC; one that UTC cannot express is refused as any other bad value."""
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the instant lies outside the years 1 to 9999 UTC") from error


def _cut(length: int) -> Callable[[str], str]:
    return lambda text: text if len(text) <= length else f"{text[: length - 1]}…"


_SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"

DeskId = Annotated[str, Field(pattern=_SLUG, description="The desk's slug: `vircom`.")]
Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware instant, always in UTC after validation."""

Excerpt = Annotated[str, AfterValidator(_cut(EXCERPT_LENGTH))]
"""Text that is cut to `EXCERPT_LENGTH` characters, never refused: a long mail is no error."""

Line = Annotated[str, AfterValidator(_cut(LINE_LENGTH))]
"""One line of text, cut to `LINE_LENGTH` characters, never refused."""


class Value(BaseModel):
    """A part of an event: immutable, compared by content; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Contact(Value):
    """A person outside the desk and the ways to reach them. All is optional: a caller may withhold
    the number, a chat visitor the name."""

    name: Line | None = Field(default=None, description="As the person or provider gave it.")
    email: str | None = Field(default=None, description="Address without display name.")
    phone: str | None = Field(default=None, description="E.164, such as +15550100.")
    chat: str | None = Field(default=None, description="`provider:user`, or the visitor's session.")
    zone: str | None = Field(default=None, description="IANA zone to show times in.")
    language: str | None = Field(default=None, description="BCP 47 tag of the language to use.")


class Actor(Value):
    """Who did something, on either side, or which rule of the desk did."""

    kind: str = Field(description="Open set: agent, requester, rule, system.")
    id: str = Field(description="The token's subject, the address, or the rule's name.")
    name: Line | None = Field(default=None, description="To show to people.")


class Authentication(Value):
    """What the gateway found out about who sent a delivery."""

    result: Literal["passed", "failed", "none"] = Field(
        description="`none`: the channel offered nothing to check."
    )
    method: str = Field(default="", description="dkim, spf, signature, session, caller_id, …")
    detail: str = Field(default="", description="For people: which key, domain or user.")


class AttachmentRef(Value):
    """Where an attachment is kept. The bytes never travel on the bus."""

    name: Line = Field(description="File name as sent; not safe as a path.")
    content_type: str = Field(description="Media type as sent; not to be trusted.")
    size: int = Field(ge=0, description="Bytes.")
    sha256: str = Field(description="Of the bytes, hexadecimal.")
    key: str = Field(description="Where intake keeps the bytes.")
