"""What one file of a desk says that its other files may contradict, in terms of no service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document, Steps


class Kind(StrEnum):
    """Names that one file defines and others refer to, as messages call them."""

    SEVERITY = "severity"
    PRIORITY = "priority"
    PLAN = "plan"
    CUSTOMER = "customer"
    LINE = "address or phone line"
    METRIC = "metric"
    REVISABLE = "metric that is `revisable: true`"
    MILESTONE = "milestone"
    TEAM = "team"
    TEMPLATE = "template"
    RESPONDER = "person, rotation or escalation"


@dataclass(frozen=True, slots=True)
class Mention:
    """A name or value, as a file writes it, and where."""

    name: str
    file: Path
    line: int
    column: int

    @property
    def place(self) -> str:
        """`sla.yaml, line 12`, to name in what is said of another file."""
        return f"{self.file.name}, line {self.line}"

    def problem(
        self, message: str, hint: str | None = None, severity: Literal["error", "warning"] = "error"
    ) -> Problem:
        """A Problem here."""
        return Problem(self.file, self.line, self.column, message, hint, severity)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that this file uses and another one defines."""

    kind: Kind
    mention: Mention


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often the status page is updated while an incident is open.

    `every` is None where the time is not a fixed one. `calendar` is on which the time counts, None
    round the clock; `is_repeated` says whether each update is timed and not only the first.
    """

    mention: Mention
    every: timedelta | None
    calendar: str | None = None
    is_repeated: bool = True


@dataclass(frozen=True, slots=True)
class Mail:
    """The desk's mail addresses, as one file knows them.

    `taken_in` become tickets; `never_sent_to` are known to come back to us (None: the file has no
    say in it); `recipients` are mailed by the desk; `sender` is From of its mails.
    """

    taken_in: tuple[Mention, ...] = ()
    never_sent_to: tuple[Mention, ...] | None = None
    recipients: tuple[Mention, ...] = ()
    sender: Mention | None = None


@dataclass(frozen=True, slots=True)
class MatrixSummary:
    """A matrix of impact and urgency: what it gives, and the value at each of both."""

    gives: Mention
    cells: Mapping[tuple[str, str], Mention]


@dataclass(frozen=True, slots=True)
class DeskFileSummary:
    """What the file says.

    `severities` are in order, the most severe first, None where the file has no list of them.
    `defines` has the names of a kind that this file alone defines; where no file of the desk
    defines a kind, any name goes. `promised_cadence` is what the status page announces,
    `timed_cadences` are those whose breach is noticed (None: the file has no timers).
    """

    file: Path
    title: Mention | None = None
    zone: Mention | None = None
    severities: tuple[Mention, ...] | None = None
    defines: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    refers: tuple[Reference, ...] = ()
    mail: Mail = Mail()
    promised_cadence: Cadence | None = None
    timed_cadences: tuple[Cadence, ...] | None = None
    matrix: MatrixSummary | None = None


@dataclass(frozen=True, slots=True)
class DeskFileReport:
    """All problems of a file, and what it says; without `summary` its shape is wrong."""

    problems: list[Problem]
    summary: DeskFileSummary | None = None


def mention(document: Document, steps: Steps, name: str) -> Mention:
    """`name` as the document says it at `steps`."""
    return Mention(name, document.file, *document.where(steps))


def mentions(document: Document, steps: Steps, names: tuple[str, ...] | list[str]) -> list[Mention]:
    """Each of the names that the document lists at `steps`; one alone may be written as text."""
    return [mention(document, (*steps, index), name) for index, name in enumerate(names)]


def stated(document: Document, *steps: str | int) -> Mention | None:
    """The text that the document itself has at `steps`: None for what is only a default."""
    if steps not in document.values:
        return None
    value = document.data
    for step in steps:
        value = value[step]
    return mention(document, steps, str(value))
