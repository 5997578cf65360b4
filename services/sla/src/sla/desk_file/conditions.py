"""Whether a condition can hold at all: its value is of the right kind, its name is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.attributes import SEVERITY, Attribute, attributes_of
from sla.desk_file.fact_fields import DeskFacts, FieldType, Kind, Noun
from sla.desk_file.findings import Findings
from sla.desk_file.model import PolicyFile, TriggerModel
from sla.desk_file.when import Except, Plain, Test, When
from sla.domain.policy.conditions import Condition
from sla.domain.policy.matrix import ASKED, IMPACT, URGENCY

_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})
_SEVERITIES = frozenset({SEVERITY, "requested_severity", "previous_severity"})


class Conditions:
    """Checks the conditions of one file."""

    def __init__(self, file: PolicyFile, findings: Findings) -> None:
        self._file, self._findings = file, findings
        self._facts = DeskFacts(file.milestones)
        self._attributes = {noun: attributes_of(noun, file) for noun in Noun}

    def trigger(self, part: TriggerModel, steps: Steps, *, may_ask_ticket: bool = True) -> None:
        """What a trigger asks of its fact, and of the ticket at that moment."""
        for name, test in part.where.items():
            field = self._facts.field(part.fact, name)
            if field is not None:  # else it was told that there is no such field
                self._field(name, field, test, (*steps, "where", name))
        if part.when and not may_ask_ticket:
            message = "`when` has no effect here: flags and silences ask for a fact's own fields"
            hint = "write it as `where`, or ask for the attribute in the rule that uses this"
            self._findings.report((*steps, "when"), message, hint)
        elif part.when and (noun := self._facts.noun(part.fact)) is not None:
            self.attributes(part.when, {noun}, (*steps, "when"))

    def attributes(self, when: When, nouns: Collection[Noun], steps: Steps) -> None:
        """What a rule for these kinds of facts asks of the ticket, or of the incident."""
        for name, test in when.items():
            known = [
                self._attributes[noun][name] for noun in nouns if name in self._attributes[noun]
            ]
            if known:
                self._attribute(name, known[0], test, (*steps, name))
                if Noun.TICKET in nouns:
                    self._of_matrix(name, test, (*steps, name))
            else:
                self._elsewhere(name, (*steps, name))

    def default(self, name: str, value: Plain, steps: Steps) -> None:
        """What `defaults` give an attribute."""
        for known in (self._attributes[noun].get(name) for noun in Noun):
            if known is not None:
                self._kind(name, known.kind, [(value, steps)])
                self._levels(name, [(value, steps)])
                return

    def _elsewhere(self, name: str, steps: Steps) -> None:
        """An attribute that the other kind of facts gives; unknown ones were told before."""
        for noun in Noun:
            if name in self._attributes[noun]:
                other = next(one for one in Noun if one is not noun)
                hint = f"only {noun}s have it; what else a ticket can be is a flag (`flags`)"
                if name in ASKED:
                    hint = f"only {noun}s have it in a file without a `matrix`"
                self._findings.report(steps, f"no {other} has `{name}`", hint)
                return

    def _attribute(self, name: str, known: Attribute, test: Test, steps: Steps) -> None:
        values = _values(test, steps)
        if not self._is_said(name, test, values, steps):
            return
        self._kind(name, known.kind, values)
        if known.is_always_set and not isinstance(test, Except):
            for value, at in values:
                if value is None and len(values) == 1:
                    hint = "write true or false" if known.kind is Kind.YES_OR_NO else None
                    self._findings.report(at, f"`{name}` always has a value", hint)
        self._levels(name, values)
        levels = self._file.severity.levels if self._file.severity else ()
        if name == SEVERITY and levels and all(isinstance(value, str) for value, _ in values):
            self._some_level(test, levels, steps)

    def _field(self, name: str, field: FieldType, test: Test, steps: Steps) -> None:
        values = _values(test, steps)
        if field.kind is Kind.COMPOUND:
            message = f"`{name}` is a list or has parts, which no condition can ask about"
            self._findings.report(steps, message, "ask for a text, a number, or true or false")
        elif self._is_said(name, test, values, steps):
            self._kind(name, field.kind, values)
            self._range(name, field, values)
            self._levels(name, values)

    def _is_said(
        self, name: str, test: Test, values: Sequence[tuple[Plain, Steps]], steps: Steps
    ) -> bool:
        """Whether the test names any value."""
        if values:
            return True
        if isinstance(test, Except):
            self._findings.warn(
                steps, f"`{name}` leaves out nothing: it always holds", "remove it, or name a value"
            )
        else:
            self._findings.report(
                steps, f"`{name}` lists no value: it never holds", "name a value, or remove it"
            )
        return False

    def _kind(self, name: str, kind: Kind, values: Sequence[tuple[Plain, Steps]]) -> None:
        for value, at in values:
            hint = _hint_of_kind(kind, value)
            if hint is not None:
                is_text = kind in (Kind.TEXT, Kind.INSTANT)
                what = "text" if is_text else kind.value
                self._findings.report(at, f"`{name}` is {what}, not {_shown(value)}", hint)

    def _range(self, name: str, field: FieldType, values: Sequence[tuple[Plain, Steps]]) -> None:
        for value, at in values:
            if isinstance(value, int) and not isinstance(value, bool):
                if field.least is not None and value < field.least:
                    self._findings.report(at, f"`{name}` is at least {field.least:g}")
                if field.greatest is not None and value > field.greatest:
                    self._findings.report(at, f"`{name}` is at most {field.greatest:g}")

    def _levels(self, name: str, values: Sequence[tuple[Plain, Steps]]) -> None:
        if name in _SEVERITIES and self._file.severity is not None:
            self._named(values, self._file.severity.levels, "not among the severities")

    def _of_matrix(self, name: str, test: Test, steps: Steps) -> None:
        table = {} if self._file.matrix is None else self._file.matrix.table
        if table and name == IMPACT:
            self._named(_values(test, steps), table, "no impact of the matrix")
        elif table and name == URGENCY:
            urgencies = dict.fromkeys(urgency for row in table.values() for urgency in row)
            self._named(_values(test, steps), urgencies, "no urgency of the matrix")

    def _named(
        self, values: Sequence[tuple[Plain, Steps]], names: Iterable[str], what: str
    ) -> None:
        known = {name.casefold() for name in names}
        for value, at in values:
            if isinstance(value, str) and "*" not in value and value.casefold() not in known:
                self._findings.report(at, f"`{value}` is {what}", suggest(value, names))

    def _some_level(self, test: Test, levels: Sequence[str], steps: Steps) -> None:
        holds = condition_of(SEVERITY, test).test()
        if not any(holds(level) for level in levels):
            hint = f"they are {', '.join(levels)}"
            self._findings.report(steps, "no severity is left: it never holds", hint)


def condition_of(name: str, test: Test) -> Condition:
    """The condition that a file's test of an attribute or field is."""
    if isinstance(test, Except):
        values = test.is_not if isinstance(test.is_not, list) else [test.is_not]
        return Condition(name, tuple(values), is_not=True)
    return Condition(name, tuple(test) if isinstance(test, list) else (test,))


def _values(test: Test, steps: Steps) -> list[tuple[Plain, Steps]]:
    """The values of a test, each with its place."""
    if isinstance(test, Except):
        test, steps = test.is_not, (*steps, "not")
    if isinstance(test, list):
        return [(value, (*steps, index)) for index, value in enumerate(test)]
    return [(test, steps)]


def _hint_of_kind(kind: Kind, value: Plain) -> str | None:
    """What to write in place of a value of the wrong kind; None for a right one."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value is None or kind is Kind.ANYTHING:
        return None
    if kind is Kind.YES_OR_NO and not isinstance(value, bool):
        word = str(value).strip().casefold()
        return f"write {'true' if word in _YES else 'false' if word in _NO else 'true or false'}"
    if kind is Kind.NUMBER and not is_number:
        is_digits = isinstance(value, str) and value.strip().isdigit()
        return (
            f"write {value.strip()}" if isinstance(value, str) and is_digits else "write a number"
        )
    if kind in (Kind.TEXT, Kind.INSTANT) and not isinstance(value, str):
        return f'write "{value}"' if is_number else 'write "*" for any text, null for none'
    return None


def _shown(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
