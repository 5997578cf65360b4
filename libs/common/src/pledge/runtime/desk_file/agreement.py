"""Whether the files of one desk agree: each finding where it can be corrected, with a hint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Literal

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.matrices import check_matrices
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.summary import Cadence, DeskFileSummary, Kind, Mention
from pledge.runtime.desk_file.zones import UnknownZone, summer_time_hint, zone_or_offset

Severity = Literal["error", "warning"]

_NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
_WEEKS = tuple(_NEW_YEAR + timedelta(weeks=week) for week in range(53))


def check_agreement(files: Sequence[DeskFileSummary]) -> list[Problem]:
    """All that the files of a desk say in contradiction to each other."""
    found = [
        *_check_severities(files),
        *_check_references(files),
        *_check_mail(files),
        *_check_cadence(files),
        *_check_titles(files),
        *_check_zones(files),
        *check_matrices(files),
    ]
    return sorted(found, key=lambda one: (one.file.name, one.line, one.column, one.message))


def _check_severities(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    lists = [file.severities for file in files if file.severities]
    for one, other in combinations(lists, 2):
        yield from _missing_severities(one, other)
        yield from _missing_severities(other, one)
        names, others = [each.name for each in one], [each.name for each in other]
        if names != others and set(names) == set(others):
            message = f"the severities are in another order than in {one[0].place}"
            hint = f"the most severe first, in both alike: {', '.join(names)}"
            yield other[0].problem(message, hint)


def _missing_severities(listed: Sequence[Mention], other: Sequence[Mention]) -> Iterator[Problem]:
    known = [each.name for each in other]
    for each in listed:
        if each.name not in known:
            message = f"`{each.name}` is not among the severities in {other[0].place}"
            yield each.problem(message, f"that file lists {', '.join(known)}; name it in both")


def _check_references(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    for kind in Kind:
        by_file = {
            file.file.name: names for file in files if (names := _defined(file, kind)) is not None
        }
        if not by_file:
            continue
        known = list(dict.fromkeys(name for names in by_file.values() for name in names))
        where = " or ".join(by_file)
        for each in (each.mention for file in files for each in file.refers if each.kind is kind):
            if not _is_known(each.name, known, kind):
                hint = suggest(each.name, known) or f"add it to {where}, or name another"
                # A gateway may name customers that no file lists.
                severity: Severity = "warning" if kind is Kind.CUSTOMER else "error"
                yield each.problem(f"there is no {kind} `{each.name}` in {where}", hint, severity)


def _is_known(name: str, known: Sequence[str], kind: Kind) -> bool:
    if kind is not Kind.CUSTOMER:
        return name in known
    return name.casefold() in {each.casefold() for each in known}


def _defined(file: DeskFileSummary, kind: Kind) -> Sequence[str] | None:
    """The file's names of this kind; None where it has no say in them."""
    if kind is not Kind.SEVERITY:
        return file.defines.get(kind)
    return None if file.severities is None else [each.name for each in file.severities]


def _check_mail(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    taken_in = {each.name.lower(): each for file in files for each in file.mail.taken_in}
    if not taken_in:
        return
    for file in files:
        mail = file.mail
        for each in mail.recipients:
            if (own := taken_in.get(each.name.lower())) is not None:
                message = f"{each.name} is an address of the desk ({own.place}): no mail goes there"
                yield each.problem(message, "give the address that the person reads")
        if mail.sender is not None and mail.sender.name.lower() not in taken_in:
            message = f"{mail.sender.name} is none of the addresses in {_first(taken_in).file.name}"
            hint = "answers to the sender reach nobody; use one of the desk's addresses"
            yield mail.sender.problem(message, hint, "warning")
        if mail.never_sent_to is None:
            continue
        own_addresses = {each.name.lower() for each in mail.never_sent_to}
        for address, each in taken_in.items():
            if address not in own_addresses:
                message = f"{address} is missing in the desk's own addresses of {file.file.name}"
                hint = f"add it to own_addresses: a mail from {file.file.name} would open a ticket"
                yield each.problem(message, hint)


def _first(mentions: dict[str, Mention]) -> Mention:
    return next(iter(mentions.values()))


def _check_cadence(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    timing = [file for file in files if file.timed_cadences is not None]
    for file in files:
        promised = file.promised_cadence
        if promised is None or not timing:
            continue
        timed = [cadence for each in timing for cadence in each.timed_cadences or ()]
        if not timed:
            where = timing[0].file.name
            message = (
                f"the page promises an update every {promised.mention.name}, but no metric of"
                f" {where} times it: a missed one is not noticed"
            )
            hint = (
                "add a metric `public_update` there (starts: incident_opened, meets:"
                " incident_updated, cancels: incident_resolved, repeats: on_meet, targets:"
                f" [{{within: {promised.mention.name}}}]), or remove this line"
            )
            yield promised.mention.problem(message, hint)
        for cadence in timed:
            yield from _differing(promised, cadence)


def _differing(promised: Cadence, timed: Cadence) -> Iterator[Problem]:
    said, place = promised.mention.name, timed.mention.place
    if timed.every is not None and timed.every != promised.every:
        message = f"the page promises an update every {said}, but {place} says {timed.mention.name}"
        yield promised.mention.problem(message, "write the same time in both files")
    elif timed.calendar is not None:
        message = (
            f"the page promises an update every {said} round the clock, but {place} counts"
            f" the hours of `{timed.calendar}`"
        )
        yield promised.mention.problem(message, "write `calendar: always` there")
    if not timed.is_repeated:
        message = f"the page promises an update every {said}, but {place} times the first one only"
        yield promised.mention.problem(message, "write `repeats: on_meet` in that metric")


def _check_titles(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    titles = [file.title for file in files if file.title is not None]
    for title in titles[1:]:
        if title.name != titles[0].name:
            message = f"the desk is called `{title.name}` here and `{titles[0].name}` in"
            hint = "customers read both names"
            yield title.problem(f"{message} {titles[0].place}", hint, "warning")


def _check_zones(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    """Local zones that differ; a file that shows times in UTC contradicts nobody."""
    first: tuple[Mention, tuple[timedelta | None, ...]] | None = None
    for zone in (file.zone for file in files):
        if zone is not None and (hint := summer_time_hint(zone.name)) is not None:
            yield zone.problem(f"`{zone.name}` has no summer time", hint, "warning")
        offsets = None if zone is None else _offsets(zone.name)
        if zone is None or offsets is None or not any(offsets):
            continue
        if first is None:
            first = zone, offsets
        elif offsets != first[1]:
            message = f"times are in {zone.name} here and in {first[0].name} in {first[0].place}"
            hint = "write the desk's zone in all its files"
            yield zone.problem(message, hint, "warning")


def _offsets(name: str) -> tuple[timedelta | None, ...] | None:
    try:
        zone = zone_or_offset(name)
    except UnknownZone:
        return None  # the file's own check says so
    return tuple(instant.astimezone(zone).utcoffset() for instant in _WEEKS)
