"""Values out of what providers send: whatever is there, no value raises anything but Unreadable."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from intake.domain.text import one_line, paragraphs
from intake.gateways.hooks.request import HookRequest, Unreadable

MAX_FIELDS: Final = 1_000
MAX_TEXT: Final = 60_000
"""Characters of one message's text, as of a case's."""
MAX_ID: Final = 500
LATE: Final = timedelta(days=7)
"""What a provider dates earlier is dated by its arrival: no provider sends again for longer."""
_SECONDS: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{0,9})?")
_MILLISECONDS_FROM: Final = 10**11
_E164: Final = re.compile(r"\+[0-9]{5,15}")
_WITHHELD: Final = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
"""What Twilio puts for a number that the caller withholds: words on a phone's keys."""


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that the body is. Raises Unreadable."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("the body is not a JSON object")
    return found


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, in order. Raises Unreadable."""
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise Unreadable(
            "the body is not a form in UTF-8, of a bounded number of fields"
        ) from error


def form_or_json(request: HookRequest) -> Mapping[str, Any]:
    """The fields of the body, by its content type. Raises Unreadable."""
    if request.content_type == "application/json":
        return json_object(request.body)
    return dict(form_fields(request.body))


def at(source: object, *path: str) -> object:
    """What stands at the path in nested objects, or None."""
    for name in path:
        if not isinstance(source, Mapping):
            return None
        source = source.get(name)
    return source


def object_at(source: object, *path: str) -> Mapping[str, Any]:
    """The object at the path; an empty one if there is none."""
    found = at(source, *path)
    return found if isinstance(found, Mapping) else {}


def objects_at(source: object, *path: str) -> list[Mapping[str, Any]]:
    """The objects of the list at the path, at most a hundred."""
    found = at(source, *path)
    return (
        [each for each in found[:100] if isinstance(each, Mapping)]
        if isinstance(found, list)
        else []
    )


def line_at(source: object, *path: str, limit: int = MAX_ID) -> str:
    """The text at the path, on one line; empty if there is none. Numbers are texts, too."""
    found = at(source, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    if isinstance(found, int) and abs(found) > 10**30:
        return ""
    return one_line(str(found), limit)


def text_at(source: object, *path: str) -> str:
    """The paragraphs at the path; empty if there are none."""
    found = at(source, *path)
    return paragraphs(found, MAX_TEXT) if isinstance(found, str) else ""


def unix_seconds(text: str) -> float | None:
    """Seconds since 1970 (from 1973 on also as milliseconds), or None."""
    if _SECONDS.fullmatch(text) is None:
        return None
    value = float(text)
    return value / 1_000 if value >= _MILLISECONDS_FROM else value


def happened(seconds: str, now: datetime) -> datetime:
    """When the provider says that it was, if that can be; else now."""
    value = unix_seconds(seconds)
    return now if value is None else _plausible(datetime.fromtimestamp(value, UTC), now)


def happened_at(text: str, now: datetime) -> datetime:
    """The same, of an RFC 3339 time."""
    try:
        found = datetime.fromisoformat(text)
        return _plausible(found, now) if found.tzinfo is not None else now
    except (ValueError, OverflowError):
        return now


def _plausible(at: datetime, now: datetime) -> datetime:
    return at.astimezone(UTC) if now - LATE <= at <= now else now


def phone_number(text: str) -> str | None:
    """The number in E.164; None if it is withheld or none. Exchanges often leave out the plus."""
    digits = re.sub(r"[\s()./-]", "", text[:100])
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.isascii() and digits.isdigit() and not digits.startswith("0") and len(digits) > 6:
        digits = "+" + digits
    return digits if _E164.fullmatch(digits) and digits not in _WITHHELD else None
