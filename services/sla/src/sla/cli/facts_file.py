"""Ticket events in a file, one JSON object a line, for `pledge sla simulate`."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pledge.runtime.cli import root as cli
from sla.domain.facts import NotAFact, fact_from_event, fact_type, unwrapped
from sla.domain.values import Fact

_EVENT_TYPE = re.compile(r"pledge\.[a-z_]+\.[a-z_]+\.v\d+")
_NAMES = ("ticket_id", "incident_id", "ticket_number", "number")


@dataclass(frozen=True, slots=True)
class FactsFile:
    """The events of a file that are facts, in the order of its lines."""

    events: tuple[dict[str, Any], ...]
    facts: tuple[Fact, ...]
    ignored: Counter[str]
    """Types of other events of Pledge, which are no facts, and how many there are of each."""


def read_facts(path: Path) -> FactsFile:
    """The facts of a file, or of stdin for `-`; CloudEvents in JSON, or their data alone.

    Events of other types than tickets' and incidents' are left out. Raises CommandError that
    names the line which is no event, or lacks what every fact has.
    """
    events: list[dict[str, Any]] = []
    facts: list[Fact] = []
    ignored: Counter[str] = Counter()
    for number, line in _lines(path):
        try:
            event = _event(line)
            data, _ = unwrapped(event)
            if _is_other(kind := str(data.get("type"))):
                ignored[kind] += 1
                continue
            facts.append(_fact(data, number))
        except NotAFact as error:
            raise cli.CommandError(f"{path}:{number}: {error}") from error
        events.append(event)
    return FactsFile(tuple(events), tuple(facts), ignored)


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """One ticket of a file: its id, its number for people, its facts."""

    ticket_id: str
    number: str
    facts: tuple[Fact, ...]

    @property
    def opened_at(self) -> datetime:
        """The first instant that its facts name."""
        return min(fact.occurred_at for fact in self.facts)


def tickets_in(path: Path, progress: Callable[[int, int], None]) -> Iterator[TicketFacts]:
    """The tickets of a file in which the lines of each stand together, one at a time.

    `progress` is called with how many of how many bytes were read. Raises CommandError.
    """
    seen: set[str] = set()
    events: list[Fact] = []
    ticket_id = ticket_number = ""
    done, total = 0, path.stat().st_size if path.exists() else 0
    for number, line in _streamed(path):
        done += len(line)
        try:
            data, sequence = unwrapped(_event(line))
            if _is_other(str(data.get("type"))):
                continue
            fact = _fact(data, sequence if isinstance(sequence, int) else number)
        except NotAFact as error:
            raise cli.CommandError(f"{path}:{number}: {error}") from error
        named = next(str(data[name]) for name in _NAMES if data.get(name))
        if named != ticket_id:
            if events:
                yield TicketFacts(ticket_id, ticket_number, tuple(events))
                progress(done, total)
            if named in seen:
                hint = "sort the file by ticket"
                raise cli.CommandError(f"{path}:{number}: ticket {named} was before; {hint}")
            seen.add(named)
            events, ticket_id = [], named
            ticket_number = str(data.get("ticket_number") or data.get("number") or named)
        events.append(fact)
    if events:
        yield TicketFacts(ticket_id, ticket_number, tuple(events))


def _streamed(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise cli.CommandError(f"{path} can't be read: {error.strerror}") from error


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line.decode())
    except ValueError as error:
        raise NotAFact(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise NotAFact("is nested too deep") from error
    if not isinstance(event, dict):
        raise NotAFact("is no JSON object")
    return event


def _fact(data: Mapping[str, object], number: int) -> Fact:
    if not any(data.get(name) for name in _NAMES):
        raise NotAFact("`ticket_id` is missing")
    return fact_from_event(data, number)


def _is_other(kind: str) -> bool:
    """Whether it is the type of an event of Pledge that is no fact."""
    try:
        fact_type(kind)
    except NotAFact:
        return _EVENT_TYPE.fullmatch(kind) is not None
    return False


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise cli.CommandError(f"{path} can't be read: {error.strerror}") from error
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            yield number, line
