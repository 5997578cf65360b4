"""The delivery that opens a ticket as a desk's rules look at it, and what their conditions ask."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """An address, phone number, form or widget of the desk that deliveries come by."""

    name: str
    is_urgent: bool = False
    escalates_to: str | None = None
    urgent_menu_choices: frozenset[str] = frozenset()
    kind: str = "request"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule asks for; every part that is given must hold. Texts compare in lower case."""

    channels: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    subject_starts_with: tuple[str, ...] = ()
    subject_contains: tuple[str, ...] = ()
    subject_matches: re.Pattern[str] | None = None
    text_contains: tuple[str, ...] = ()
    products: frozenset[str] = frozenset()
    is_urgent: bool | None = None
    is_trial: bool | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What rules look at in the delivery that opens a ticket."""

    channel: str
    line: Line | None
    subject: str
    requester_address: str | None
    form: str | None = None
    is_urgent: bool = False
    severity: str | None = None
    priority: str | None = None
    impact: str | None = None
    urgency: str | None = None
    plan: str | None = None
    product: str | None = None
    customer: str | None = None
    is_trial: bool = False
    text: str = ""


def holds(when: Condition, request: Request, is_urgent: bool, is_trial: bool) -> bool:
    """Whether every part of the condition that is given holds for the request."""
    if when.channels and request.channel not in when.channels:
        return False
    if when.lines and (request.line is None or request.line.name not in when.lines):
        return False
    if when.forms and request.form not in when.forms:
        return False
    if when.is_urgent is not None and when.is_urgent is not is_urgent:
        return False
    if when.is_trial is not None and when.is_trial is not is_trial:
        return False
    if when.products and (request.product or "").lower() not in when.products:
        return False
    if when.text_contains and not _contains(request, when.text_contains):
        return False
    return _subject_holds(when, request.subject)


def _contains(request: Request, words: tuple[str, ...]) -> bool:
    text = f"{request.subject}\n{request.text}".lower()
    return any(each in text for each in words)


def _subject_holds(when: Condition, subject: str) -> bool:
    lowered = subject.lower()
    if when.subject_starts_with and not lowered.startswith(when.subject_starts_with):
        return False
    if when.subject_contains and not any(each in lowered for each in when.subject_contains):
        return False
    return when.subject_matches is None or when.subject_matches.search(subject) is not None
