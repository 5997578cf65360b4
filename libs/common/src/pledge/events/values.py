"""The values that several events share: times, texts, people, attachments, authentication."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic_core import PydanticCustomError

from pledge.events.instants import NotAnInstant, OutOfBounds, bounded, bounded_instant

EXCERPT_LENGTH = 16_000
"""Characters of a customer's or agent's text that a ticket event repeats; the rest stays with the
channel event and in intake."""

OUT_OF_BOUNDS = "instant_out_of_bounds"
"""The type of the error of an instant that lies outside the bounds."""

LINE_LENGTH = 1_000
"""Characters kept of a one-line text."""

SUBJECT_LENGTH = 8_000
"""Characters kept of a subject: mail limits lines, not fields, so that one may be long."""


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether this is an IANA zone that is known here: a `Contact` may name any."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _instant(value: object) -> object:
    """An RFC 3339 time or an aware instant, in UTC; without an offset, what pydantic refuses."""
    try:
        if isinstance(value, str):
            return bounded_instant(value)
        if isinstance(value, datetime):
            return value if value.tzinfo is None else bounded(value)
    except NotAnInstant as error:
        raise PydanticCustomError("instant", "{reason}", {"reason": str(error)}) from error
    except OutOfBounds as error:
        raise PydanticCustomError(OUT_OF_BOUNDS, "{reason}", {"reason": str(error)}) from error
    raise PydanticCustomError("instant", "is no text with an RFC 3339 time")


def _no_unset_instant(text: str) -> str:
    """A form's own field that is an instant as a whole lies within the bounds, too."""
    if text[10:11] in ("T", "t"):
        try:
            bounded_instant(text)
        except NotAnInstant:
            return text
        except OutOfBounds as error:
            raise PydanticCustomError(OUT_OF_BOUNDS, "{reason}", {"reason": str(error)}) from error
    return text


def _cut(length: int) -> Callable[[str], str]:
    return lambda text: text if len(text) <= length else f"{text[: length - 1]}…"


shortened = _cut(LINE_LENGTH)
"""A text as a `Line` has it after validation."""

_SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"

DeskId = Annotated[str, Field(pattern=_SLUG, description="The desk's slug: `vircom`.")]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""An aware instant within the bounds of `pledge.events.instants`, in UTC after validation."""

FieldText = Annotated[str, AfterValidator(_no_unset_instant)]
"""The text of a form's own field, which no desk-independent type describes."""

Excerpt = Annotated[str, AfterValidator(_cut(EXCERPT_LENGTH))]
"""Text that is cut to `EXCERPT_LENGTH` characters, never refused: a long mail is no error."""

Line = Annotated[str, AfterValidator(shortened)]
"""One line of text, cut to `LINE_LENGTH` characters, never refused."""

SubjectLine = Annotated[str, AfterValidator(_cut(SUBJECT_LENGTH))]
"""A subject in full, cut to `SUBJECT_LENGTH` characters, never refused; lists cut it shorter."""


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
    is_inline: bool = Field(default=False, description="Shown within the text, such as a picture.")
    content_id: str | None = Field(
        default=None, description="By which HTML names an inline file: `cid:` and this."
    )
    url: str | None = Field(
        default=None,
        description="Where it is fetched without a sign-in, for a time; in requests of mails.",
    )
