"""What is taken out of a ticket's records when a person's data is erased.

Ids, times, states, severities and counts stay: what was promised and whether it was kept is still
known. Who it was, how to reach them, their words and what was said to them are not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

ERASED: Final = "[erased]"
_SHORTEST_NAME: Final = 4
"""Characters of a name that is also taken out of others' words: a shorter one is in many words."""
_PERSON: Final = frozenset(("email", "phone", "chat"))
_ACTOR: Final = frozenset(("kind", "id"))
# What people wrote, under these names in facts and in a ticket's details.
_WORDS: Final = frozenset((
    "answer_url", "assessed_why", "calendar", "circumvention", "comment", "description", "detail",
    "in_reply_to", "mail_message_id", "message_id", "note", "outcome", "phone", "place",
    "recipient", "resolution", "source_subject_line", "subject_line", "text", "why",
))  # fmt: skip
_LISTS: Final = frozenset(("attachments", "references"))
# What else may be in front of an address of which this one is the end, and behind its domain.
_BEFORE: Final = r"(?<![\w.%+-])"
_BEHIND: Final = r"(?![\w-]|\.\w)"
_MAPS: Final = frozenset(("fields", "headers", "information", "variables"))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, by the address, number or chat identity that they are known by (in small letters),
    and under the names that they have in a ticket."""

    key: str
    names: frozenset[str] = frozenset()

    def is_meant(self, value: object) -> bool:
        """Whether the value of a contact or an actor is this person's."""
        return isinstance(value, str) and value.lower() == self.key

    def is_in(self, record: object) -> bool:
        """Whether a text of the record has the person's key, and not as a part of another's."""
        if isinstance(record, str):
            return self.everywhere().search(record) is not None
        if isinstance(record, Mapping):
            record = list(record.values())
        return isinstance(record, list | tuple) and any(self.is_in(each) for each in record)

    def everywhere(self) -> re.Pattern[str]:
        """What is taken out wherever it stands."""
        return re.compile(_BEFORE + re.escape(self.key) + _BEHIND, re.IGNORECASE)

    def in_words(self) -> re.Pattern[str]:
        """What is taken out of the words of others."""
        long = sorted((each for each in self.names if len(each) >= _SHORTEST_NAME), key=len)
        names = (rf"(?<!\w){re.escape(each)}(?!\w)" for each in reversed(long))
        return re.compile("|".join((self.everywhere().pattern, *names)), re.IGNORECASE)


def names_of(data: object, person: Person) -> frozenset[str]:
    """The names under which the person stands in records."""
    found: set[str] = set()
    if isinstance(data, Mapping):
        name = data.get("name")
        if isinstance(name, str) and _stands_for(data, person) and not person.is_meant(name):
            found.add(name.strip())
        values: Iterable[object] = data.values()
    else:
        values = data if isinstance(data, list | tuple) else ()
    for each in values:
        found |= names_of(each, person)
    return frozenset(each for each in found if each)


def is_theirs(data: Mapping[str, Any], person: Person) -> bool:
    """Whether the person wrote the fact, or is whom it was said to."""
    who = [data.get(each) for each in ("requester", "by", "sender")]
    to = data.get("to")
    who += to if isinstance(to, list) else [to]
    return any(_stands_for(each, person) for each in who)


def erased(data: Any, person: Person, *, all_words: bool) -> Any:
    """The record without the person; with ``all_words`` without any words or files."""
    return _Eraser(person, person.everywhere(), person.in_words(), all_words).record(data)


def erased_text(text: str, person: Person) -> str:
    """Somebody else's words without the person's key and names."""
    return person.in_words().sub(ERASED, text)


@dataclass(frozen=True, slots=True)
class _Eraser:
    person: Person
    everywhere: re.Pattern[str]
    in_words: re.Pattern[str]
    all_words: bool

    def record(self, data: Any, *, is_words: bool = False) -> Any:
        """The part of a record without the person; names are taken out of what is words alone."""
        if isinstance(data, str):
            return (self.in_words if is_words else self.everywhere).sub(ERASED, data)
        if isinstance(data, list):
            return [self.record(each, is_words=is_words) for each in data]
        if not isinstance(data, Mapping):
            return data
        if _stands_for(data, self.person):
            return _nobody(data)
        return {name: self._field(name, value, is_words) for name, value in data.items()}

    def _field(self, name: str, value: Any, is_words: bool) -> Any:
        if self.all_words:
            if name in _LISTS:
                return []
            if name in _MAPS and isinstance(value, Mapping):
                return dict.fromkeys(value, ERASED)
            if name in _WORDS:
                return _blank(value)
        return self.record(value, is_words=is_words or name in _WORDS or name in _MAPS)


def _stands_for(data: object, person: Person) -> bool:
    if not isinstance(data, Mapping):
        return False
    if any(person.is_meant(data.get(each)) for each in _PERSON):
        return True
    return data.keys() >= _ACTOR and person.is_meant(data["id"])


def _nobody(data: Mapping[str, Any]) -> dict[str, Any]:
    """The contact or actor as nobody in particular."""
    kept = {each: data[each] for each in ("kind", "zone", "language") if each in data}
    if "id" in data:
        kept["id"] = ERASED
    return {**kept, "name": ERASED}


def _blank(value: Any) -> Any:
    return ERASED if isinstance(value, str) and value else value
