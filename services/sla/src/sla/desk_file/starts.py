"""The tickets and starts that the rules of a list can tell apart, as points of a finite space."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from sla.desk_file.attributes import SEVERITY, Attribute, attributes_of, fixed_at_opening
from sla.desk_file.boxes import Box, common, points
from sla.desk_file.fact_fields import Kind, Noun
from sla.desk_file.model import PolicyFile
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import open_intervals
from sla.domain.calendar.intervals import Interval
from sla.domain.calendar.zones import to_us
from sla.domain.facts import OPENINGS
from sla.domain.policy.conditions import Condition
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Target
from sla.domain.values import Scalar

START = "when it starts"
"""The dimension of what a start is: which calendars are open, which fields are given."""

MOST_CALENDARS = 12
MOST_POINTS = 2000
_YEAR = timedelta(days=366)
_YEARS = (1, 4)
"""That are looked at, and where that shows no start for some rule."""
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)

_ANYTHING, _OTHER = "\x01", "\x02"  # no text of a file has them
_Start = tuple[frozenset[str], frozenset[str]]
"""The names of the calendars that are open, and of the fields that are given."""


class TooManyCalendars(Exception):
    """A list asks about more calendars than are worth the time."""


class Starts:
    """The space of one list of rules of a metric, about `nouns`."""

    def __init__(
        self, file: PolicyFile, policy: Policy, nouns: Iterable[Noun], targets: Sequence[Target]
    ) -> None:
        self._policy = policy
        self._known = _attributes(file, nouns)
        self._implied = _implications(file, policy) if Noun.TICKET in nouns else []
        self._bounds = _conditions_of_severity(policy)
        asked = [*(one for each in targets for one in each.when), *self._bounds]
        asked += [one for each in self._implied for one in each]
        tests: dict[str, list[Condition]] = {}
        for condition in asked:
            tests.setdefault(condition.name, []).append(condition)
        self.is_exact = all(_is_simple(one) for each in tests.values() for one in each)
        """Whether every text that conditions tell apart has its point."""
        self._values: dict[str, tuple[Scalar, ...]] = {
            name: _distinct(self._candidates(name, each), each) for name, each in tests.items()
        }
        self._possible: dict[tuple[int, ...], bool] = {}
        self._starts = _starts(targets, file.effective_from or _SINCE)
        self.sizes: Mapping[str, int] = {
            **{name: len(values) for name, values in self._values.items()},
            START: len(self._starts),
        }

    def begins(self, target: Target) -> bool:
        """Whether its calendars are ever so, and its field is ever given, when a timer starts."""
        return any(_matches(target, start) for start in self._starts)

    def box(self, target: Target) -> Box | None:
        """What a target matches; None when that is nothing."""
        chosen = frozenset(
            number for number, start in enumerate(self._starts) if _matches(target, start)
        )
        if not chosen:
            return None
        found: Box | None = {} if len(chosen) == len(self._starts) else {START: chosen}
        return self._narrowed(found, target.when)

    def impossible(self) -> list[Box]:
        """What no ticket is: a flag that is off though the opening turned it on for good."""
        boxes = (self._narrowed({}, each) for each in self._implied)
        return [box for box in boxes if box is not None]

    def is_possible(self, box: Box) -> bool | None:
        """Whether some ticket is in it, as floors, ceilings and defaults make its severity; None
        when that is not known."""
        if SEVERITY not in box or not (self._policy.bounds or self._policy.default_severities):
            return True
        names = dict.fromkeys((SEVERITY, *(one.name for one in self._bounds)))
        found = points(box, names, self.sizes, MOST_POINTS)
        if found is None:
            return None
        return any(self._can_be(point) for point in found)

    def _can_be(self, point: Mapping[str, int]) -> bool:
        key = tuple(point.values())  # of the same names each time
        if (known := self._possible.get(key)) is None:
            known = self._possible[key] = self._resolves(point)
        return known

    def _resolves(self, point: Mapping[str, int]) -> bool:
        attributes = {name: self._values[name][number] for name, number in point.items()}
        wanted = attributes[SEVERITY]
        return any(
            self._policy.resolve({**attributes, SEVERITY: given}).severity == wanted
            for given in (wanted, None, *self._policy.levels)
        )

    def _narrowed(self, box: Box | None, conditions: Sequence[Condition]) -> Box | None:
        for condition in conditions:
            test, values = condition.test(), self._values[condition.name]
            chosen = frozenset(number for number, value in enumerate(values) if test(value))
            if not chosen or box is None:
                return None
            if len(chosen) < len(values):
                box = common(box, {condition.name: chosen})
        return box

    def _candidates(self, name: str, tests: Sequence[Condition]) -> list[Scalar]:
        """Values of an attribute, among them each that some test tells from the others."""
        known = self._known.get(name)
        if known is None:
            return [None]
        found: list[Scalar] = [] if known.is_always_set else [None]
        if known.kind is Kind.YES_OR_NO:
            return [*found, True, False]
        if name == SEVERITY and self._policy.levels:
            return [*self._policy.levels]
        texts = [value for test in tests for value in test.values if isinstance(value, str)]
        patterns = [text for text in texts if "*" in text]
        examples = [text.replace("*", _ANYTHING) for text in patterns]
        pairs = [one + other for one, other in product(examples, examples) if one != other]
        literals = [text for text in texts if "*" not in text]
        return [*found, *literals, *examples, *(pairs if len(pairs) <= MOST_POINTS else ()), _OTHER]


def _attributes(file: PolicyFile, nouns: Iterable[Noun]) -> dict[str, Attribute]:
    """What a ticket or incident can be; what one of several nouns lacks may be missing."""
    each = [attributes_of(noun, file) for noun in nouns]
    found: dict[str, Attribute] = {}
    for name in {name for known in each for name in known}:
        given = [known[name] for known in each if name in known]
        is_always_set = len(given) == len(each) and all(one.is_always_set for one in given)
        found[name] = Attribute(given[0].kind, is_always_set)
    return found


def _conditions_of_severity(policy: Policy) -> list[Condition]:
    """Those that decide it besides what people set."""
    bounds = [one for each in policy.bounds for one in each.when]
    return bounds + [one for each in policy.default_severities for one in each.when]


def _implications(file: PolicyFile, policy: Policy) -> list[tuple[Condition, ...]]:
    """Conditions that hold together for no ticket: what the opening said, which does not change,
    and the flag still off that it turned on, where nothing turns it off."""
    fixed = fixed_at_opening(Noun.TICKET) - file.defaults.keys()
    found: list[tuple[Condition, ...]] = []
    for flag in policy.flags:
        for trigger in flag.on:
            names = {one.name for one in trigger.where}
            if not flag.off and trigger.fact == OPENINGS[0] and names and names <= fixed:
                found.append((*trigger.where, Condition(flag.name, (False,))))
    return found


def _is_simple(condition: Condition) -> bool:
    """Whether its patterns are beginnings such as `Europe/*`, which examples tell apart."""
    patterns = [one for one in condition.values if isinstance(one, str) and "*" in one]
    return all(one.index("*") == len(one) - 1 and not set(one) & {"?", "["} for one in patterns)


def _distinct(values: Sequence[Scalar], tests: Sequence[Condition]) -> tuple[Scalar, ...]:
    """One value for each way to answer all the tests."""
    functions: list[Callable[[object], bool]] = [test.test() for test in tests]
    by_answers: dict[tuple[bool, ...], Scalar] = {}
    for value in values:
        by_answers.setdefault(tuple(test(value) for test in functions), value)
    return tuple(by_answers.values())


def _starts(targets: Sequence[Target], since: datetime) -> tuple[_Start, ...]:
    """The starts that there are: calendars as they are open together, fields given or not."""
    asked = (calendar for each in targets for calendar in (each.during, each.outside))
    calendars = {one.name: one for one in asked if one is not None}
    if len(calendars) > MOST_CALENDARS:
        raise TooManyCalendars
    dues = (each.due for each in targets)
    fields = sorted({due.field for due in dues if due is not None and due.field is not None})
    given = [
        frozenset(name for name, is_given in zip(fields, answers, strict=True) if is_given)
        for answers in product((False, True), repeat=len(fields))
    ]
    found: tuple[_Start, ...] = ()
    for years in _YEARS:
        opened = _open_together([*calendars.values()], to_us(since), years * _YEAR)
        found = tuple(product(opened, given))
        if all(any(_matches(target, start) for start in found) for target in targets):
            break
    return found


def _open_together(
    calendars: Sequence[Calendar], start: int, ahead: timedelta
) -> list[frozenset[str]]:
    """Which of the calendars are open at the same time, in the time `ahead`. Those that depend
    on the customer may be open at any time."""
    loose = [one.name for one in calendars if one.template is not None]
    calendars = [one for one in calendars if one.template is None]
    end = start + ahead // timedelta(microseconds=1)
    opened = {one.name: open_intervals(one.hours, start, end) for one in calendars}
    edges = {start, *(at for each in opened.values() for pair in each for at in pair if at < end)}
    found = {frozenset(name for name in opened if _is_in(opened[name], at)) for at in edges}
    for name in loose:
        found |= {each | {name} for each in found}
    return sorted(found, key=sorted)


def _is_in(intervals: Sequence[Interval], at: int) -> bool:
    number = bisect_right(intervals, at, key=lambda each: each[0]) - 1
    return number >= 0 and at < intervals[number][1]


def _matches(target: Target, start: _Start) -> bool:
    opened, given = start
    field = target.due.field if target.due is not None else None
    return (
        (target.during is None or target.during.name in opened)
        and (target.outside is None or target.outside.name not in opened)
        and (field is None or field in given)
    )
