"""The values of a form of the ticket's page, as the body of its command takes them."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from intake.schemas import BODIES, CommandBody
from pledge.runtime.config.error_messages import in_words
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web.format import words

_INSTANTS: Final = ("_at", "_by")
"""How the fields of commands are called that take an instant."""
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
"""What a browser sends of a time; the forms say that it is in the desk's zone."""
_LISTS: Final = frozenset(("missing", "add", "remove"))
"""Fields that take several values, one in each line."""
_NAMED: Final = "fields"
"""The field that takes values by name, one in each line: `version: 8.4`."""


def form_values(
    form: Iterable[tuple[str, object]], known: frozenset[str], zone: ZoneInfo
) -> dict[str, Any]:
    """The fields of the form that are ``known`` and not empty; times are those of the zone."""
    return {
        name: _value(name, text, zone)
        for name, text in form
        if name in known and isinstance(text, str) and text.strip()
    }


def body_of(action: str, values: Mapping[str, Any]) -> CommandBody:
    """The body of the command. Raises HttpProblem, which says what is wrong with which field."""
    try:
        return BODIES[action].model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = words(".".join(str(step) for step in first["loc"]))
        raise HttpProblem(422, f"{field} {in_words(first)}".strip()) from error


def _value(name: str, text: str, zone: ZoneInfo) -> Any:
    if name.endswith(_INSTANTS):
        return _in_zone(text, zone)
    if name in _LISTS:
        return [line.strip() for line in text.splitlines() if line.strip()]
    if name == _NAMED:
        pairs = (line.partition(":") for line in text.splitlines() if line.strip())
        return {before.strip(): after.strip() for before, _, after in pairs}
    return text


def _in_zone(local: str, zone: ZoneInfo) -> str | datetime:
    """The instant that somebody in the zone means; of one that comes twice there, the first. What
    is no time on a clock stays as it is, to be refused."""
    if not _LOCAL_TIME.fullmatch(local):
        return local
    try:
        return datetime.fromisoformat(local).replace(tzinfo=zone)
    except ValueError:  # the 31st of a short month
        return local
