"""Canned answers of a desk: texts with variables, filled from the ticket when an agent inserts one.

A variable is `{{ requester }}`; what stands behind a bar is said where the ticket does not know it,
`{{ requester | Sir or Madam }}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VARIABLES: Final[Mapping[str, str]] = {
    "ticket": "the ticket's number",
    "subject": "its subject",
    "requester": "the requester's name",
    "address": "the requester's mail address",
    "customer": "the customer that the requester belongs to",
    "product": "the product that the request is about",
    "assignee": "who the ticket is assigned to",
    "agent": "who answers",
}
"""What a text may name."""

_VARIABLE: Final = re.compile(r"\{\{\s*([a-z_]{1,40})\s*(?:\|([^{}\n]{0,200}))?\}\}")


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """A text that agents insert into a reply, as the desk's file has it."""

    name: str
    title: str
    text: str


def unknown_variables(text: str) -> list[str]:
    """What stands in double braces and is no variable, as it stands there."""
    rest = _VARIABLE.sub(lambda found: "" if found[1] in VARIABLES else found[0], text)
    return re.findall(r"\{\{[^}\n]{0,60}\}{0,2}|\}\}", rest)


def filled(answer: CannedAnswer, values: Mapping[str, str | None]) -> str:
    """The text with these values of `VARIABLES`; one that is not known gives what stands behind its
    bar, or nothing."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1]) or (found[2] or "").strip()

    return _VARIABLE.sub(value, answer.text)
