"""A mail that passes on somebody else's: who wrote that, and what it said.

As mail programs of many languages write it into the text, marked with ">" or not, or as a message
attached. Who may speak for somebody else so is the desk's to decide: such words prove nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from intake.domain.text import one_line
from intake.mail.address_fields import named_addresses
from intake.mail.headers import Mailbox
from intake.mail.quote_words import FORWARDED_MESSAGE, MAY_MARK, ORIGINAL_MESSAGE, RULE, field_of
from intake.mail.reply_text import header_block

_PREFIX: Final = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:fwd?|wg|tr|rv|enc|i|doorst|vb|vs|vl|pd|ilt|yönl|továbbítás|fs|πρθ"
    r"|пересл|перенаправлено|転送|转发|轉寄|전달|回复转发)\s*(?:\[\d{1,2}\])?\s*[:：]\s*",
    re.IGNORECASE,
)
_MAILTO: Final = re.compile(r"[\[<(]\s*mailto:([^\]>)\s]{3,254})\s*[\])>]", re.IGNORECASE)
_AFTER_MARK: Final = 4
"""Lines after a program's mark within which the fields begin."""
_MAX_LINES: Final = 400
"""Lines of an agent's own words before what is forwarded; more is no forward."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The original: its writer, subject and words; and the ``comment`` of who passed it on."""

    sender: Mailbox
    subject: str
    text: str
    comment: str


def forwarded_message(subject: str, visible: str, inner: Forwarded) -> Forwarded | None:
    """The message attached, ``inner``, if the mail is there for it: a person may also add one to
    what they say. ``visible`` are the mail's own words."""
    says_so = _PREFIX.match(subject) is not None
    is_named = bare_subject(subject).lower() == bare_subject(inner.subject).lower()
    return replace(inner, comment=visible) if says_so or is_named or not visible else None


def forwarded_text(subject: str, text: str) -> Forwarded | None:
    """What the text passes on. Without a program's mark for it, the subject must say so: an answer
    in Outlook quotes in the same form."""
    lines = text.split("\n")
    says_so = _PREFIX.match(subject) is not None
    for index, line in enumerate(lines[:_MAX_LINES]):
        if not MAY_MARK.search(line):
            continue
        if FORWARDED_MESSAGE.match(line):
            return _from_fields(lines, index, _fields_after(lines, index + 1), subject)
        if says_so and ORIGINAL_MESSAGE.match(line):
            return _from_fields(lines, index, _fields_after(lines, index + 1), subject)
        if says_so and header_block(lines, index) is not None:
            return _from_fields(lines, index, index, subject)
    return None


def bare_subject(subject: str) -> str:
    """The subject without the prefixes of forwards."""
    while (found := _PREFIX.match(subject)) is not None:
        subject = subject[found.end() :]
    return subject.strip()


def _fields_after(lines: Sequence[str], index: int) -> int | None:
    for position in range(index, min(index + _AFTER_MARK, len(lines))):
        if field_of(lines[position]) is not None:
            return position
    return None


def _from_fields(
    lines: Sequence[str], mark: int, start: int | None, subject: str
) -> Forwarded | None:
    fields = header_block(lines, start) if start is not None else None
    if fields is None or start is None:
        return None
    value = _MAILTO.sub(r"<\1>", fields["from"])
    writer = next(named_addresses(value), None)
    if writer is None:
        return None
    name = one_line(writer.name.strip("'\" "), 200)
    address = str(writer.address)
    original = fields.get("subject") or bare_subject(subject)
    return Forwarded(
        Mailbox(address, name if name and name != address else None),
        one_line(original, 8_000),
        _words(lines, start),
        _comment(lines[:mark]),
    )


def _words(lines: Sequence[str], start: int) -> str:
    """What follows the fields, without the marks that all of its lines have."""
    end = start
    while end < len(lines) and lines[end].strip("> \t"):
        end += 1
    said = list(lines[end:])
    if all(each.startswith(">") or not each.strip() for each in said):
        said = [each[1:].removeprefix(" ") if each.startswith(">") else each for each in said]
    return "\n".join(said).strip()


def _comment(lines: Sequence[str]) -> str:
    kept = list(lines)
    while kept and (not kept[-1].strip() or RULE.match(kept[-1])):
        kept.pop()
    return "\n".join(kept).strip()
