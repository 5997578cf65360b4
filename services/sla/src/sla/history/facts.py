"""Turns the tickets of an export into ticket events, and lists what has no counterpart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from pledge.events.instants import EARLIEST, LATEST
from pledge.runtime.desk_file.zones import zone_or_offset
from sla.history.event_data import UNKNOWN, event_data
from sla.history.mapping import FactSpec, FieldMap, MappingFile, Plain
from sla.history.records import Record
from sla.history.sources import Change, Entry, Message, Role

SAME_MOMENT = timedelta(seconds=5)
"""A first message so soon after the opening is the request itself."""

MOST_KINDS = 500
"""Different things without a counterpart that are listed; the rest is only counted."""

FINAL = ("resolved", "closed")
_TRIAGE = ("severity", "priority", "product")
_PLAN = ("plan", "customer", "is_trial")


class Missing(NamedTuple):
    """Something of the export that the mapping has no place for."""

    what: str  # "value of priority", "change of state", "time of resolved_at", "ticket"
    value: str


@dataclass(slots=True)
class Report:
    """What an import did: tickets and facts written, what was left out and in which ticket."""

    tickets: int = 0
    facts: int = 0
    skipped: int = 0
    missing: dict[Missing, int] = field(default_factory=dict)
    examples: dict[Missing, str] = field(default_factory=dict)
    others: int = 0

    def miss(self, ticket: str, what: str, value: object) -> None:
        """Note that `value` has no counterpart."""
        key = Missing(what, writable(str(value)[:80]))
        if key in self.missing:
            self.missing[key] += 1
        elif len(self.missing) < MOST_KINDS:
            self.missing[key], self.examples[key] = 1, ticket
        else:
            self.others += 1


def writable(text: str) -> str:
    """`text` with a question mark for half a surrogate pair, which JSON may hold and UTF-8 not."""
    return text.encode("utf-8", "replace").decode()


class _Moment(NamedTuple):
    at: datetime
    rank: int  # of facts of one instant
    data: dict[str, Any]


class Importer:
    """Makes the events of one ticket after the other, under one mapping."""

    def __init__(self, mapping: MappingFile, desk: str, report: Report) -> None:
        self._mapping, self._desk, self._report = mapping, desk, report
        self._zone: tzinfo = zone_or_offset(mapping.zone)
        self._fields: dict[str, FieldMap] = {str(k): v for k, v in mapping.attributes.items()}
        self._values = {
            name: {key.casefold(): value for key, value in each.values.items()}
            for name, each in self._fields.items()
        }
        self._changes = {
            name: {value.casefold(): spec for value, spec in values.items()}
            for name, values in mapping.changes.items()
        }
        self._attributes = {each.change or each.source: name for name, each in self._fields.items()}
        # The fields whose changes may end a ticket.
        self._ends = frozenset(
            name
            for name, values in mapping.changes.items()
            if any(spec is not None and spec.fact in FINAL for spec in values.values())
        )

    def ticket_id(self, record: Record) -> str | None:
        """The ticket's id in the export, or None when it has none."""
        found = lookup(record, self._mapping.id)
        return None if found in (None, "") else writable(str(found))

    def events(self, record: Record, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """The ticket's events in the order of time; none when it can't be placed in time."""
        report, key = self._report, self.ticket_id(record)
        if key is None:
            report.skipped += 1
            report.miss("", "ticket without", self._mapping.id)
            return []
        return self._written(record, key, self._ticket(record, key, entries))

    def rows(self, rows: Sequence[Record]) -> list[dict[str, Any]]:
        """The events of a ticket that the export gives as one row for each event."""
        mapping = self._mapping.events
        if mapping is None:
            return []
        key, ticket = self.ticket_id(rows[0]) or "", rows[0]
        moments, opened = list[_Moment](), None
        for row in rows:
            kind, at = lookup(row, mapping.type), self._instant(key, mapping.at, row)
            if at is None:
                continue
            if str(kind) not in mapping.types:
                self._report.miss(key, f"value of {mapping.type}", kind)
                continue
            spec = mapping.types[str(kind)]
            if spec is not None and spec.fact == "opened":
                ticket, opened = row, at if opened is None else min(opened, at)
            elif spec is not None:
                channel = str(self._value(key, "channel", row) or "email")
                moments.append(self._moment(at, spec, self._who(row), channel))
        if opened is None:
            self._report.skipped += 1
            self._report.miss(key, "ticket without", "its opening")
            return []
        return self._written(ticket, key, [self._opening(ticket, key, opened, ()), *moments])

    def _ticket(self, record: Record, key: str, entries: Sequence[Entry]) -> list[_Moment]:
        opened = self._instant(key, self._mapping.opened or "", record, is_required=True)
        if opened is None:
            self._report.skipped += 1
            return []
        changes = sorted(self._placed(key, entries, Change), key=lambda one: one[0])
        messages = sorted(self._placed(key, entries, Message), key=lambda one: one[0])
        opening = self._opening(record, key, opened, [one for _, one in changes])
        moments = [opening, *self._changed(record, key, changes, opening.data)]
        moments += self._said(record, opened, messages)
        for each in self._mapping.times:
            has = bool(changes if each.unless == "changes" else messages)
            if each.unless is not None and has:
                continue
            at = self._instant(key, each.at, record)
            if at is not None:
                moments.append(self._moment(at, each.fact, UNKNOWN, self._channel(record, key)))
        return moments

    def _placed(
        self, key: str, entries: Sequence[Entry], kind: type[Any]
    ) -> Iterator[tuple[datetime, Any]]:
        """The entries of a kind, with their instants."""
        for entry in entries:
            if isinstance(entry, kind):
                at = self._read(entry.at)
                if at is None:
                    self._report.miss(key, f"time of a {kind.__name__.lower()}", entry.at)
                else:
                    yield at, entry

    def _opening(
        self, record: Record, key: str, at: datetime, changes: Sequence[Change]
    ) -> _Moment:
        """The opening with each attribute as it was then: what its first change came from."""
        first: dict[str, Change] = {}
        for change in changes:
            name = self._attributes.get(change.field)
            if name is not None:
                first.setdefault(name, change)
        data = event_data("opened", {}, self._who(record), self._channel(record, key))
        for name in self._fields:
            if (changed := first.get(name)) is not None:
                value = self._named(key, name, changed.before)
            else:
                value = self._value(key, name, record)
            if value is not None:
                data[name] = value
        return _Moment(at, -1, data)

    def _changed(
        self,
        record: Record,
        key: str,
        changes: Sequence[tuple[datetime, Change]],
        opening: Mapping[str, Any],
    ) -> Iterator[_Moment]:
        now: dict[str, Plain] = {name: opening[name] for name in self._fields if name in opening}
        is_over = False
        for at, change in changes:
            if (name := self._attributes.get(change.field)) is not None:
                now[name] = self._named(key, name, change.after)
                moment = self._attribute(key, at, name, now, change)
                if moment is not None:
                    yield moment
            if (values := self._changes.get(change.field)) is None:
                continue
            text = str(change.after).casefold()
            if text not in values and "*" not in values:
                self._report.miss(key, f"value of {change.field}", change.after)
                continue
            spec = values.get(text, values.get("*"))
            if change.after in (None, "") and text not in values:
                spec = None
            is_end = spec is not None and spec.fact in FINAL
            if is_over and not is_end and change.field in self._ends:
                yield self._moment(at, FactSpec(fact="reopened"), _text(change.who), "")
            if change.field in self._ends:
                is_over = is_end
            if spec is not None:
                who = change.after if spec.fact == "assigned" else change.who
                yield self._moment(at, spec, _text(who), self._channel(record, key))

    def _attribute(
        self, key: str, at: datetime, name: str, now: Mapping[str, Plain], change: Change
    ) -> _Moment | None:
        """The fact that an attribute has another value from `at` on."""
        if name in _TRIAGE:
            fact, said = "triaged", {each: now.get(each) for each in _TRIAGE}
        elif name in _PLAN:
            fact, said = "plan_changed", {each: now.get(each) for each in _PLAN}
            said["is_trial"] = bool(said["is_trial"])
        elif name == "scope":
            fact, said = "scope_decided", {"scope": now[name]}
        else:
            self._report.miss(key, f"change of {change.field}", change.after)
            return None
        return _Moment(at, 0, event_data(fact, said, _text(change.who), ""))

    def _said(
        self, record: Record, opened: datetime, messages: Sequence[tuple[datetime, Message]]
    ) -> Iterator[_Moment]:
        requester = self._who(record)
        for place, (at, message) in enumerate(messages):
            if place == 0 and at - opened <= SAME_MOMENT:
                continue  # the request itself
            who = _text(message.who)
            role: Role = message.role or ("requester" if who == requester else "agent")
            spec: FactSpec | None = getattr(self._mapping.messages, role)
            if spec is not None:
                channel = self._named("", "channel", message.channel, is_listed=False)
                yield self._moment(at, spec, who, str(channel or "email"))

    def _moment(self, at: datetime, spec: FactSpec, who: str, channel: str) -> _Moment:
        rank = 2 if spec.fact in FINAL else 0 if spec.fact == "reopened" else 1
        return _Moment(at, rank, event_data(spec.fact, spec.extra, who, channel))

    def _written(
        self, record: Record, key: str, moments: Sequence[_Moment]
    ) -> list[dict[str, Any]]:
        """The events with what all of them say, in order; counted."""
        if not moments:
            return []
        mapping = self._mapping
        number = lookup(record, mapping.number) if mapping.number else key
        head = {
            "desk": self._desk,
            "ticket_id": str(uuid5(NAMESPACE_URL, f"{mapping.source}:{key}")),
            "ticket_number": f"{mapping.prefix}{number}",
        }
        found = []
        ordered = sorted(moments, key=lambda one: (one.at, one.rank))
        for sequence, moment in enumerate(ordered, start=1):
            at = moment.at.isoformat().replace("+00:00", "Z")
            found.append(
                {**moment.data, **head, "occurred_at": at, "recorded_at": at, "sequence": sequence}
            )
        self._report.tickets += 1
        self._report.facts += len(found)
        return found

    def _who(self, record: Record) -> str:
        return _text(lookup(record, self._mapping.requester) if self._mapping.requester else None)

    def _channel(self, record: Record, key: str) -> str:
        return str(self._value(key, "channel", record, is_listed=False) or "email")

    def _value(self, key: str, name: str, record: Record, *, is_listed: bool = True) -> Plain:
        """An attribute of the ticket in our words, from where it stands in the record."""
        each: FieldMap | None = self._fields.get(name)
        if each is None:
            return None
        return self._named(key, name, lookup(record, each.source), is_listed=is_listed)

    def _named(self, key: str, name: str, value: object, *, is_listed: bool = True) -> Plain:
        """Their value of an attribute in our words; without a counterpart it is noted."""
        each: FieldMap | None = self._fields.get(name)
        if each is None:
            return None
        if value in (None, ""):
            return each.otherwise
        if not each.values:
            return value if isinstance(value, bool) else str(value)
        known = self._values[name]
        text = str(value).casefold()
        if text not in known:
            if is_listed and each.otherwise is None:
                self._report.miss(key, f"value of {each.source}", value)
            return each.otherwise
        return known[text]

    def _instant(
        self, key: str, name: str, record: Record, *, is_required: bool = False
    ) -> datetime | None:
        value = lookup(record, name)
        found = self._read(value)
        if found is None and (is_required or value not in (None, "")):
            self._report.miss(key, f"time of {name}", value)
        return found

    def _read(self, value: object) -> datetime | None:
        """The instant in UTC, or None for what is none or lies outside 1990 to 2200."""
        try:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found = datetime.fromtimestamp(value, UTC)
            elif self._mapping.time_format:
                found = _as_written(str(value), self._mapping.time_format, self._zone)
            else:
                found = datetime.fromisoformat(str(value))
            if found.tzinfo is None:
                found = found.replace(tzinfo=self._zone)
            found = found.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return found if EARLIEST <= found < LATEST else None


def lookup(record: Record, path: str) -> Any:
    """What stands at a path: a column, or names with dots; in a list, the item of that id."""
    if path in record:
        return record[path]
    found: Any = record
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list):
            items = [one for one in found if isinstance(one, dict)]
            item = next((one for one in items if str(one.get("id")) == step), {})
            found = item.get("value", item or None)
        else:
            return None
    return found


def _text(who: object) -> str:
    return UNKNOWN if who in (None, "") else str(who)


def _as_written(text: str, form: str, zone: tzinfo) -> datetime:
    """A time in the file's own form; without an offset it is of `zone`. Raises ValueError."""
    if "%z" in form:
        return datetime.strptime(text, form).astimezone(UTC)
    return datetime.strptime(text, form).replace(tzinfo=zone)
