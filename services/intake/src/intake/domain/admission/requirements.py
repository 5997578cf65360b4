"""What a request must say before it is complete, and how that is found in what was said (INF-05).

A form says things in fields, a mail or chat in lines such as ``Product: Hunt 3.2, build 17``. Both
are read into one mapping of normal names to values.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from intake.domain.admission.request import Condition

MAX_VALUE: Final = 300
"""Characters kept of a value; the whole stands in the ticket's texts."""
MAX_LABEL: Final = 60
_SPACES: Final = re.compile(r"[\s_-]+")
_MARKS: Final = re.compile(r"^[\s>*•–-]*")
_SAYS_SOMETHING: Final = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of information.

    ``known_as`` are the normal names of form fields and of mail lines that give it; ``matches`` is
    what a value must hold to count, ``found_by`` finds it anywhere in the text, so many characters
    of ``free_text`` are it. ``stands_for`` product: the ticket's product; customer: a known
    customer's name anywhere in the text is it.
    ``is_required`` may depend on other items: ``required_if`` gives the values that make it so.
    """

    name: str
    title: str
    known_as: frozenset[str]
    matches: re.Pattern[str] | None = None
    found_by: re.Pattern[str] | None = None
    free_text: int = 0
    stands_for: str | None = None
    is_required: bool = True
    required_if: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What requests of one kind must say."""

    name: str
    when: Condition
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What was said in one delivery: ``named`` values, ``free`` remaining text, all of it."""

    named: Mapping[str, str]
    free: str
    all: str


def normal(name: str) -> str:
    """The name of a field or label as names are compared: `Product_Version` is `product version`.

    >>> normal(" Operating-System ")
    'operating system'
    """
    return _SPACES.sub(" ", name).strip().lower()


def read_words(text: str, fields: Mapping[str, str], subject: str = "") -> Words:
    """What a delivery says. A line counts before a quoted one (`> Product: …`) of the same name, a
    field of a form before both."""
    named = {normal(name): value.strip() for name, value in fields.items() if _says(value)}
    quoted: dict[str, str] = {}
    free: list[str] = []
    for line in text.splitlines():
        is_quoted = line.lstrip().startswith(">")
        if not is_quoted:
            free.append(line)
        if ":" not in line:
            continue
        label, _, value = _MARKS.sub("", line).partition(":")
        if 0 < len(label) <= MAX_LABEL and _says(value) and "//" not in value[:2]:
            (quoted if is_quoted else named).setdefault(normal(label), value.strip())
    everything = "\n".join((subject, text, *fields.values()))
    return Words({**quoted, **named}, "\n".join(free).strip(), everything)


def read_items(
    items: Sequence[Item],
    words: Words,
    customers: Sequence[str],
    other_labels: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """What the words say of the items, by the items' names. ``customers`` are the known ones; lines
    that begin with one of ``other_labels`` are no free text either."""
    labels = {*other_labels, *(name for item in items for name in item.known_as)}
    free = _without_lines(words.free, labels) if any(item.free_text for item in items) else ""
    found = {}
    for item in items:
        value = _value_of(item, words, free, customers)
        if value is not None:
            found[item.name] = value[:MAX_VALUE]
    return found


def merged(
    known: Mapping[str, str], new: Mapping[str, str], items: Sequence[Item], words: Words
) -> dict[str, str]:
    """What is known after a further delivery: what it names counts, what is only guessed from its
    text fills a gap."""
    named = {item.name for item in items if item.known_as & words.named.keys()}
    return {
        **known,
        **{name: value for name, value in new.items() if name in named or name not in known},
    }


def missing(items: Iterable[Item], information: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the items that are needed and not known, in the file's order."""
    return tuple(
        item.name
        for item in items
        if item.name not in information and _is_needed(item, information)
    )


def unlisted(name: str) -> Item:
    """The item for something that an agent asked for in words of their own."""
    return Item(name, name, frozenset((normal(name),)))


def question(items: Iterable[Item], missing: Iterable[str]) -> str:
    """What is missing, as lines to answer: `Product: name of the product`."""
    titles = {item.name: item.title for item in items}
    return "\n".join(_question(name, titles.get(name, name)) for name in missing)


def _question(name: str, title: str) -> str:
    label = name.replace("_", " ").replace("-", " ").capitalize()
    # Without a colon after the label: sent back in a quotation, it must not pass for an answer.
    return f"- {label}" if normal(title) == normal(name) else f"- {label} – {title}"


def _is_needed(item: Item, information: Mapping[str, str]) -> bool:
    if item.required_if:
        return any(
            information.get(name, "").lower() in values for name, values in item.required_if.items()
        )
    return item.is_required


def _value_of(item: Item, words: Words, free: str, customers: Sequence[str]) -> str | None:
    if item.stands_for == "customer":
        return named_customer(words.all, customers)
    for name in sorted(item.known_as & words.named.keys()):
        value = words.named[name]
        if item.matches is None or item.matches.search(value):
            return value
    if item.found_by is not None and (match := item.found_by.search(words.all)) is not None:
        return match[0].strip()
    if item.free_text and len(free) >= item.free_text:
        return free
    return None


def named_customer(text: str, customers: Iterable[str]) -> str | None:
    """The known customer whose name stands in the text; of several the longest name."""
    lowered = text.lower()
    found = [name for name in customers if _stands_in(name.lower(), lowered)]
    return max(found, key=len) if found else None


def _stands_in(name: str, text: str) -> bool:
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = text.find(name, at + 1)
    return False


def _without_lines(text: str, labels: set[str]) -> str:
    kept = [
        line
        for line in text.splitlines()
        if ":" not in line or normal(_MARKS.sub("", line).partition(":")[0]) not in labels
    ]
    return "\n".join(kept).strip()


def _says(value: str) -> bool:
    return _SAYS_SOMETHING.search(value) is not None
